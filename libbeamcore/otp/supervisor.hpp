// supervisor: a process that starts other processes, watches over them and starts them again.
//
// What it does with an end is said by flags and child specifications (child_spec.hpp); the rules are
// those of OTP's supervisor. A supervisor is made from flags and specifications, or from a class whose
// static init gives them, which is asked again at a code change:
//
//     struct chat_sup {
//         static beam::supervisor_init init(int rooms) {
//             return {{.strategy = beam::restart_strategy::rest_for_one, .intensity = 3},
//                     {{"router", beam::child<router>()}, {"rooms", beam::child<rooms>(rooms)}}};
//         }
//     };
//     auto started = co_await beam::supervisor::start_link<chat_sup>(8);
//
// All calls wait for ever, as OTP's do: a supervisor that stops a child answers when the child is gone.
// They exit their caller with `{noproc, ...}` when there is no such supervisor.
#pragma once

#include <chrono>
#include <concepts>
#include <cstdint>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "libbeamcore/base/export.hpp"
#include "libbeamcore/otp/child_spec.hpp"
#include "libbeamcore/otp/child_start.hpp"
#include "libbeamcore/otp/module_table.hpp"
#include "libbeamcore/otp/start_result.hpp"
#include "libbeamcore/otp/via.hpp"
#include "libbeamcore/runtime/call.hpp"
#include "libbeamcore/runtime/callback.hpp"
#include "libbeamcore/runtime/server_ref.hpp"
#include "libbeamcore/term/descriptor.hpp"
#include "libbeamcore/term/outcome.hpp"

namespace beam {

/// One line of which_children: `{Id, Pid | undefined | restarting, Type, Modules}`.
struct child_info {
    term id;  ///< `undefined` under a simple_one_for_one or dynamic supervisor
    std::optional<beam::pid> pid{};
    bool restarting = false;  ///< a restart failed and will be tried again
    child_type type = child_type::worker;
    term modules = nil;

    [[nodiscard]] BEAM_EXPORT term to_term() const;
};

/// The answer of count_children.
struct children_count {
    std::uint64_t specs = 0;        ///< all children, dead or alive; 1 under simple_one_for_one
    std::uint64_t active = 0;       ///< those alive
    std::uint64_t supervisors = 0;  ///< those of type supervisor, dead or alive
    std::uint64_t workers = 0;      ///< those of type worker, dead or alive

