// module_table: which version of each application's classes a node runs.
//
// One a runtime. The release layer enters an application's classes when it is loaded and exchanges them
// at the switch of an upgrade; child_start and code_change look classes up by name, so they always make
// and take over the current version. At most two versions of a class are known: current and old.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <shared_mutex>
#include <string>
#include <tuple>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "libbeamcore/base/export.hpp"
#include "libbeamcore/otp/child_start.hpp"
#include "libbeamcore/otp/start_result.hpp"
#include "libbeamcore/runtime/callback.hpp"
#include "libbeamcore/runtime/exit.hpp"
#include "libbeamcore/runtime/fwd.hpp"
#include "libbeamcore/runtime/process.hpp"
#include "libbeamcore/runtime/spawn.hpp"
#include "libbeamcore/term/atom.hpp"
#include "libbeamcore/term/pid.hpp"
#include "libbeamcore/term/ref.hpp"

namespace beam {

namespace detail {
struct event_class;
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
    /// For a coroutine function: what goes on with its code in a process that enters it.
    process (*entry)(self, const term& arguments) = nullptr;
    /// For a gen_server: its functions.
    const gen_class* server = nullptr;
    /// For a gen_event_handler likewise.
    const event_class* event_handler = nullptr;
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
    /// The current version of a class, one of whose versions is of this module; of code that is never
    /// unmapped (null) whichever application it is entered for.
    [[nodiscard]] std::optional<module_entry> find(const detail::module_record* module,
                                                   atom name) const;
    [[nodiscard]] std::vector<module_entry> entries() const;

    /// Holds back births, for the pause of an upgrade: what starts a class through this table (a supervisor's
    /// start and restart) waits until they are let go. Not those of code that spawns by itself.
    void hold_births(atom application, atom name);
    /// Lets go all births of an application. From a process.
    void let_births_go(atom application);
    [[nodiscard]] bool births_are_held(atom application, atom name) const;
    /// Waits, in the calling process, while births of the class are held back.
    [[nodiscard]] awaitable<void> wait_for_birth(atom application, atom name);

    // For enter<>: the current version's code, its module retained; nothing if it is the caller's own.
    [[nodiscard]] detail::entry_point newer_entry(atom application, atom name,
                                                  const detail::module_record* caller) const;

private:
    struct waiting_birth {
        std::uint64_t key;
        pid who;
        ref token;
    };
    struct versions;
    mutable std::shared_mutex lock_;
    std::unordered_map<std::uint64_t, std::unique_ptr<versions>> classes_;
    std::atomic<std::size_t> held_count_{
        0};  // births are rarely held: that is seen without the lock
    std::unordered_set<std::uint64_t> held_;
    std::vector<waiting_birth> waiting_;
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

template <class F>
struct entry_code;
/// A coroutine function from a list of terms.
template <class... Params>
struct entry_code<process (*)(self, Params...)> {
    using arguments = std::tuple<std::remove_cvref_t<Params>...>;

    static arguments read(const term& list) {
        auto args = arguments_from<arguments>(list);
        if (!args) raise(std::move(args.error()));
        return *std::move(args);
    }
    template <auto Code>
    static process make(self s, const term& list) {
        return std::apply([s](auto&&... a) { return Code(s, std::move(a)...); }, read(list));
    }
    template <auto Code>
    static start_result start_link(const term& list) {
        spawn_options o;
        o.link = true;
        const spawned child = std::apply(
            [&o](auto&&... a) { return spawn_in(nullptr, o, Code, std::move(a)...); }, read(list));
        return started{child.pid, {}};
    }
};

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

/// The entry of a coroutine function `process f(self, args...)`, whose arguments can be kept as terms.
template <auto Code>
[[nodiscard]] module_entry module_entry_of(atom application, std::string version) {
    using code = detail::entry_code<decltype(Code)>;
    static_assert(detail::all_encodable<typename code::arguments>::value,
                  "an entry's arguments pass to other versions: they must be types with a term");
    detail::class_factory f;
    f.entry = &code::template make<Code>;
    f.start_link = &code::template start_link<Code>;
    return {application, detail::entry_name<Code>(), std::move(version), detail::this_module(), f};
}

/// How to start a coroutine function as a child of a supervisor, linked to it. One that BEAM_APPLICATION
/// lists is looked up at each start, so that a restart takes the current version.
template <auto Code, class... Args>
[[nodiscard]] child_start child(Args... args) {
    const atom name = detail::entry_name<Code>();
    auto kept = detail::arguments_term(std::tuple<Args...>(args...));
    if (detail::module_record* module = detail::this_module())
        return child_start::of_class(atom(module->name), name, std::move(kept));
    auto start = [given = std::tuple<Args...>(std::move(args)...)]() -> start_result {
        spawn_options o;
        o.link = true;
        const spawned made = std::apply(
            [&o](const auto&... a) { return detail::spawn_in(nullptr, o, Code, a...); }, given);
        return started{made.pid, {}};
    };
    return child_start(std::move(start)).described(name, std::move(kept));
}

}  // namespace beam
