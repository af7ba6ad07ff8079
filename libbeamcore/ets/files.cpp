#include "libbeamcore/ets/files.hpp"

#include <charconv>
#include <optional>
#include <utility>
#include <vector>

#include "libbeamcore/base/hash.hpp"
#include "libbeamcore/ets/internal/table_file.hpp"
#include "libbeamcore/ets/rows.hpp"
#include "libbeamcore/ets/snapshot.hpp"
#include "libbeamcore/term/syntax.hpp"

namespace beam::ets {

using beam::detail::ets::file_reader;
using beam::detail::ets::new_file;

namespace {

// The file's first line. Then, each a line and the text that it counts and vouches for:
//   table BYTES HASH     the description, a map
//   rows BYTES HASH N    N rows, each with a dot and a newline
//   end TOTAL HASH       all rows, and a hash of the hashes above
constexpr std::string_view mark = "beamcore table 1";
constexpr std::size_t block_bytes = 256 * 1024;

constexpr std::pair<table_type, const char*> type_words[] = {
    {table_type::set, "set"},
    {table_type::ordered_set, "ordered_set"},
    {table_type::bag, "bag"},
    {table_type::duplicate_bag, "duplicate_bag"},
};
constexpr std::pair<table_access, const char*> access_words[] = {
    {table_access::public_, "public"},
    {table_access::protected_, "protected"},
    {table_access::private_, "private"},
};

template <class E, std::size_t N>
atom word_of(const std::pair<E, const char*> (&words)[N], E value) {
    for (const auto& w : words)
        if (w.first == value) return atom(w.second);
    return atoms::undefined;
}
template <class E, std::size_t N>
std::optional<E> value_of(const std::pair<E, const char*> (&words)[N], const term* word) {
    for (const auto& w : words)
        if (word && *word == atom(w.second)) return w.first;
    return std::nullopt;
}

std::string hex(std::uint64_t n) {
    char text[17] = {};
    const auto end = std::to_chars(text, text + 16, n, 16);
    return {text, end.ptr};
}

// A closure has no text that can be read again.
bool has_closure(const term& t) {
    std::vector<const term*> left{&t};
    while (!left.empty()) {
        const term& at = *left.back();
        left.pop_back();
        if (const fun* f = at.as_fun(); f && !f->external) return true;
        for (const term& e : at.elements()) left.push_back(&e);
        for (const map_entry& e : at.entries()) {
            left.push_back(&e.key);
            left.push_back(&e.value);
        }
        if (at.kind() != term_kind::list) continue;
        auto view = at.list_elements();
        for (const term& e : view) left.push_back(&e);
        left.push_back(&view.last_tail());
    }
    return false;
}

class table_writer {
public:
    explicit table_writer(new_file file) : file_(std::move(file)) {}

    result<void> begin(const info& about, std::size_t size) {
        term described = map({{atom("name"), about.name},
                              {atom("named"), about.named},
                              {atom("type"), word_of(type_words, about.type)},
                              {atom("access"), word_of(access_words, about.access)},
                              {atom("keypos"), about.keypos},
                              {atom("size"), size}});
        if (auto r = file_.write(std::string(mark) + "\n"); !r) return r;
        return part("table", to_string(described) + "\n", "");
    }
    void add(const term& row) {
        if (error_) return;
        if (has_closure(row)) {
            error_ = error{"unsupported",
                           "a row holds a closure: " + to_string(row, {.max_bytes = 200})};
            return;
        }
        block_ += to_string(row);
        block_ += ".\n";
        ++in_block_;
        if (block_.size() < block_bytes) return;
        if (auto r = flush(); !r) error_ = r.error();
    }
    result<std::size_t> finish() {
        if (!error_ && in_block_ > 0)
            if (auto r = flush(); !r) error_ = r.error();
        if (error_) return fail(error_->code, error_->detail);
        if (auto r = file_.write("end " + std::to_string(rows_) + " " + hex(hash_) + "\n"); !r)
            return pass(r);
        if (auto r = file_.finish(); !r) return pass(r);
        return rows_;
    }

private:
    result<void> part(std::string_view kind, const std::string& text, const std::string& more) {
        const std::uint64_t h = xxh3_64(text);
        hash_ = hash_combine(hash_, h);
        std::string head(kind);
        head += " " + std::to_string(text.size()) + " " + hex(h) + more + "\n";
        if (auto r = file_.write(head); !r) return r;
        return file_.write(text);
    }
    result<void> flush() {
        auto r = part("rows", block_, " " + std::to_string(in_block_));
        rows_ += in_block_;
        in_block_ = 0;
        block_.clear();
        return r;
    }

    new_file file_;
    std::string block_;
    std::size_t in_block_ = 0, rows_ = 0;
    std::uint64_t hash_ = 0;
    std::optional<error> error_;
};

class table_reader {
public:
    table_reader(const std::string& path, file_reader file) : path_(path), file_(std::move(file)) {}

