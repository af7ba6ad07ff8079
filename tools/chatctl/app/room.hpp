// A room: one process, which keeps its last messages and tells those who joined that there are new ones.
//
// A message is acknowledged when it is kept (keeping.hpp): on the disk of the room's node, and of those other nodes that hold the
// room and can be reached (copies.hpp); or in kv. A restarted room begins with what is there, so an acknowledged message
// survives the death of the room and of its node. What was not acknowledged may have been kept or not; sent again
// with the same key it is kept once.
//
// One that cannot read what is kept ends with `{shutdown, {not_opened, Why}}`: of what waited for it then nothing has been done. In
// kv it answers others while a write is under way; when another home has taken its place it ends.
//
// Who has joined is not sent messages but told that there are some, and fetches them: one that reads slowly
// holds up nobody and fills no mailbox. Members and senders may be on any node.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "libbeamcore/otp/gen_server.hpp"
#include "libbeamcore/runtime/link.hpp"
#include "tools/chatctl/app/keeping.hpp"
#include "tools/chatctl/app/log.hpp"
#include "tools/chatctl/app/seats.hpp"

namespace chat {

/// To members: there are messages to fetch.
struct news {
    BEAM_FIELDS(news)
};

/// Who has joined, and at which nodes.
struct member_info {
    std::string user;
    std::vector<beam::atom> nodes;
    BEAM_FIELDS(member_info, user, nodes)
};

struct room_info {
    std::uint64_t last_id = 0;
    std::uint64_t messages = 0;
    std::vector<member_info> members;  ///< sorted; each user once
    std::vector<beam::atom> nodes;     ///< that hold the room, its home first; in kv its home
    medium kept = medium::disk;
    BEAM_FIELDS(room_info, last_id, messages, members, nodes, kept)
};

struct joined {
    place from;
    marks read;  ///< of who has read up to there
    BEAM_FIELDS(joined, from, read)
};

struct fetched {
    std::vector<post> posts;
    std::uint64_t missed = 0;  ///< messages after the cursor that are not kept any more
    bool more = false;         ///< there are others behind these
    BEAM_FIELDS(fetched, posts, missed, more)
};

class room : public beam::gen_server<room> {
    struct say {
        using reply = beam::outcome<post>;
        std::string from, text, key;
        BEAM_FIELDS(say, from, text, key)
    };
    struct join_room {
        using reply = joined;
        beam::pid member;
        std::string user;
        std::optional<std::uint64_t> after;
        marks read;
        BEAM_FIELDS(join_room, member, user, after, read)
    };
    struct fetch_posts {
        using reply = fetched;
        beam::pid member;
        std::uint64_t after = 0;
        std::uint64_t limit = 0;
        BEAM_FIELDS(fetch_posts, member, after, limit)
    };
    struct since {
        using reply = std::vector<post>;
        std::int64_t since_ms = 0;
        std::uint64_t limit = 0;
        std::uint64_t version = 0;
        BEAM_FIELDS(since, since_ms, limit, version)
    };
    struct about {
        using reply = room_info;
        BEAM_FIELDS(about)
    };
    struct ask_seen {
        using reply = marks;
        BEAM_FIELDS(ask_seen)
    };
    struct take_in {
        using reply = beam::outcome<bool>;
        std::vector<post> posts;
        marks seen;
        BEAM_FIELDS(take_in, posts, seen)
    };
    struct leave_room {
        beam::pid member;
        BEAM_FIELDS(leave_room, member)
    };
    struct flush {};
    struct nodes_changed {};
    struct tell_again {};
    struct catch_up {
        beam::atom node;
        std::uint64_t after = 0;
    };
    struct sync_node {
        beam::atom node;
        BEAM_FIELDS(sync_node, node)
    };
    struct make_way {
        beam::pid home;
        std::uint64_t number = 0, epoch = 0;
    };
    struct begin_work {};
    struct come_to_end {
        BEAM_FIELDS(come_to_end)
    };

public:
    /// What a write to kv has come to.
    struct written {
        std::optional<room_head> head;  ///< as it is then; nothing: it failed
        beam::term why;                 ///< why it did
        std::optional<kept_room>
            opened;  ///< nobody knew whether it was done: what has been kept since
    };
    /// From the process that writes.
    static void tell_written(beam::pid room, written what);

    /// Keeps a message and gives it with its number. Error: the reason of its place.
    static beam::future<beam::outcome<post>> send(beam::pid room, std::string from,
                                                  std::string text, std::string key);
    /// Makes `member` one of those who are sent `news`, until it leaves or dies. It goes on after what it has read,
    /// else after that id, else with what is said from now on.
    static beam::future<joined> join(beam::pid room, beam::pid member, std::string user,
                                     std::optional<std::uint64_t> after, marks read);
    static void leave(beam::pid room, beam::pid member);
    /// Messages after a cursor, the oldest first.
    static beam::future<fetched> fetch(beam::pid room, beam::pid member, std::uint64_t after,
                                       std::uint64_t limit);
    /// The last `limit` messages that are not older, the oldest first. In kv `version` is that of the room's head as kv has it by
    /// now: a home that has been replaced by then does not answer, but ends.
    static beam::future<std::vector<post>> history(beam::pid room, std::int64_t since_ms,
                                                   std::uint64_t limit, std::uint64_t version = 0);
    static beam::future<room_info> info(beam::pid room, beam::timeout limit);
    /// What it has, or has had.
    static beam::future<marks> seen(beam::pid room);
    /// Puts these behind the others, as far as it has not had them. May take fewer than are given: ask what it has
    /// (seen), and go on until there is nothing that it lacks. All up to the marks then counts as had.
    static beam::future<beam::outcome<bool>> hand_over(beam::pid room, std::vector<post> posts,
                                                       marks seen);
    /// The room was deleted.
    static void end(beam::pid room);

