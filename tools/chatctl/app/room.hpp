// A room: one process, which keeps its last messages and tells those who joined that there are new ones.
//
// A message is acknowledged when it is on disk (history.hpp), and a restarted room begins with what is
// there, so an acknowledged message survives the death of the room and of the node. What was not
// acknowledged may have been kept or not; sent again with the same key it is kept once.
//
// Who has joined is not sent messages but told that there are some, and fetches them: one that reads slowly
// holds up nobody and fills no mailbox.
#pragma once

#include <deque>
#include <map>
#include <string>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "libbeamcore/otp/gen_server.hpp"
#include "libbeamcore/runtime/link.hpp"
#include "tools/chatctl/app/post.hpp"

namespace chat {

/// To members: there are messages to fetch.
struct news {};
/// To who watches a room's name (watch_room): a new process serves it; it is gone for good.
struct room_up {
    std::string name;
    beam::pid pid;
};
struct room_deleted {
    std::string name;
};

struct room_info {
    std::uint64_t last_id = 0;
    std::uint64_t messages = 0;
    std::vector<std::string> users;  ///< who has joined, sorted; once each
};

struct fetched {
    std::vector<post> posts;
    std::uint64_t missed = 0;  ///< messages after the cursor that are not kept any more
};

class room : public beam::gen_server<room> {
    struct say {
        using reply = beam::outcome<post>;
        std::string from, text, key;
    };
    struct join_room {
        using reply = std::uint64_t;
        beam::pid member;
        std::string user;
    };
    struct fetch_posts {
        using reply = fetched;
        beam::pid member;
        std::uint64_t after = 0;
        std::uint64_t limit = 0;
    };
    struct since {
        using reply = std::vector<post>;
        std::int64_t since_ms = 0;
        std::uint64_t limit = 0;
    };
    struct about {
        using reply = room_info;
    };
    struct leave_room {
        beam::pid member;
    };
    struct flush {};

public:
    /// Keeps a message and gives it with its number. Error: the store's reason.
    static beam::future<beam::outcome<post>> send(beam::pid room, std::string from,
                                                  std::string text, std::string key);
    /// Makes `member` one of those who are sent `news`, until it leaves or dies. Gives the last id.
    static beam::future<std::uint64_t> join(beam::pid room, beam::pid member, std::string user);
    static void leave(beam::pid room, beam::pid member);
    /// Messages after a cursor, the oldest first.
    static beam::future<fetched> fetch(beam::pid room, beam::pid member, std::uint64_t after,
                                       std::uint64_t limit);
    /// The last `limit` messages that are not older, the oldest first.
    static beam::future<std::vector<post>> history(beam::pid room, std::int64_t since_ms,
                                                   std::uint64_t limit);
    static beam::future<room_info> info(beam::pid room);

    using arguments = std::tuple<std::string>;
    using calls = beam::messages<say, join_room, fetch_posts, since, about>;
    using casts = beam::messages<leave_room, flush>;

    static beam::awaitable<beam::init_result<room>> init(std::string name);

    beam::call_result<beam::outcome<post>> handle_call(say m, beam::from caller);
    std::uint64_t handle_call(join_room m);
    fetched handle_call(fetch_posts m);
    std::vector<post> handle_call(since m);
    room_info handle_call(about);
    void handle_cast(leave_room m);
    beam::awaitable<void> handle_cast(flush);
    void handle_info(beam::down_message m);

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

    void keep(post p);
    void tell_members();

    std::string name_;
    std::deque<post> posts_;
    std::unordered_map<std::string, std::uint64_t> ids_by_key_;
    std::uint64_t next_id_ = 1;
    std::vector<unsaved> unsaved_;
    bool flushing_ = false;
    std::map<beam::pid, member> members_;
};

// -- finding rooms, without asking a process --------------------------------------------------------

[[nodiscard]] std::optional<beam::pid> find_room(const std::string& name);
[[nodiscard]] std::vector<std::string> room_names();
/// The caller gets room_up and room_deleted of that name until it ends.
void watch_room(const std::string& name);
void tell_watchers_deleted(const std::string& name);

}  // namespace chat
