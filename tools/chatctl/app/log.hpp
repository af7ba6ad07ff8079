// What a room has said: the last messages in their order, without process and disk.
//
// The room's process numbers messages. When its node dies another node's process goes on under a new epoch; if the old
// one only was not to be seen, both have given the same places to different messages. So a message is known by
// the epoch it was said in and the place it got then, which no other message ever has, and what a log or a reader
// has is said by a mark for each epoch. A log takes in what another has and it has not (fresh), behind its own;
// so each epoch's messages are in their order in every log.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <unordered_map>
#include <vector>

#include "tools/chatctl/app/post.hpp"

namespace chat {

/// Where somebody goes on who has read up to his marks.
struct place {
    std::uint64_t after = 0;          ///< the last id before the first that he has not
    std::vector<std::uint64_t> skip;  ///< ids after it that he has
    std::uint64_t missed = 0;         ///< about how many he has not that are not kept any more
    BEAM_FIELDS(place, after, skip, missed)
};

class room_log {
public:
    room_log() = default;
    /// `kept` in the order of their ids; `also_seen` of those that are not kept any more. Without any the next id is the one after
    /// `last_id`.
    room_log(std::vector<post> kept, const marks& also_seen, std::uint64_t last_id = 0);

    [[nodiscard]] const std::deque<post>& posts() const { return posts_; }
    [[nodiscard]] std::uint64_t last_id() const { return last_id_; }
    [[nodiscard]] const marks& seen() const { return seen_; }

    /// Puts in the next one: its id is last_id() + 1. The oldest is forgotten when there are kept_max.
    void keep(post p);
    /// From now on messages are of that epoch.
    void begin_epoch(std::uint64_t epoch) { seen_.try_emplace(epoch, 0); }
    /// All up to these marks has been here, or is not wanted.
    void also_seen(const marks& more);
    /// Forgets the marks of epochs of which no message is kept, if there are more than that.
    void forget_epochs(std::size_t beyond);
    /// The post that was sent with that key, if it is kept.
    [[nodiscard]] const post* find_key(const std::string& key) const;

    /// Up to `limit` messages after that id, and no more than about `bytes` of text, but one at least.
    [[nodiscard]] std::vector<post> after(std::uint64_t id, std::size_t limit,
                                          std::size_t bytes) const;
    /// What is here and not there, in order, cut as above, and no more than posts_at_once.
    [[nodiscard]] std::vector<post> unseen(const marks& there, std::size_t bytes) const;
    /// What of another log's messages is new here, with the ids that it gets here; nothing is put in yet. One that was
    /// sent again under another epoch, with its key, is here already.
    [[nodiscard]] std::vector<post> fresh(std::vector<post> others);

    [[nodiscard]] place resume(const marks& read) const;
    /// The marks of who has read up to that id.
    [[nodiscard]] marks read_up_to(std::uint64_t id) const;

private:
    std::deque<post> posts_;
    std::unordered_map<std::string, std::uint64_t> ids_by_key_;
    std::uint64_t last_id_ = 0;
    marks seen_;
};

/// Raises marks to those of another.
void raise(marks& m, const marks& more);
/// Whether `a` has all that `b` says, and knows of all its epochs.
[[nodiscard]] bool covers(const marks& a, const marks& b);
/// Whether a room with these marks is the one that was deleted with those, and nothing was said in it since.
[[nodiscard]] bool buries(const marks& deleted, const marks& seen);
/// Raises the mark of that post's epoch.
void mark(marks& m, const post& p);

}  // namespace chat