    result<file_info> begin() {
        auto first = file_.line();
        if (!first) return pass(first);
        if (*first != mark) return fail("not_a_table", path_ + " is no file of a table");
        auto p = next();
        if (!p) return pass(p);
        if (p->kind != "table") return damaged("the description is missing");
        auto described = parse_term(p->text);
        if (!described) return damaged("the description: " + described.error().detail);
        return read_info(*described);
    }
    // The next rows; none at the end.
    result<std::vector<term>> rows() {
        auto p = next();
        if (!p) return pass(p);
        if (p->kind == "end") {
            if (p->count != rows_) return damaged("it has not the rows that it says");
            return std::vector<term>();
        }
        auto read = parse_terms(p->text);
        if (!read) return damaged("a row: " + read.error().detail);
        if (read->size() != p->count || read->empty()) return damaged("a block has not its rows");
        rows_ += read->size();
        return read;
    }

private:
    struct part {
        std::string kind;
        std::size_t count = 0;  // of rows
        std::string text;
    };

    tl::unexpected<error> damaged(const std::string& why) const {
        return fail("damaged", path_ + " is damaged: " + why);
    }

    result<part> next() {
        auto head = file_.line();
        if (!head) return pass(head);
        if (head->empty()) return damaged("it ends too early");
        std::vector<std::string> words(1);
        for (char c : *head)
            if (c == ' ')
                words.emplace_back();
            else
                words.back() += c;
        part p{words[0], 0, {}};
        if (p.kind == "end" && words.size() == 3) {
            if (!number(words[1], 10, p.count) || words[2] != hex(hash_))
                return damaged("its end does not fit what is before");
            return p;
        }
        const bool is_rows = p.kind == "rows" && words.size() == 4;
        std::size_t bytes = 0;
        if (!(is_rows || (p.kind == "table" && words.size() == 3)) ||
            !number(words[1], 10, bytes) || (is_rows && !number(words[3], 10, p.count)))
            return damaged("a line that is none of a table's: " + head->substr(0, 60));
        auto text = file_.take(bytes);
        if (!text) return pass(text);
        if (text->size() != bytes) return damaged("it ends too early");
        const std::uint64_t h = xxh3_64(*text);
        if (words[2] != hex(h)) return damaged("a checksum is wrong");
        hash_ = hash_combine(hash_, h);
        p.text = *std::move(text);
        return p;
    }

    static bool number(const std::string& text, int base, std::size_t& n) {
        const auto r = std::from_chars(text.data(), text.data() + text.size(), n, base);
        return r.ec == std::errc() && r.ptr == text.data() + text.size();
    }

    result<file_info> read_info(const term& t) const {
        const auto at = [&](const char* key) { return t.map_find(atom(key)); };
        const auto type = value_of(type_words, at("type"));
        const auto access = value_of(access_words, at("access"));
        const term *name = at("name"), *named = at("named"), *keypos = at("keypos"),
                   *size = at("size");
        if (!type || !access || !name || !name->as_atom() || !named || !named->as_bool() ||
            !keypos || !keypos->as_int<std::size_t>() || !size || !size->as_int<std::size_t>())
            return damaged("the description lacks something");
        return file_info{*name->as_atom(),
                         *named->as_bool(),
                         *type,
                         *access,
                         *keypos->as_int<std::size_t>(),
                         *size->as_int<std::size_t>()};
    }

    const std::string& path_;
    file_reader file_;
    std::uint64_t hash_ = 0;
    std::size_t rows_ = 0;
};

result<table_reader> open_reader(const std::string& path) {
    auto file = file_reader::open(path);
    if (!file) return pass(file);
    return table_reader(path, std::move(*file));
}

}  // namespace

result<std::size_t> tab2file(const table& t, const std::string& path) {
    const snapshot rows(t);
    const auto about = info_of(t);
    if (!about) throw bad_argument("the table has just been deleted");
    auto file = new_file::create(path);
    if (!file) return pass(file);
    table_writer out(std::move(*file));
    if (auto r = out.begin(*about, rows.size()); !r) return pass(r);
    rows.each([&](const term& row) { out.add(row); });
    return out.finish();
}

result<table> file2tab(const std::string& path) {
    auto in = open_reader(path);
    if (!in) return pass(in);
    auto about = in->begin();
    if (!about) return pass(about);
    if (about->named && whereis(about->name))
        return fail("name_taken", "there is a table " + to_string(about->name) + " already");
    table_options o;
    o.type = about->type;
    o.access = about->access;
    o.keypos = about->keypos;
    o.named = about->named;
    table made = new_table(about->name, o);
    struct guard {
        const table* t;
        ~guard() {
            if (t) delete_table(*t);
        }
    } unfinished{&made};
    for (;;) {
        auto rows = in->rows();
        if (!rows) return pass(rows);
        if (rows->empty()) break;
        for (const term& row : *rows)
            if (row.elements().size() < o.keypos)
                return fail("damaged", path + " is damaged: what is no row of this table");
        insert(made, *rows);
    }
    unfinished.t = nullptr;
    return made;
}

result<file_info> tabfile_info(const std::string& path) {
    auto in = open_reader(path);
    if (!in) return pass(in);
    return in->begin();
}

}  // namespace beam::ets
