// Rooms on the disk of their home.
#include "libbeamcore/runtime/nodes.hpp"
#include "tools/chatctl/app/history.hpp"
#include "tools/chatctl/app/keeping.hpp"
#include "tools/chatctl/app/log.hpp"

namespace chat {

namespace {

using beam::awaitable;
using beam::outcome;

class disk_rooms final : public keeping {
public:
    awaitable<outcome<void>> create(std::string room) const override {
        if (history::record_of(room)) co_return beam::fail_term(beam::atom("already_exists"));
        room_record record;
        record.epoch = new_epoch_id();
        record.seen[record.epoch] = 0;
        outcome<void> saved = co_await history::put_record(room, std::move(record));
        co_return saved;
    }

    awaitable<outcome<std::optional<room_head>>> find(std::string room) const override {
        auto record = history::record_of(room);
        if (!record) co_return std::optional<room_head>();
        room_head head;
        head.record = *std::move(record);
        head.last_id = history::last_id(room);
        co_return std::optional<room_head>(std::move(head));
    }

    /// One that another node was the home of goes on under a new epoch.
    awaitable<outcome<kept_room>> open(std::string room) const override {
        auto record = history::record_of(room);
        if (!record) co_return beam::fail_term(beam::atom("not_found"));
        kept_room is;
        is.posts = co_await history::load(room);
        for (const post& p : is.posts) mark(record->seen, p);
        if (!is.posts.empty()) is.head.last_id = is.posts.back().id;
        is.is_taken_over = !record->seats.empty() && record->seats.front() != beam::node();
        if (is.is_taken_over) {
            ++record->number;
            record->epoch = new_epoch_id();
            record->seats = {beam::node()};
        }
        record->seen.try_emplace(record->epoch, 0);
        is.head.record = *std::move(record);
        co_return is;
    }

    awaitable<outcome<room_head>> append(std::string room, room_head before,
                                         addition what) const override {
        if (!what.posts.empty()) before.last_id = what.posts.back().id;
        before.record = what.record;
        std::optional<room_record> record;
        if (what.with_record) record = std::move(what.record);
        outcome<void> saved = co_await history::append(room, std::move(what.posts), what.first_kept,
                                                       std::move(record));
        if (!saved) co_return beam::fail_term(saved.error());
        co_return before;
    }
};

constexpr disk_rooms the_disk;

}  // namespace

const keeping& on_disk() {
    return the_disk;
}

}  // namespace chat
