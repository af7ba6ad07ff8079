// router: takes the requests of a node, finds the process that may answer each, and asks again until one has or the time
// is over. Registered as `kv`.
//
// A write has an id, the same over all tries, so it is done at most once whoever is asked. What it may say in the end:
// an answer of a shard's; `unavailable`, when no copy that was sent of it can have been done; else `unknown`.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "libbeamcore/otp/gen_server.hpp"
#include "libbeamcore/runtime/nodes.hpp"
#include "tools/kv/app/change_requests.hpp"
#include "tools/kv/app/kv.hpp"
#include "tools/kv/app/protocol.hpp"

namespace kv {

/// An answer, and where it came from.
struct routed_answer {
    answer what;
    std::string node;  ///< whose shard answered; empty: nobody's
    std::uint32_t shard = 0;
    std::optional<changes_page> changes{};  ///< of changes(), if it is `found`
    BEAM_FIELDS(routed_answer, what, node, shard, changes)
};

/// The detail of a write that is refused since its keys are not all of one shard.
inline constexpr const char* several_shards = "several shards";

class router : public beam::gen_server<router> {
    struct do_write {
        using reply = routed_answer;
        std::vector<operation> operations;
        std::chrono::nanoseconds patience{};
    };
    struct do_read {
        using reply = routed_answer;
        read_request what;
        std::optional<std::uint32_t> shard{};
    };
    struct do_changes {
        using reply = routed_answer;
        std::uint32_t shard = 0;
        changes_request what;
    };
    struct try_again {
        std::uint64_t token = 0;
    };
    struct give_up {};

public:
    /// All keys of one shard, or the answer is `refused`. The caller's death does not end the write.
    static beam::future<routed_answer> write(std::vector<operation> operations,
                                             std::chrono::nanoseconds patience);
    static beam::future<routed_answer> read(read_request what);
    /// A scan of one shard.
    static beam::future<routed_answer> scan(std::uint32_t shard, scan_range range,
                                            std::chrono::nanoseconds patience);
    static beam::future<routed_answer> changes(std::uint32_t shard, changes_request what);

    using calls =
        beam::messages<do_write, do_read, do_changes, request::get, request::put, request::erase,
                       request::incr, request::expire, request::transaction, request::plain::get,
                       request::plain::put, request::plain::erase, request::plain::incr,
                       request::plain::transaction>;
    using casts = beam::messages<shard_answer>;
    using infos = beam::messages<cluster_facts, store_died, try_again, give_up,
                                 beam::nodeup_message, beam::nodedown_message>;

    router();

    beam::call_result<routed_answer> handle_call(do_write m, beam::from from);
    beam::call_result<routed_answer> handle_call(do_read m, beam::from from);
    beam::call_result<routed_answer> handle_call(do_changes m, beam::from from);
    // What other code asks: service.cpp.
    beam::call_result<beam::outcome<found>> handle_call(request::get m, beam::from from);
    beam::call_result<beam::outcome<written>> handle_call(request::put m, beam::from from);
    beam::call_result<beam::outcome<written>> handle_call(request::erase m, beam::from from);
    beam::call_result<beam::outcome<counted_to>> handle_call(request::incr m, beam::from from);
    beam::call_result<beam::outcome<written>> handle_call(request::expire m, beam::from from);
    beam::call_result<beam::outcome<written>> handle_call(request::transaction m, beam::from from);
    beam::call_result<beam::outcome<found>> handle_call(request::plain::get m, beam::from from);
    beam::call_result<beam::outcome<written>> handle_call(request::plain::put m, beam::from from);
    beam::call_result<beam::outcome<written>> handle_call(request::plain::erase m, beam::from from);
    beam::call_result<beam::outcome<counted_to>> handle_call(request::plain::incr m,
                                                             beam::from from);
    beam::call_result<beam::outcome<written>> handle_call(request::plain::transaction m,
                                                          beam::from from);
    /// What another node's code asks that is no request: it is told so, and others' requests go on.
    void handle_call(beam::message m, beam::from from);

    void handle_cast(shard_answer m);
    void handle_info(cluster_facts m);
    void handle_info(store_died) {}
    void handle_info(try_again m);
    void handle_info(give_up);
    void handle_info(beam::nodeup_message) {}
    void handle_info(beam::nodedown_message m);
    void handle_info(beam::down_message m);

private:
    using time = std::chrono::nanoseconds;

    /// A client id that has one request under way at a time.
    struct slot {
        std::uint64_t client = 0, number = 0;
    };
    /// Answers a request in the words of who made it.
    using answer_in_words = void (*)(const beam::from& to, routed_answer a);
    struct pending {
        beam::from to;
        answer_in_words answers = nullptr;
        std::variant<write_request, read_request, changes_request> what;
        std::uint32_t shard = 0;
        bool is_shard_given = false;
        time deadline{};
        std::optional<std::string> asked;  // the node that has it now
        unsigned tries = 0;
        unsigned open_copies = 0;  // sent, and not answered
        bool may_be_done = false;  // a copy of it was lost
        std::string why;           // of the last refusal
        std::size_t bytes = 0;     // of what it writes
        std::optional<slot> id;
    };
    using pending_map = std::unordered_map<std::uint64_t, pending>;

    void begin(pending p);
    void watch_deadline(time at);
    void give_up_on(pending_map::iterator it);
    void begin_write(const beam::from& to, answer_in_words answers,
                     std::vector<operation> operations, time patience);
    void begin_read(const beam::from& to, answer_in_words answers, read_request what);
    /// Why not; nothing: it has begun.
    [[nodiscard]] std::optional<beam::term> change(const beam::from& to, answer_in_words answers,
                                                   change_params p,
                                                   options_of<change_options> options);
    [[nodiscard]] slot take_slot();
    [[nodiscard]] bool is_of_one_shard(const pending& p) const;
    void ask(std::uint64_t token, pending& p, const std::string& node);
    void ask_somebody(std::uint64_t token, pending& p);
    void ask_later(std::uint64_t token, pending& p);
    void finish(pending_map::iterator it, answer a, std::optional<changes_page> changes = {});
    void place(pending& p) const;
    void lose(const std::string& node);
    [[nodiscard]] std::optional<beam::pid> own_shard(std::uint32_t shard);
    [[nodiscard]] std::string node_for(const pending& p) const;
    [[nodiscard]] std::string address_of(const store_id& store) const;

    cluster_facts facts_;
    std::string address_;
    pending_map pending_;
    std::size_t pending_bytes_ = 0;
    time armed_ = time::max();  // a timer comes then: no deadline is before it
    std::uint64_t next_token_ = 1;
    std::vector<slot> free_;
    std::vector<std::uint64_t> epochs_;  // by shard, as this router knows them
    /// A shard's process.
    using shard_at = std::pair<std::uint32_t, std::string>;  // and its node
    std::unordered_map<beam::ref, shard_at> monitors_;
    std::vector<beam::pid> own_shards_;  // those that are monitored
    std::set<shard_at> other_shards_;    // likewise
};

}  // namespace kv
