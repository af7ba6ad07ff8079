// A lease: what a run or an attack holds as long as somebody waits for it.
//
// One process for each, under the application's supervisor of leases. It starts the process that does the
// work and watches the one that asked for it, a request of a client: when that ends, by an answer, Ctrl-C
// or the death of the client, the work is killed and what it had started is gone before the lease is. What
// it did to other processes is undone by processes of its own (hold.hpp), which watch the worker.
//
// Of programs it knows the process groups, and tells them a guard, a shell outside the node: should node
// and parent be killed at once, it kills what they leave.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "libbeamcore/io/os_port.hpp"
#include "libbeamcore/otp/gen_server.hpp"
#include "libbeamcore/release/method.hpp"
#include "libbeamcore/runtime/link.hpp"

namespace faultlab {

/// An event of a run or an attack, for the client, which answers `noted` when it has passed it on.
struct report {
    beam::pid from;
    beam::term item;
};
struct noted {};

/// Tells a client events, no more ahead of it than a few: it may read slowly.
class teller {
public:
    explicit teller(beam::pid client) : client_(client) {}
    beam::awaitable<void> tell(beam::term item);

private:
    beam::pid client_;
    int ahead_ = 0;
};

/// Its end. The last message.
struct finished {
    beam::answer result;
};

/// What a lease is taken for.
struct leased_work {
    std::string kind;    ///< `run`, `attack`
    std::string target;  ///< what it is done to
    std::string fault;
    bool has_programs = false;
    /// Starts the process that does it, linked to the caller. It sends `report`s and `finished` to `client`.
    beam::callback<beam::pid(beam::pid client, beam::pid lease)> start;
};

/// What `list` shows.
struct lease_facts {
    std::string kind, target, fault;
    std::int64_t running_ms = 0;
    std::uint64_t faults = 0;
    BEAM_FIELDS(lease_facts, kind, target, fault, running_ms, faults)
};

class lease : public beam::gen_server<lease> {
    struct describe {
        using reply = lease_facts;
    };
    struct group {
        pid_t id = 0;
        bool is_new = true;
    };
    struct fault_injected {};

public:
    /// Takes a lease for the calling process. Error: the reason of the start.
    static beam::future<beam::start_result> take(leased_work work);
    [[nodiscard]] static beam::future<std::vector<beam::child_info>> all();
    [[nodiscard]] static beam::future<lease_facts> facts(beam::pid lease);

    static void count_fault(beam::pid lease);
    static void watch_group(beam::pid lease, pid_t group);
    static void forget_group(beam::pid lease, pid_t group);

    using calls = beam::messages<describe>;
    using casts = beam::messages<group, fault_injected>;

    lease(beam::pid client, std::shared_ptr<leased_work> work);

    lease_facts handle_call(describe) const;
    void handle_cast(group g);
    void handle_cast(fault_injected) { ++faults_; }
    beam::cast_result handle_info(beam::down_message m);
    beam::cast_result handle_info(beam::exit_message m);
    beam::awaitable<void> terminate(const beam::term& reason);

private:
    beam::pid client_;
    std::shared_ptr<leased_work> work_;
    beam::pid worker_;
    beam::io::os_port guard_;
    std::chrono::nanoseconds begun_{};
    std::uint64_t faults_ = 0;
};

}  // namespace faultlab
