// Typed access: a struct for each row, while the table holds terms that everybody can read.
//
//     struct room {
//         std::string name;
//         int members;
//         BEAM_FIELDS(room, name, members)
//         using key = beam::ets::key_field<&room::name>;
//     };
//     beam::ets::typed_table<room> rooms(beam::ets::new_table(beam::atom("rooms")));
//     rooms.insert({"lobby", 3});                          // the row {<<"lobby">>, 3}
//     std::optional<room> r = rooms.lookup("lobby");
//
// A row is the tuple of the fields in the order they are declared in, each as fields.hpp writes it; so the key is the
// element at the table's keypos, which must be the key field's place (typed_table says so when it is made). What others
// put in that does not convert is an error of the reader: badarg with the field's name.
#pragma once

#include <cstddef>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include "libbeamcore/ets/rows.hpp"
#include "libbeamcore/ets/select.hpp"
#include "libbeamcore/ets/table.hpp"
#include "libbeamcore/term/fields.hpp"

namespace beam::ets {

/// Names a row type's key: `using key = key_field<&room::name>;`
template <auto Member>
struct key_field {
    static constexpr auto member = Member;
};

namespace detail {
[[noreturn]] BEAM_EXPORT void bad_row(const char* type, const error& e);
[[noreturn]] BEAM_EXPORT void wrong_shape(const char* type, std::size_t fields, const term& row);
BEAM_EXPORT void check_typed(const table& t, const char* type, std::size_t keypos);
}  // namespace detail

/// A struct with declared fields and a key.
template <class Row>
concept table_row = declared<Row> && std::default_initializable<Row> && requires {
    Row::key::member;
};

/// The place of the key among the fields, from 1: what the table's keypos must be.
template <table_row Row>
inline constexpr std::size_t keypos_of = [] {
    std::size_t at = 0, i = 0;
    Row::beam_each_field([&](const char*, auto member) {
        ++i;
        if constexpr (std::is_same_v<decltype(member),
                                     std::remove_const_t<decltype(Row::key::member)>>)
            if (member == Row::key::member) at = i;
    });
    return at;
}();

/// The tuple of the fields.
template <table_row Row>
[[nodiscard]] term row_to_term(const Row& row) {
    std::vector<term> elements;
    elements.reserve(beam::detail::field_count<Row>);
    Row::beam_each_field([&]<class F>(const char*, F Row::*member) {
        elements.push_back(field_codec<F>::to(row.*member));
    });
    return tuple_of(std::move(elements));
}

/// Back. Errors: `bad_field`, as from_term.
template <table_row Row>
[[nodiscard]] result<Row> row_from(const row& found) {
    auto elements = found.elements();
    if (elements.size() != beam::detail::field_count<Row>)
        detail::wrong_shape(Row::beam_name(), beam::detail::field_count<Row>, found);
    Row made{};
    result<void> r;
    std::size_t i = 0;
    Row::beam_each_field([&]<class F>(const char* name, F Row::*member) {
        const term& e = elements[i++];
        if (!r) return;
        if (auto read = field_codec<F>::from(e, made.*member); !read)
            r = beam::detail::in_field(name, std::move(read.error()));
    });
    if (!r) return beam::detail::at_top(std::move(r.error()));
    return made;
}

/// A table seen as rows of one type. As cheap to copy as a table, and the same for everything it does not say.
template <class Row>
class typed_table {
    static_assert(table_row<Row>,
                  "declare BEAM_FIELDS and `using key = ets::key_field<&Row::field>`");
    static_assert(keypos_of<Row> > 0, "the key is not one of the declared fields");

public:
    using key_type = std::remove_cvref_t<decltype(std::declval<Row>().*Row::key::member)>;

    /// Raises badarg when the table's keypos is not the key's place.
    explicit typed_table(const table& t) : table_(t) {
        detail::check_typed(t, Row::beam_name(), keypos_of<Row>);
    }
    /// A new table with the right keypos.
    static typed_table make(atom name, table_options options = {}) {
        options.keypos = keypos_of<Row>;
        return typed_table(new_table(name, options));
    }

    [[nodiscard]] const ets::table& table() const { return table_; }

    void insert(const Row& row) const { ets::insert(table_, row_to_term(row)); }
    [[nodiscard]] bool insert_new(const Row& row) const {
        return ets::insert_new(table_, row_to_term(row));
    }
    /// The row; of a bag the first.
    [[nodiscard]] std::optional<Row> lookup(const key_type& key) const {
        auto found = ets::lookup(table_, key_term(key));
        if (found.empty()) return std::nullopt;
        return read(found.front());
    }
    [[nodiscard]] std::vector<Row> lookup_all(const key_type& key) const {
        std::vector<Row> all;
        for (const ets::row& r : ets::lookup(table_, key_term(key))) all.push_back(read(r));
        return all;
    }
    [[nodiscard]] bool member(const key_type& key) const {
        return ets::member(table_, key_term(key));
    }
    void erase(const key_type& key) const { ets::erase(table_, key_term(key)); }
    [[nodiscard]] std::optional<Row> take(const key_type& key) const {
        auto found = ets::take(table_, key_term(key));
        if (found.empty()) return std::nullopt;
        return read(found.front());
    }
    /// `f(const Row* row)` gives the row to put in its place, or nothing: as ets::update.
    template <class F>
    bool update(const key_type& key, F f) const {
        return ets::update(table_, key_term(key), [&](const ets::row* r) -> std::optional<term> {
            std::optional<Row> old;
            if (r) old = read(*r);
            std::optional<Row> fresh = f(static_cast<const Row*>(old ? &*old : nullptr));
            if (!fresh) return std::nullopt;
            return row_to_term(*fresh);
        });
    }
    /// `f(const Row&)` for each.
    template <class F>
    void each(F f) const {
        detail::each_row(
            table_, false,
            [](void* context, const term& row) { (*static_cast<F*>(context))(read(row)); }, &f);
    }
    [[nodiscard]] std::size_t size() const { return ets::size(table_); }

private:
    static term key_term(const key_type& key) { return field_codec<key_type>::to(key); }
    static Row read(const ets::row& found) {
        auto made = row_from<Row>(found);
        if (!made) detail::bad_row(Row::beam_name(), made.error());
        return *std::move(made);
    }
    static Row read(const term& t) { return read(ets::row(t)); }

    ets::table table_;
};

}  // namespace beam::ets
