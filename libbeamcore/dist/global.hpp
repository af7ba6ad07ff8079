// global: names and locks of all connected visible nodes, as Erlang's global and together with it.
//
//     bool yes = co_await beam::dist::global::register_name("leader", me.id());
//     auto leader = beam::dist::global::whereis_name("leader");    // on any node
//
// Each node has all names in a table, which is read without asking anybody. A name is registered on all nodes or on
// none, under a lock that they set together. It is gone when its process ends, or its node is lost. When nodes that
// were apart are connected, they exchange their names; of two processes with one name a method decides who keeps it.
//
// The nodes that are so connected are connected each with each. When one loses another, all who know both disconnect
// from the latter, so that no two partitions overlap (options::prevent_overlapping_partitions).
//
// All this runs on a distributed node (dist::start_link): functions that wait exit their caller with
// `{noproc, _}` on one that is not. A caller that dies while it waits: what it asked for is done all the same; locks that it
// has set go.
#pragma once

#include <optional>
#include <tuple>
#include <utility>
#include <vector>

#include "libbeamcore/base/export.hpp"
#include "libbeamcore/otp/child_start.hpp"
#include "libbeamcore/otp/start.hpp"
#include "libbeamcore/runtime/callback.hpp"
#include "libbeamcore/runtime/exit.hpp"
#include "libbeamcore/runtime/process.hpp"
#include "libbeamcore/runtime/send.hpp"
#include "libbeamcore/runtime/server_ref.hpp"
#include "libbeamcore/term/atom.hpp"
#include "libbeamcore/term/outcome.hpp"
#include "libbeamcore/term/pid.hpp"
#include "libbeamcore/term/term.hpp"

namespace beam::dist::global {

/// Who keeps a name that two processes have when their nodes are connected. It runs once, on the node of one of the two.
class BEAM_EXPORT clash_method {
public:
    /// One of the two is killed: that on the node with the greater name. The default.
    static clash_method random_exit_name();
    /// That one is sent `{global_name_conflict, Name}` instead.
    static clash_method random_notify_name();
    /// Nobody keeps it; each is sent `{global_name_conflict, Name, OtherPid}`.
    static clash_method notify_all_name();
    /// A function of the table (dist/functions.hpp) of every node: gets name and both pids and gives the one that keeps it,
    /// or `none`.
    clash_method(atom module, atom function);