    friend bool operator==(const children_count&, const children_count&) = default;
    /// `[{specs, N}, {active, N}, {supervisors, N}, {workers, N}]`
    [[nodiscard]] BEAM_EXPORT term to_term() const;
};

#define BEAM_DETAIL_OTP_FORM(type)                            \
    template <>                                               \
    struct BEAM_EXPORT field_codec<type> {                    \
        static term to(const type& value);                    \
        static result<void> from(const term& t, type& value); \
        template <class>                                      \
        static constexpr std::uint64_t fingerprint() {        \
            return detail::fnv(#type);                        \
        }                                                     \
    };
/// In the forms of OTP's answers, for supervisors and callers on other nodes.
BEAM_DETAIL_OTP_FORM(child_info)
BEAM_DETAIL_OTP_FORM(children_count)
#undef BEAM_DETAIL_OTP_FORM

namespace detail {

/// What a supervisor is made from: who it is, and its init, which may be asked again.
struct supervisor_source {
    atom application;      // the module's that the class is of
    atom module;           // the class's name
    term arguments = nil;  // init's, for reports; `undefined` where they are no terms
    callback<supervisor_init()> init;
};

template <class F>
struct init_function;
template <class R, class... Args>
struct init_function<R (*)(Args...)> {
    using result = R;
    using arguments = std::tuple<std::remove_cvref_t<Args>...>;
};
template <class R, class... Args>
struct init_function<R (*)(Args...) noexcept> : init_function<R (*)(Args...)> {};
template <class T>
using init_arguments = typename init_function<decltype(&T::init)>::arguments;
template <class T>
using init_result_of = typename init_function<decltype(&T::init)>::result;

/// A class with a static init, not overloaded, that gives a supervisor_init.
template <class T>
concept supervisor_class = std::convertible_to<init_result_of<T>, supervisor_init>;

BEAM_EXPORT awaitable<start_result> start_supervisor(supervisor_source source, server_name name);

template <class T, class... Args>
supervisor_source source_of(Args... args) {
    supervisor_source s;
    if (module_record* m = this_module()) s.application = atom(m->name);
    s.module = class_name<T>();
    if constexpr (all_encodable<std::tuple<Args...>>::value)
        s.arguments = arguments_term(std::tuple<Args...>(args...));
    else
        s.arguments = atoms::undefined;
    s.init = [kept = std::tuple<Args...>(std::move(args)...)]() -> supervisor_init {
        return std::apply([](const auto&... a) { return supervisor_init(T::init(a...)); }, kept);
    };
    return s;
}

/// child<my_sup>(args...) starts a supervisor.
template <supervisor_class T>
struct behaviour<T> {
    template <class... Args>
    static awaitable<start_result> start_link(Args... args) {
        return start_supervisor(source_of<T>(std::move(args)...), server_name());
    }
};

/// A supervisor's init from terms, for the module table.
template <class T>
callback<supervisor_init()> supervisor_from_terms(const term& arguments) {
    auto read = arguments_from<init_arguments<T>>(arguments);
    if (!read) return {};
    return [kept = std::move(*read)]() -> supervisor_init {
        return std::apply([](const auto&... a) { return supervisor_init(T::init(a...)); }, kept);
    };
}

template <supervisor_class T>
struct upgrade_facts<T> {
    static void fill(class_factory& f) {
        if constexpr (all_encodable<init_arguments<T>>::value)
            f.supervisor = &supervisor_from_terms<T>;
    }
};

}  // namespace detail

namespace supervisor {

/// Starts a supervisor linked to the calling process, and its children in order. The name is registered
/// before any child starts. Gives its pid once every child has initialised.
///
/// Errors: `{already_started, Pid}`, `{supervisor_data, E}` (flags), `{start_spec, E}` (specifications),
/// `{shutdown, {failed_to_start_child, Id, Reason}}`; in that case the children started before were
/// stopped, last first. The supervisor has then ended with the same reason, as the link tells.
[[nodiscard]] BEAM_EXPORT awaitable<start_result> start_link(supervisor_flags flags,
                                                             std::vector<child_spec> children,
                                                             server_name name = {});

/// Starts a supervisor from a class. Besides the errors above: what init throws, as `{Reason, Stack}`;
/// `{bad_return, {Class, init, Value}}`. `ignore` when init says so.
template <class T, class... Args>
requires detail::supervisor_class<T>
[[nodiscard]] awaitable<start_result> start_link(Args... args) {
    return detail::start_supervisor(detail::source_of<T>(std::move(args)...), server_name());
}
/// The same under a name.
template <class T, class... Args>
requires detail::supervisor_class<T>
[[nodiscard]] awaitable<start_result> start_link_named(server_name name, Args... args) {
    return detail::start_supervisor(detail::source_of<T>(std::move(args)...), std::move(name));
}

/// The start of a supervisor made from flags and specifications, as a child of another one. For a class
/// `child<my_sup>(args...)` does. See child_of.
[[nodiscard]] BEAM_EXPORT child_start child(supervisor_flags flags,
                                            std::vector<child_spec> children,
                                            server_name name = {});

/// The specification of a child that is a supervisor: permanent, with all the time it needs to stop.
[[nodiscard]] inline child_spec child_of(term id, child_start start) {
    return child_spec(std::move(id), std::move(start), restart_type::permanent, infinity{},
                      child_type::supervisor);
}

/// A list of specifications, for start_link inside a co_await expression, where g++ 12 takes no braces.
template <class... Specs>
requires(std::same_as<Specs, child_spec>&&...)
    [[nodiscard]] std::vector<child_spec> children(Specs... specs) {
    std::vector<child_spec> list;
    list.reserve(sizeof...(specs));
    (list.push_back(std::move(specs)), ...);
    return list;
}

/// A list of arguments, likewise.
template <class... Ts>
requires(std::convertible_to<Ts, term>&&...) [[nodiscard]] term arguments(Ts&&... values) {
    std::vector<term> list;
    list.reserve(sizeof...(values));
    (list.push_back(term(std::forward<Ts>(values))), ...);
    return list_of(std::move(list));
}

/// Adds a child and starts it. `ignore` keeps the specification without a process, unless it is temporary.
///
/// Errors: `{already_started, Pid}`, `already_present`, what check_childspecs says of it,
/// `{Reason, Child}` when it does not start (it is not kept then).
[[nodiscard]] BEAM_EXPORT future<start_result> start_child(const server_ref& supervisor,
                                                           child_spec spec);
/// Starts a child of a simple_one_for_one supervisor with these arguments (a list) added behind those of
/// its specification. Errors: the child's reason, bare. `ignore` keeps nothing.
[[nodiscard]] BEAM_EXPORT future<start_result> start_child(const server_ref& supervisor,
                                                           term extra_arguments);

/// Stops a child: by id, or by pid under simple_one_for_one. Its specification stays, unless it is
/// temporary. Errors: `not_found`, `simple_one_for_one` (an id there).
[[nodiscard]] BEAM_EXPORT future<outcome<void>> terminate_child(const server_ref& supervisor,
                                                                term id);

/// Starts a stopped child again. Errors: `running`, `restarting`, `not_found`, `simple_one_for_one`, or
/// the child's reason.
[[nodiscard]] BEAM_EXPORT future<start_result> restart_child(const server_ref& supervisor, term id);

/// Forgets a stopped child. Errors: `running`, `restarting`, `not_found`, `simple_one_for_one`.
[[nodiscard]] BEAM_EXPORT future<outcome<void>> delete_child(const server_ref& supervisor, term id);

/// The children, the newest first. Copies.
[[nodiscard]] BEAM_EXPORT future<std::vector<child_info>> which_children(
    const server_ref& supervisor);

[[nodiscard]] BEAM_EXPORT future<children_count> count_children(const server_ref& supervisor);

/// A child's specification; to_term() of it is OTP's map. Error: `not_found`.
[[nodiscard]] BEAM_EXPORT future<outcome<child_spec>> get_childspec(const server_ref& supervisor,
                                                                    term id);

}  // namespace supervisor

}  // namespace beam

BEAM_EXPORTED_DESCRIPTOR(beam::children_count);
BEAM_EXPORTED_DESCRIPTOR(std::vector<beam::child_info>);
