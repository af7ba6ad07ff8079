// partition_supervisor: one child in several copies, the partitions, and keys that say which of them to ask.
//
// As Elixir's PartitionSupervisor: for a process that would be a bottleneck and whose work can be divided by
// a key. A partition is found without asking a process:
//
//     beam::partition_options options("counters", beam::child_spec(0, beam::child<counter>(0)));
//     auto started = co_await beam::partition_supervisor::start_link(options);
//     counter::increment(beam::partition_via("counters", user), 1);
//
// An integer key k goes to partition |k| rem n, any other one to its hash rem n; the same key always to the
// same one. A partition that has died is started again under its number. Until then its old pid is given,
// and a call to it exits with `noproc`.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "libbeamcore/base/export.hpp"
#include "libbeamcore/otp/child_spec.hpp"
#include "libbeamcore/otp/child_start.hpp"
#include "libbeamcore/otp/supervisor.hpp"
#include "libbeamcore/otp/via.hpp"
#include "libbeamcore/runtime/callback.hpp"
#include "libbeamcore/runtime/server_ref.hpp"

namespace beam {

/// How to make a partition supervisor. Both arguments are required.
class BEAM_EXPORT partition_options {
public:
    /// The child's id is not used: partitions are numbered from 0.
    partition_options(server_name name, child_spec child)
        : name(std::move(name)), child(std::move(child)) {}

    server_name name;
    child_spec child;
    std::optional<unsigned> partitions{};  ///< default: one a scheduler
    restart_strategy strategy = restart_strategy::one_for_one;
    int max_restarts = 3;  ///< more of them within max_seconds make it give up
    std::chrono::seconds max_seconds{5};

    /// Has `f(arguments, partition)` say with which arguments (a list) each partition is started. The child's start
    /// must be made from terms then (child_of_terms, or a class of the module table). Called at each start of
    /// the supervisor, by whom starts it.
    void with_arguments(callback<term(term arguments, unsigned partition)> f);

    /// The partitions' specifications. Raises `badarg`: see start_link.
    [[nodiscard]] std::vector<child_spec> children(unsigned schedulers) const;

private:
    std::shared_ptr<const callback<term(term, unsigned)>> arguments_;
};

namespace partition_supervisor {

/// Starts a partition supervisor linked to the calling process, and all partitions.
///
/// Errors: those of supervisor::start_link. Raises `{badarg, What}` for no name (`missing_name`), no start
/// (`missing_child_spec`), no partitions (`{invalid_partitions, 0}`), the strategy simple_one_for_one
/// (`{invalid_strategy, _}`) and arguments that are no list (`{invalid_arguments, T}`).
[[nodiscard]] BEAM_EXPORT awaitable<start_result> start_link(partition_options options);
/// The start of a partition supervisor as a child of another supervisor; see supervisor::child_of. It raises when it
/// is started.
[[nodiscard]] BEAM_EXPORT child_start child(partition_options options);

/// How many partitions there are. Exits with `{noproc, _}` if there is no such supervisor; so do the others.
[[nodiscard]] BEAM_EXPORT unsigned partitions(const server_name& name);
/// The number of the partition that looks after a key.
[[nodiscard]] BEAM_EXPORT unsigned partition_of(const server_name& name, const term& key);
/// Its process, as last started.
[[nodiscard]] BEAM_EXPORT pid whereis(const server_name& name, const term& key);

/// The partitions, the last one first; ids are their numbers.
[[nodiscard]] BEAM_EXPORT future<std::vector<child_info>> which_children(const server_name& name);
[[nodiscard]] BEAM_EXPORT future<children_count> count_children(const server_name& name);

/// Ends it and its partitions and waits until it is gone. As beam::stop.
[[nodiscard]] BEAM_EXPORT awaitable<void> stop(server_name name, term reason = atoms::normal,
                                               timeout limit = infinity{});

}  // namespace partition_supervisor

/// The partition that looks after a key, where a server_ref is wanted: looked up there and then.
class BEAM_EXPORT partition_via {
public:
    partition_via(server_name supervisor, term key)
        : supervisor_(std::move(supervisor)), key_(std::move(key)) {}

    operator server_ref() const {  // NOLINT: implicit
        return partition_supervisor::whereis(supervisor_, key_);
    }

private:
    server_name supervisor_;
    term key_;
};

}  // namespace beam