    // For the directory.
    static void look_at_nodes(beam::pid room);
    static void announce_again(beam::pid room);
    /// Has it compare its messages with that node's, and give that node a copy if it should have one.
    static void sync_with(beam::pid room, beam::atom node);
    /// Has it hand over what it has to another home, and end; not if it outranks that.
    static void yield_to(beam::pid room, beam::pid home, std::uint64_t number, std::uint64_t epoch);

    using arguments = std::tuple<medium, std::string>;
    using calls = beam::messages<say, join_room, fetch_posts, since, about, ask_seen, take_in>;
    using casts = beam::messages<leave_room, flush, nodes_changed, tell_again, catch_up, sync_node,
                                 make_way, come_to_end, written>;
    using continues = beam::messages<begin_work>;

    /// Gives `ignore` if the room has a process in that place already.
    static beam::awaitable<beam::init_result<room>> init(medium kept, std::string name);

    beam::call_result<beam::outcome<post>> handle_call(say m, beam::from caller);
    joined handle_call(join_room m);
    fetched handle_call(fetch_posts m);
    beam::call_result<std::vector<post>> handle_call(since m, beam::from caller);
    room_info handle_call(about);
    marks handle_call(ask_seen) { return log_.seen(); }
    beam::awaitable<beam::call_result<beam::outcome<bool>>> handle_call(take_in m,
                                                                        beam::from caller);
    void handle_cast(leave_room m);
    beam::awaitable<void> handle_cast(flush);
    void handle_cast(nodes_changed);
    beam::awaitable<void> handle_cast(tell_again);
    beam::awaitable<void> handle_cast(catch_up m);
    beam::awaitable<void> handle_cast(sync_node m);
    beam::awaitable<beam::cast_result> handle_cast(make_way m);
    beam::cast_result handle_cast(come_to_end) { return beam::stop_with{}; }
    beam::cast_result handle_cast(written m);
    void handle_info(beam::down_message m);
    beam::awaitable<beam::cast_result> handle_continue(begin_work);

private:
    struct member {
        std::string user;
        beam::ref monitor;
        bool told = false;
    };
    struct unsaved {
        post what;
        std::vector<beam::from> callers;
    };
    struct handed {
        std::vector<post> posts;
        marks seen;
        beam::from caller;
    };
    struct looking {
        since what;
        beam::from caller;
    };
    /// What is being written to kv: messages that were said, or handed over.
    struct under_way {
        std::vector<unsaved> said;
        std::optional<handed> given;
        std::vector<post> posts;  ///< with the ids that they get
    };

    [[nodiscard]] beam::awaitable<beam::outcome<void>> commit(std::vector<post> posts,
                                                              bool with_record);
    void begin(kept_room is);
    [[nodiscard]] beam::awaitable<void> make_known();
    [[nodiscard]] addition adding(std::vector<post> posts, bool with_record) const;
    [[nodiscard]] std::vector<unsaved> next_batch(std::size_t count_max);
    [[nodiscard]] std::vector<post> numbered(std::vector<unsaved>& batch) const;
    [[nodiscard]] unsaved* find_unsaved(const std::string& key);
    [[nodiscard]] std::vector<post> last_ones(const since& what) const;
    void tell_members();
    static void answer(const unsaved& u, const beam::outcome<void>& saved);

    // room_in_kv.cpp
    void write_next();
    [[nodiscard]] std::optional<under_way> next_write();
    void settle(under_way done);
    void settle_opened(under_way done, kept_room is);
    [[nodiscard]] bool look_now(const looking& l);
    [[nodiscard]] beam::stop_with step_down(const beam::term& why);

    // room_copies.cpp
    [[nodiscard]] room_record record_now() const;
    [[nodiscard]] beam::awaitable<void> copy_to_seats(std::vector<post> posts, std::uint64_t before,
                                                      std::uint64_t first_kept);
    [[nodiscard]] beam::awaitable<bool> merge_with(beam::atom node, bool* whole,
                                                   std::uint64_t* last_id);
    [[nodiscard]] beam::awaitable<void> catch_up_from(beam::atom node, std::uint64_t after);
    [[nodiscard]] beam::awaitable<void> give_seat(beam::atom node);
    [[nodiscard]] beam::awaitable<void> seats_changed();
    [[nodiscard]] bool is_wanted(beam::atom node) const;
    [[nodiscard]] bool has_seat(beam::atom node) const;
    void sync_later(beam::atom node);

    medium kept_ = medium::disk;
    std::string name_;
    room_record record_;
    bool taken_over_ = false;
    room_log log_;
    std::vector<unsaved> unsaved_;
    bool flushing_ = false;
    std::map<beam::pid, member> members_;
    std::vector<beam::atom> in_sync_;   ///< nodes with a copy that has all that is acknowledged
    std::vector<beam::atom> met_;       ///< nodes whose messages were compared, or will be
    std::uint64_t version_ = 0;         ///< of its head, in kv
    std::optional<under_way> writing_;  ///< to kv
    std::deque<handed> handed_;         ///< that are to be written to kv
    bool is_failing_ = false;           ///< its last write did: told once
    std::vector<looking> looking_;      ///< who wait for what is under way
};

/// Why a room did not open, of a failed call to it.
[[nodiscard]] std::optional<beam::term> why_not_opened(const beam::term& call_failure);

}  // namespace chat
