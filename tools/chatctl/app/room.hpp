// A room: one process, which keeps its last messages and tells those who joined that there are new ones.
//
// A message is acknowledged when it is on the disk of the room's node, and of those other nodes that hold the room and
// can be reached (copies.hpp). A restarted room begins with what is there, so an acknowledged message
// survives the death of the room and of its node. What was not acknowledged may have been kept or not; sent again
// with the same key it is kept once.
//
// Who has joined is not sent messages but told that there are some, and fetches them: one that reads slowly
// holds up nobody and fills no mailbox. Members and senders may be on any node.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "libbeamcore/otp/gen_server.hpp"
#include "libbeamcore/runtime/link.hpp"
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
    std::vector<beam::atom> nodes;     ///< that hold the room, its home first
    BEAM_FIELDS(room_info, last_id, messages, members, nodes)
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
        BEAM_FIELDS(since, since_ms, limit)
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
        BEAM_FIELDS(take_in, posts)
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
    struct opened {};

public:
    /// Keeps a message and gives it with its number. Error: the store's reason.
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
    /// The last `limit` messages that are not older, the oldest first.
    static beam::future<std::vector<post>> history(beam::pid room, std::int64_t since_ms,
                                                   std::uint64_t limit);
    static beam::future<room_info> info(beam::pid room, beam::timeout limit);
    /// What it has, or has had.
    static beam::future<marks> seen(beam::pid room);

    // For the directory.
    static void look_at_nodes(beam::pid room);
    static void announce_again(beam::pid room);
    /// Has it compare its messages with that node's, and give that node a copy if it should have one.
    static void sync_with(beam::pid room, beam::atom node);
    /// Has it hand over what it has to another home, and end; not if it outranks that.
    static void yield_to(beam::pid room, beam::pid home, std::uint64_t number, std::uint64_t epoch);

    using arguments = std::tuple<std::string>;
    using calls = beam::messages<say, join_room, fetch_posts, since, about, ask_seen, take_in>;
    using casts =
        beam::messages<leave_room, flush, nodes_changed, tell_again, catch_up, sync_node, make_way>;
    using continues = beam::messages<opened>;

    /// Gives `ignore` if the room has a process already.
    static beam::awaitable<beam::init_result<room>> init(std::string name);

    beam::call_result<beam::outcome<post>> handle_call(say m, beam::from caller);
    joined handle_call(join_room m);
    fetched handle_call(fetch_posts m);
    std::vector<post> handle_call(since m);
    room_info handle_call(about);
    marks handle_call(ask_seen) { return log_.seen(); }
    beam::awaitable<beam::outcome<bool>> handle_call(take_in m);
    void handle_cast(leave_room m);
    beam::awaitable<void> handle_cast(flush);
    void handle_cast(nodes_changed);
    beam::awaitable<void> handle_cast(tell_again);
    beam::awaitable<void> handle_cast(catch_up m);
    beam::awaitable<void> handle_cast(sync_node m);
    beam::awaitable<beam::cast_result> handle_cast(make_way m);
    void handle_info(beam::down_message m);
    beam::awaitable<void> handle_continue(opened);

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

    [[nodiscard]] beam::awaitable<beam::outcome<void>> commit(std::vector<post> posts,
                                                              bool with_record);
    [[nodiscard]] std::vector<unsaved> next_batch();
    void tell_members();

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

    std::string name_;
    room_record record_;
    bool taken_over_ = false;
    room_log log_;
    std::vector<unsaved> unsaved_;
    bool flushing_ = false;
    std::map<beam::pid, member> members_;
    std::vector<beam::atom> in_sync_;  ///< nodes with a copy that has all that is acknowledged
    std::vector<beam::atom> met_;      ///< nodes whose messages were compared, or will be
};

}  // namespace chat
