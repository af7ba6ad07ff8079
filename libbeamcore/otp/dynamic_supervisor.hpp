// dynamic_supervisor: a supervisor of children that come and go, each with a specification of its own.
//
// As Elixir's DynamicSupervisor: no children at the start, no order, ids are ignored, a child is known by
// its pid, and at the end all children are told to stop at once. Starting and ending a child costs the
// same however many there are. Flags are also what a class's static init may give, asked again at a code
// change:
//
//     struct rooms { static beam::dynamic_supervisor_init init() { return {{.max_children = 1000}}; } };
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <tuple>
#include <utility>
#include <vector>

#include "libbeamcore/base/export.hpp"
#include "libbeamcore/otp/supervisor.hpp"

namespace beam {

/// How a dynamic supervisor deals with its children: more than `max_restarts` restarts within
/// `max_seconds` make it give up.
struct dynamic_supervisor_flags {
    int max_restarts = 3;
    std::chrono::seconds max_seconds{5};
    std::size_t max_children = SIZE_MAX;  ///< default: no limit
};

/// What a dynamic supervisor's init gives.
class dynamic_supervisor_init {
public:
    /// Each child's arguments come behind `extra_arguments`, a list. Their starts must be made from terms
    /// then (child_of_terms, or a class of the module table).
    dynamic_supervisor_init(dynamic_supervisor_flags flags, term extra_arguments = nil)
        : flags_(flags), extra_arguments_(std::move(extra_arguments)) {}
    dynamic_supervisor_init(ignore) : ignore_(true) {}  // NOLINT: implicit

    [[nodiscard]] bool is_ignore() const { return ignore_; }
    [[nodiscard]] const dynamic_supervisor_flags& flags() const { return flags_; }
    [[nodiscard]] const term& extra_arguments() const { return extra_arguments_; }

private:
    dynamic_supervisor_flags flags_;
    term extra_arguments_ = nil;
    bool ignore_ = false;
};

namespace detail {

struct dynamic_source {
    atom application;
    atom module;
    term arguments = nil;
    callback<dynamic_supervisor_init()> init;
};

template <class T>
concept dynamic_supervisor_class =
    !supervisor_class<T> && std::convertible_to<init_result_of<T>, dynamic_supervisor_init>;

BEAM_EXPORT awaitable<start_result> start_dynamic_supervisor(dynamic_source source,
                                                             server_name name);

template <class T, class... Args>
dynamic_source dynamic_source_of(Args... args) {
    dynamic_source s;
    if (module_record* m = this_module()) s.application = atom(m->name);
    s.module = class_name<T>();
    if constexpr (all_encodable<std::tuple<Args...>>::value)
        s.arguments = arguments_term(std::tuple<Args...>(args...));
    else
        s.arguments = atoms::undefined;
    s.init = [kept = std::tuple<Args...>(std::move(args)...)]() -> dynamic_supervisor_init {
        return std::apply([](const auto&... a) { return dynamic_supervisor_init(T::init(a...)); },
                          kept);
    };
    return s;
}

template <dynamic_supervisor_class T>
struct behaviour<T> {
    template <class... Args>
    static awaitable<start_result> start_link(Args... args) {
        return start_dynamic_supervisor(dynamic_source_of<T>(std::move(args)...), server_name());
    }
};

template <class T>
callback<dynamic_supervisor_init()> dynamic_supervisor_from_terms(const term& arguments) {
    auto read = arguments_from<init_arguments<T>>(arguments);
    if (!read) return {};
    return [kept = std::move(*read)]() -> dynamic_supervisor_init {
        return std::apply([](const auto&... a) { return dynamic_supervisor_init(T::init(a...)); },
                          kept);
    };
}

template <dynamic_supervisor_class T>
struct upgrade_facts<T> {
    static void fill(class_factory& f) {
        if constexpr (all_encodable<init_arguments<T>>::value)
            f.dynamic_supervisor = &dynamic_supervisor_from_terms<T>;
    }
};

}  // namespace detail

namespace dynamic_supervisor {

/// Starts a dynamic supervisor linked to the calling process.
///
/// Errors: `{already_started, Pid}`, `{supervisor_data, E}` for flags that make no sense.
[[nodiscard]] BEAM_EXPORT awaitable<start_result> start_link(dynamic_supervisor_flags flags = {},
                                                             server_name name = {},
                                                             term extra_arguments = nil);
template <class T, class... Args>
requires detail::dynamic_supervisor_class<T>
[[nodiscard]] awaitable<start_result> start_link(Args... args) {
    return detail::start_dynamic_supervisor(detail::dynamic_source_of<T>(std::move(args)...),
                                            server_name());
}
template <class T, class... Args>
requires detail::dynamic_supervisor_class<T>
[[nodiscard]] awaitable<start_result> start_link_named(server_name name, Args... args) {
    return detail::start_dynamic_supervisor(detail::dynamic_source_of<T>(std::move(args)...),
                                            std::move(name));
}

/// The start of a dynamic supervisor as a child of another supervisor: see supervisor::child_of.
[[nodiscard]] BEAM_EXPORT child_start child(dynamic_supervisor_flags flags = {},
                                            server_name name = {}, term extra_arguments = nil);

/// Starts a child. `ignore` keeps nothing.
///
/// Errors: `max_children`; `{invalid_mfa, undefined}` without a start; `{invalid_shutdown, N}`; the child's
/// reason, bare.
[[nodiscard]] BEAM_EXPORT future<start_result> start_child(const server_ref& supervisor,
                                                           child_spec spec);
/// The same from an Erlang map. Errors also as child_spec_from_term().
[[nodiscard]] BEAM_EXPORT future<start_result> start_child(const server_ref& supervisor, term spec);

/// Stops a child and forgets it. Error: `not_found`.
[[nodiscard]] BEAM_EXPORT future<outcome<void>> terminate_child(const server_ref& supervisor,
                                                                pid child);

/// The children, the newest first. Copies.
[[nodiscard]] BEAM_EXPORT future<std::vector<child_info>> which_children(
    const server_ref& supervisor);

[[nodiscard]] BEAM_EXPORT future<children_count> count_children(const server_ref& supervisor);

}  // namespace dynamic_supervisor

}  // namespace beam
