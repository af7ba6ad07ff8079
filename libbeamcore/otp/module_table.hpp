// module_table: which version of each application's classes a node runs.
//
// One a runtime. The release layer enters an application's classes when it is loaded and exchanges them
// at the switch of an upgrade; child_start and code_change look classes up by name, so they always make
// and take over the current version. At most two versions of a class are known: current and old.
#pragma once

#include <memory>
#include <optional>
#include <shared_mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "libbeamcore/base/export.hpp"
#include "libbeamcore/otp/child_start.hpp"
#include "libbeamcore/otp/start_result.hpp"
#include "libbeamcore/runtime/callback.hpp"
#include "libbeamcore/runtime/fwd.hpp"
#include "libbeamcore/runtime/process.hpp"
#include "libbeamcore/term/atom.hpp"

namespace beam {

namespace detail {
struct gen_class;

/// A class as terms reach it.
struct BEAM_EXPORT class_factory {
    /// Starts one, linked to the caller, from a list of arguments. One of the two; null for a class
    /// that does not declare its arguments.
    start_result (*start_link)(const term& arguments) = nullptr;
    awaitable<start_result> (*start_link_waiting)(term arguments) = nullptr;
    /// For a supervisor: its init with a list of arguments, as it may be asked again; empty if they do
    /// not fit. One of the two.
    callback<supervisor_init()> (*supervisor)(const term& arguments) = nullptr;
    callback<dynamic_supervisor_init()> (*dynamic_supervisor)(const term& arguments) = nullptr;
    /// For a gen_server: its functions.
    const gen_class* server = nullptr;
    std::uint64_t fingerprint = 0;  ///< of the state; 0: it can only be restarted
};
}  // namespace detail

/// One version of one class.
struct module_entry {
    atom application;
    atom name;
    std::string version;
    detail::module_record* module = nullptr;
    detail::class_factory factory;
};

/// The classes that one runtime knows. All functions may be called from any thread.
class BEAM_EXPORT module_table {
public:
    /// The calling process's runtime's.
    [[nodiscard]] static module_table& current();
    [[nodiscard]] static module_table& of(runtime& node);

    module_table();
    ~module_table();

    /// Makes it the current version of its class; what was current before becomes the old one, and
    /// what was old is forgotten. All entries at once, as others see it.
    void publish(std::vector<module_entry> entries);
    /// Takes a class out, current and old.
    void remove(atom application, atom name);
    /// Forgets the old versions of an application's classes.
    void forget_old(atom application);

    /// The current version.
    [[nodiscard]] std::optional<module_entry> find(atom application, atom name) const;
    [[nodiscard]] std::optional<module_entry> find_old(atom application, atom name) const;
    /// The current version, whichever application it is of; nothing if two have it.
    [[nodiscard]] std::optional<module_entry> find(atom name) const;
    [[nodiscard]] std::vector<module_entry> entries() const;

private:
    struct versions;
    mutable std::shared_mutex lock_;
    std::unordered_map<std::uint64_t, std::unique_ptr<versions>> classes_;
};

namespace detail {

/// A class with its arguments, from a term. The error: `badarg` and what did not fit.
template <class Tuple>
outcome<Tuple> arguments_from(const term& list) {
    Tuple made{};
    auto items = list.as_list();
    if (!items || items->size() != std::tuple_size_v<Tuple>) return fail_term(atoms::badarg);
    outcome<void> r;
    [&]<std::size_t... I>(std::index_sequence<I...>) {
        [[maybe_unused]] auto read = [&]<std::size_t N>(std::integral_constant<std::size_t, N>) {
            using item = std::tuple_element_t<N, Tuple>;
            auto ok = field_codec<item>::from((*items)[N], std::get<N>(made));
            if (!ok) r = fail_term(tuple(atoms::badarg, term(ok.error().detail)));
            return ok.has_value();
        };
        (void)(read(std::integral_constant<std::size_t, I>{}) && ...);
    }
    (std::make_index_sequence<std::tuple_size_v<Tuple>>{});
    if (!r) return fail_term(std::move(r.error()));
    return made;
}

template <class T>
start_result start_from_terms(const term& list) {
    auto args = arguments_from<typename T::arguments>(list);
    if (!args) return fail_term(std::move(args.error()));
    return std::apply([](const auto&... a) { return behaviour<T>::start_link(a...); }, *args);
}

template <class T>
awaitable<start_result> start_from_terms_waiting(term list) {
    auto args = arguments_from<typename T::arguments>(list);
    if (!args) co_return fail_term(std::move(args.error()));
    auto start = std::apply([](const auto&... a) { return behaviour<T>::start_link(a...); }, *args);
    start_result r = co_await start;
    co_return r;
}

template <class T>
concept has_behaviour = requires {
    sizeof(behaviour<T>);
};

/// Fills in `server` and `fingerprint`; each behaviour that upgrades specialises it.
template <class T>
struct upgrade_facts {
    static void fill(class_factory&) {}
};

template <class T>
class_factory factory_of() {
    class_factory f;
    if constexpr (has_behaviour<T> && named_arguments<T>) {
        using result =
            decltype(std::apply([](const auto&... a) { return behaviour<T>::start_link(a...); },
                                std::declval<const typename T::arguments&>()));
        if constexpr (is_waiting_start<result>)
            f.start_link_waiting = &start_from_terms_waiting<T>;
        else
            f.start_link = &start_from_terms<T>;
    }
    upgrade_facts<T>::fill(f);
    return f;
}

}  // namespace detail

/// The entry of a class, in the module that it is compiled into.
template <class T>
[[nodiscard]] module_entry module_entry_of(atom application, std::string version) {
    return {application, detail::class_name<T>(), std::move(version), detail::this_module(),
            detail::factory_of<T>()};
}

}  // namespace beam
