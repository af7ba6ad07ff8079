#include "tools/chatctl/app/history.hpp"

#include <charconv>

#include "libbeamcore/release/node_facts.hpp"
#include "libbeamcore/store/store.hpp"
#include "libbeamcore/term/syntax.hpp"
#include "tools/chatctl/app/application.hpp"

// Databases: `rooms` (name -> when it was made), `guests` (uid -> number), and `posts` (ROOM / ID -> the post,
// the id as 16 hexadecimal digits, so that keys are in the order of ids). A room's name has no slash.

namespace chat::history {

namespace store = beam::store;

namespace {

const beam::term format = 1;  // of all values; a later version converts what it finds

store::database database(const char* name) {
    return store::database(store_name(), name);
}

std::string post_key(const std::string& room, std::uint64_t id) {
    char digits[17];
    std::snprintf(digits, sizeof digits, "%016llx", static_cast<unsigned long long>(id));
    return room + "/" + digits;
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

}  // namespace

beam::child_start child() {
    return beam::child_start([] { return start_store(); });
}

beam::awaitable<std::vector<post>> load(std::string room) {
    std::vector<post> posts;
    each_item("posts", room + "/", [&](const std::string& key, const std::string& value) {
        auto stored = readable(store::decode_term(value));
        auto p = beam::from_term<post>(stored.value);
        if (!p) beam::exit(beam::tuple(beam::atom("bad_post"), key, p.error().detail));
        posts.push_back(*std::move(p));
    });
    co_return posts;
}

beam::awaitable<beam::outcome<void>> append(std::string room, std::vector<post> posts,
                                            std::uint64_t first_kept) {
    store::batch batch;
    for (const post& p : posts)
        batch.put(post_key(room, p.id), store::encode_term(format, beam::to_term(p)));
    // Each write forgets as many as it adds, so what is to go is at most that far below.
    const std::uint64_t n = posts.size();
    for (std::uint64_t id = first_kept > n ? first_kept - n : 1; id < first_kept; ++id)
        batch.erase(post_key(room, id));
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

bool has_room(const std::string& room) {
    return !room.empty() && readable(store::get(database("rooms"), room)).has_value();
}

beam::awaitable<beam::outcome<void>> add_room(std::string room) {
    auto writing = store::put_term(database("rooms"), room, format, beam::term(beam::atoms::true_));
    beam::result<void> written = co_await writing;
    co_return done(written);
}

beam::awaitable<beam::outcome<void>> remove_room(std::string room) {
    store::batch batch;
    batch.in("rooms").erase(room);
    batch.in("posts").erase_prefix(room + "/");
    auto writing = store::write(database("rooms"), std::move(batch));
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