    [[nodiscard]] const term& as_term() const { return method_; }

private:
    term method_;
};

/// Gives a process, of any node, a name. False (`no`): the name is taken, or the process has another. It
/// waits for all nodes, and while another has the lock. (global:register_name/3)
[[nodiscard]] BEAM_EXPORT awaitable<bool> register_name(
    term name, pid who, clash_method method = clash_method::random_exit_name());
/// The same whoever has the name now; he loses it and is not told. (global:re_register_name/3)
[[nodiscard]] BEAM_EXPORT awaitable<void> re_register_name(
    term name, pid who, clash_method method = clash_method::random_exit_name());
/// Nothing if nobody has it. (global:unregister_name/1)
[[nodiscard]] BEAM_EXPORT awaitable<void> unregister_name(term name);

/// The process with that name, as this node knows it now. Never waits. (global:whereis_name/1)
[[nodiscard]] BEAM_EXPORT std::optional<pid> whereis_name(const term& name);
/// In no order.
[[nodiscard]] BEAM_EXPORT std::vector<term> registered_names();

/// Sends to the process with that name, and gives it. Exits the caller with `{badarg, {Name, Message}}` if there is none.
/// (global:send/2)
template <sendable T>
pid send(const term& name, T value) {
    const auto found = whereis_name(name);
    if (!found)
        beam::exit(tuple(atoms::badarg, tuple(name, message::make(std::move(value)).to_term())));
    beam::send(*found, std::move(value));
    return *found;
}

/// Waits until this node and all visible nodes that are connected now have the same names. (global:sync/0)
[[nodiscard]] BEAM_EXPORT awaitable<void> sync();

// -- locks ----------------------------------------------------------------------------------------

/// A lock is on a resource, and a requester's: several processes may set it under one requester. Each takes its own back, and
/// loses it when it ends. The resource `global` is global's own.
struct lock_id {
    term resource;
    term requester;
    lock_id(term of, term by) : resource(std::move(of)), requester(std::move(by)) {}
};

/// How often to try again; between tries it waits, up to 8 s.
class retries {
public:
    constexpr retries(unsigned n) : left_(n) {}      // NOLINT: implicit
    constexpr retries(infinity) : endless_(true) {}  // NOLINT: implicit
    /// Uses one up; false: there is none.
    constexpr bool take() { return endless_ || (left_ > 0 && left_-- > 0); }

private:
    unsigned left_ = 0;
    bool endless_ = false;
};

/// This node and all visible ones.
[[nodiscard]] BEAM_EXPORT std::vector<atom> all_nodes();

/// Sets the lock on these nodes, or gives up after so many more tries: false, and it is set nowhere. Nodes that cannot be
/// reached do not count. (global:set_lock/3)
[[nodiscard]] BEAM_EXPORT awaitable<bool> set_lock(lock_id id,
                                                   std::vector<atom> nodes = all_nodes(),
                                                   retries more = infinity{});
/// Takes the caller's lock back. (global:del_lock/2)
[[nodiscard]] BEAM_EXPORT awaitable<void> del_lock(lock_id id,
                                                   std::vector<atom> nodes = all_nodes());

/// Runs `work` under the lock, and gives what it gave; nothing (`aborted`) if the lock could not be set. The lock is taken
/// back also when `work` throws. (global:trans/4)
[[nodiscard]] BEAM_EXPORT awaitable<std::optional<term>> trans(
    lock_id id, callback<awaitable<term>()> work, std::vector<atom> nodes = all_nodes(),
    retries more = infinity{});

// -- servers --------------------------------------------------------------------------------------

/// `{global, Name}`: stands where a server_ref is wanted for the process that has the name there and then (none: a call
/// exits with `noproc`).
class BEAM_EXPORT name {
public:
    explicit name(term key) : key_(std::move(key)) {}
    [[nodiscard]] const term& key() const { return key_; }
    [[nodiscard]] std::optional<pid> whereis() const { return whereis_name(key_); }
    operator server_ref() const { return server_ref(whereis().value_or(pid())); }  // NOLINT
    [[nodiscard]] term to_term() const { return tuple(atoms::global, key_); }

private:
    term key_;
};

namespace detail {

using namespace beam::detail;

/// In the new process, before its init: the start's error if the name is taken.
[[nodiscard]] BEAM_EXPORT awaitable<bool> take_name(gen_core& core, term key);

template <class T, class... Args>
awaitable<void> init_named(gen_core& core, term key, Args... args) {
    auto taking = take_name(core, key);
    const bool taken = co_await taking;
    if (!taken) co_return;
    if constexpr (gen_traits<T>::template init_waits<Args...>) {
        auto making = gen_traits<T>::init_in_process(core, std::move(args)...);
        co_await making;
    } else {
        try {
            gen_process_init init(core);
            gen_traits<T>::construct(init, std::move(args)...);
        } catch (...) {
            core.init_caught();
        }
    }
}

template <class T, class... Args>
awaitable<start_result> start_named(server_options options, bool link, term key, Args... args) {
    gen_start start(&gen_class_holder<T>::value, options, link, false);
    if (start.begin()) start.defer(init_named<T>(start.core(), std::move(key), std::move(args)...));
    auto finishing = start.finish_waiting();
    start_result r = co_await finishing;
    co_return r;
}

}  // namespace detail

/// Starts a T under a global name, linked to the caller, as beam::start_link does otherwise. The process registers itself
/// before its init runs. Error if the name is taken: `{already_started, Pid}`.
template <beam::detail::gen_startable T, class... Args>
[[nodiscard]] awaitable<start_result> start_link(name as, Args... args) {
    return detail::start_named<T, Args...>(server_options{}, true, as.key(), std::move(args)...);
}

/// As a child of a supervisor. Arguments are copied at each start.
template <beam::detail::gen_startable T, class... Args>
[[nodiscard]] child_start child(name as, Args... args) {
    auto start = [as = std::move(as), kept = std::tuple<Args...>(std::move(args)...)] {
        return std::apply([&](const auto&... a) { return start_link<T, Args...>(as, a...); }, kept);
    };
    return child_start(std::move(start));
}

}  // namespace beam::dist::global
