#include "tools/chatctl/app/history.hpp"

#include <charconv>
#include <chrono>

#include "libbeamcore/release/node_facts.hpp"
#include "libbeamcore/store/store.hpp"
#include "libbeamcore/term/syntax.hpp"
#include "tools/chatctl/app/application.hpp"
#include "tools/chatctl/app/limits.hpp"
#include "tools/tenant/stored_values.hpp"

// Databases: `rooms` (name -> its record), `guests` (uid -> number), `posts` (ROOM / ID -> the post, the id as 16
// hexadecimal digits, so that keys are in the order of ids), and `deleted` (name -> when, and its marks). A room's name
// has no slash.

namespace chat::history {

namespace store = beam::store;

namespace {

const beam::term format = 1;  // of all values; a later version converts what it finds

struct deletion {
    std::int64_t at_s = 0;  // Unix time
    marks seen;
    BEAM_FIELDS(deletion, at_s, seen)
};

std::int64_t now_s() {
    return std::chrono::duration_cast<std::chrono::seconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
}

store::database database(const char* name) {
    return store::database(store_name(), name);
}

std::string post_key(const std::string& room, std::uint64_t id) {
    return room + "/" + tenant::digits(id);
}

beam::term store_reason(const beam::error& e) {
    return beam::tuple(beam::atom("store"), beam::atom(e.code), e.detail);
}

/// What cannot be read ends whoever needs it, with the file's name in the reason.
template <class T>
T readable(beam::result<T> r) {
    if (!r) beam::exit(store_reason(r.error()));
    return *std::move(r);
}

void must_do(const beam::result<void>& r) {
    if (!r) beam::exit(store_reason(r.error()));
}

beam::outcome<void> done(const beam::result<void>& r) {
    if (!r) return beam::fail_term(store_reason(r.error()));
    return {};
}

template <class F>
void each_item(const char* db, const std::string& prefix, F f) {
    store::scan_options options;
    options.prefix = prefix;
    do {
        store::page page = readable(store::scan(database(db), options));
        for (const auto& [key, value] : page.items) f(key, value);
        options.after = page.next;
    } while (!options.after.empty());
}

beam::start_result start_store() {
    store::open_options options;
    options.name = store_name();
    auto pid = store::start_link(beam::this_node_facts().store_folder / "chat", options);
    if (!pid) return tl::unexpected<beam::term>(std::move(pid.error()));
    return beam::started{*pid, {}};
}

template <class T>
T read_value(const std::string& key, const std::string& value) {
    auto stored = readable(store::decode_term(value));
    auto read = beam::from_term<T>(stored.value);
    if (!read) beam::exit(beam::tuple(beam::atom("bad_value"), key, read.error().detail));
    return *std::move(read);
}

template <class T>
std::optional<T> value_of(const char* db, const std::string& key) {
    auto found = readable(store::get(database(db), key));
    if (!found) return {};
    return read_value<T>(key, *found);
}

// Rooms of before there were epochs.
bool is_old(const std::string& value) {
    return readable(store::decode_term(value)).value == beam::term(beam::atoms::true_);
}

store::batch renewed(const std::string& room) {
    room_record record;
    record.epoch = new_epoch_id();
    record.seen[record.epoch] = 0;
    store::batch batch;
    batch.in("rooms").put(room, store::encode_term(format, beam::to_term(record))).in("posts");
    each_item("posts", room + "/", [&](const std::string& key, const std::string& value) {
        auto p = read_value<post>(key, value);
        p.epoch = record.epoch;
        p.seq = p.id;
        batch.put(key, store::encode_term(format, beam::to_term(p)));
    });
    return batch;
}

}  // namespace

beam::child_start child() {
    return beam::child_start([] { return start_store(); });
}

beam::awaitable<void> tidy() {
    std::vector<std::string> old_rooms;
    each_item("rooms", "", [&](const std::string& key, const std::string& value) {
        if (is_old(value)) old_rooms.push_back(key);
    });
    for (const std::string& room : old_rooms) {
        auto writing = store::write(database("rooms"), renewed(room));
        must_do(co_await writing);
    }
    store::batch forgotten;
    const std::int64_t before =
        now_s() - std::chrono::duration_cast<std::chrono::seconds>(deletions_kept).count();
    each_item("deleted", "", [&](const std::string& key, const std::string& value) {
        if (read_value<deletion>(key, value).at_s < before) forgotten.erase(key);
    });
    if (forgotten.size() == 0) co_return;
    auto writing = store::write(database("deleted"), std::move(forgotten));
    must_do(co_await writing);
}

beam::awaitable<std::vector<post>> load(std::string room) {
    std::vector<post> posts;
    each_item("posts", room + "/", [&](const std::string& key, const std::string& value) {
        posts.push_back(read_value<post>(key, value));
    });
    co_return posts;
}

std::uint64_t last_id(const std::string& room) {
    store::scan_options options;
    options.prefix = room + "/";
    options.limit = 1;
    options.reverse = true;
    const store::page page = readable(store::scan(database("posts"), options));
    if (page.items.empty()) return 0;
    return read_value<post>(page.items[0].first, page.items[0].second).id;
}

beam::awaitable<beam::outcome<void>> append(std::string room, std::vector<post> posts,
                                            std::uint64_t first_kept,
                                            std::optional<room_record> record) {
    store::batch batch;
    for (const post& p : posts)
        batch.put(post_key(room, p.id), store::encode_term(format, beam::to_term(p)));
    // Each write forgets as many as it adds, so what is to go is at most that far below.
    const std::uint64_t n = posts.size();
    for (std::uint64_t id = first_kept > n ? first_kept - n : 1; id < first_kept; ++id)
        batch.erase(post_key(room, id));
    if (record) batch.in("rooms").put(room, store::encode_term(format, beam::to_term(*record)));
    auto writing = store::write(database("posts"), std::move(batch));
    beam::result<void> written = co_await writing;
    co_return done(written);
}

beam::awaitable<std::vector<std::string>> rooms() {
    std::vector<std::string> names;
    each_item("rooms", "",
              [&](const std::string& key, const std::string&) { names.push_back(key); });
    co_return names;
}

std::vector<std::pair<std::string, room_record>> records() {
    std::vector<std::pair<std::string, room_record>> found;
    each_item("rooms", "", [&](const std::string& key, const std::string& value) {
        found.emplace_back(key, read_value<room_record>(key, value));
    });
    return found;
}

std::optional<room_record> record_of(const std::string& room) {
    if (room.empty()) return {};
    return value_of<room_record>("rooms", room);
}

beam::awaitable<beam::outcome<void>> put_record(std::string room, room_record record, bool empty) {
    store::batch batch;
    batch.in("rooms").put(room, store::encode_term(format, beam::to_term(record)));
    batch.in("deleted").erase(room);
    if (empty) batch.in("posts").erase_prefix(room + "/");
    auto writing = store::write(database("rooms"), std::move(batch));
    beam::result<void> written = co_await writing;
    co_return done(written);
}

beam::awaitable<beam::outcome<void>> remove_room(std::string room, std::optional<marks> deleted) {
    store::batch batch;
    batch.in("rooms").erase(room);
    batch.in("posts").erase_prefix(room + "/");
    if (deleted) {
        deletion what;
        what.at_s = now_s();
        what.seen = *std::move(deleted);
        batch.in("deleted").put(room, store::encode_term(format, beam::to_term(what)));
    }
    auto writing = store::write(database("rooms"), std::move(batch));
    beam::result<void> written = co_await writing;
    co_return done(written);
}

std::optional<marks> deleted(const std::string& room) {
    auto what = value_of<deletion>("deleted", room);
    if (!what) return {};
    return std::move(what->seen);
}

std::vector<std::pair<std::string, marks>> deletions() {
    std::vector<std::pair<std::string, marks>> found;
    each_item("deleted", "", [&](const std::string& key, const std::string& value) {
        found.emplace_back(key, read_value<deletion>(key, value).seen);
    });
    return found;
}

beam::awaitable<beam::outcome<void>> forget_deletion(std::string room) {
    store::batch batch;
    batch.erase(room);
    auto writing = store::write(database("deleted"), std::move(batch));
    beam::result<void> written = co_await writing;
    co_return done(written);
}

beam::awaitable<std::map<std::uint32_t, std::uint64_t>> guests() {
    std::map<std::uint32_t, std::uint64_t> numbers;
    each_item("guests", "", [&](const std::string& key, const std::string& value) {
        std::uint32_t uid = 0;
        std::from_chars(key.data(), key.data() + key.size(), uid);
        auto stored = readable(store::decode_term(value));
        if (auto n = stored.value.as_uint64()) numbers[uid] = *n;
    });
    co_return numbers;
}

beam::awaitable<beam::outcome<void>> add_guest(std::uint32_t uid, std::uint64_t number) {
    auto writing =
        store::put_term(database("guests"), std::to_string(uid), format, beam::term(number));
    beam::result<void> written = co_await writing;
    co_return done(written);
}

}  // namespace chat::history
