#include "tools/presence/app/notices/records.hpp"

#include <cstdio>
#include <map>
#include <string_view>

#include "libbeamcore/release/node_facts.hpp"
#include "libbeamcore/store/store.hpp"
#include "libbeamcore/term/syntax.hpp"
#include "tools/presence/app/notices/names.hpp"

// Databases:
//   heads     USER                    -> next_seq
//   open      USER / SEQ              -> notice
//   expired   USER / SEQ              -> notice, for a day
//   receipts  FROM / ID / USER        -> receipt, until a day after it was closed
//   expiring  TIME / USER / SEQ       -> nothing: an open notice expires then
//   leaving   TIME / FROM / ID / USER -> USER / SEQ: a closed one is forgotten then
// Names in keys are escaped, so that they have no slash; numbers and times are 16 hexadecimal digits, so that the order
// of keys is theirs.

namespace presence::records {

namespace store = beam::store;

namespace {

const beam::term format = 1;  // of all values; a later version converts what it finds

store::database database(const char* name) {
    return store::database(store_name(), name);
}

std::string escaped(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    for (const char c : text) {
        if (c == '/')
            out += "%2F";
        else if (c == '%')
            out += "%25";
        else
            out += c;
    }
    return out;
}

std::string unescaped(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            out += text[i];
            continue;
        }
        out += text.substr(i, 3) == "%2F" ? '/' : '%';
        i += 2;
    }
    return out;
}

std::string digits(std::uint64_t n) {
    char text[17];
    std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(n));
    return text;
}
constexpr std::size_t digits_length = 16;

std::string notice_key(const std::string& user, std::uint64_t seq) {
    return escaped(user) + "/" + digits(seq);
}
std::string sent_prefix(const std::string& from, const std::string& id) {
    return escaped(from) + "/" + escaped(id) + "/";
}
std::string receipt_key(const std::string& from, const std::string& id, const std::string& user) {
    return sent_prefix(from, id) + escaped(user);
}
std::string timed_key(std::int64_t ms, const std::string& rest) {
    return digits(static_cast<std::uint64_t>(ms)) + "/" + rest;
}

beam::term store_reason(const beam::error& e) {
    return beam::tuple(beam::atom("store"), beam::atom(e.code), e.detail);
}

template <class T>
T readable(beam::result<T> r) {
    if (!r) beam::exit(store_reason(r.error()));
    return *std::move(r);
}

template <class T>
T value_of(const std::string& key, const std::string& stored) {
    auto read = readable(store::decode_term(stored));
    auto value = beam::from_term<T>(read.value);
    if (!value) beam::exit(beam::tuple(beam::atom("bad_record"), key, value.error().detail));
    return *std::move(value);
}

template <class T>
std::string stored(const T& value) {
    return store::encode_term(format, beam::to_term(value));
}

/// Calls `f(key, value)` for each key that begins so, until it says false.
template <class F>
void each(const char* db, std::string prefix, bool keys_only, F f) {
    store::scan_options options;
    options.prefix = std::move(prefix);
    options.keys_only = keys_only;
    do {
        const store::page page = readable(store::scan(database(db), options));
        for (const auto& [key, value] : page.items)
            if (!f(key, value)) return;
        options.after = page.next;
    } while (!options.after.empty());
}

std::vector<notice> notices_in(const char* db, const std::string& user) {
    std::vector<notice> all;
    each(db, escaped(user) + "/", false, [&](const std::string& key, const std::string& value) {
        all.push_back(value_of<notice>(key, value));
        return true;
    });
    return all;
}

std::optional<std::uint64_t> head_of(const std::string& user) {
    const auto found = readable(store::get(database("heads"), user));
    if (!found) return std::nullopt;
    return value_of<std::uint64_t>(user, *found);
}

beam::start_result start_store() {
    store::open_options options;
    options.name = store_name();
    auto pid = store::start_link(beam::this_node_facts().store_folder / "presence", options);
    if (!pid) return tl::unexpected<beam::term>(std::move(pid.error()));
    return beam::started{*pid, {}};
}

void add(store::batch& batch, const std::string& user, const change& c) {
    const notice& n = c.what;
    const std::string place = notice_key(user, n.seq);
    const std::string sent = receipt_key(n.from, n.id, user);
    receipt r;
    r.user = user;
    r.id = n.id;
    r.seq = n.seq;
    r.state = c.state;
    r.accepted_ms = n.accepted_ms;
    if (!is_closed(c.state)) {
        batch.in("open").put(place, stored(n));
        batch.in("receipts").put(sent, stored(r));
        batch.in("expiring").put(timed_key(n.expires_ms, place), "-");
        return;
    }
    r.closed_ms = c.at_ms;
    const auto kept = std::chrono::milliseconds(limits::receipt_kept).count();
    batch.in("open").erase(place);
    batch.in("expiring").erase(timed_key(n.expires_ms, place));
    batch.in("receipts").put(sent, stored(r));
    batch.in("leaving").put(timed_key(c.at_ms + kept, sent), place);
    if (c.state == notice_state::expired) batch.in("expired").put(place, stored(n));
}

}  // namespace

beam::child_start child() {
    return beam::child_start([] { return start_store(); });
}

queue load(const std::string& user, std::int64_t now_ms) {
    queue q;
    q.next_seq = head_of(user).value_or(static_cast<std::uint64_t>(now_ms));
    q.open = notices_in("open", user);
    return q;
}

bool has_open(const std::string& user) {
    store::scan_options options;
    options.prefix = escaped(user) + "/";
    options.limit = 1;
    options.keys_only = true;
    return !readable(store::scan(database("open"), options)).items.empty();
}

beam::awaitable<beam::outcome<void>> write(std::string user, std::uint64_t before,
                                           std::uint64_t after, std::vector<change> changes) {
    store::batch batch;
    if (after != before) {
        const auto head = head_of(user);
        const std::string expected = stored(before);
        // The first one of a queue has no head yet.
        if (head)
            batch.in("heads").expect(user, expected);
        else
            batch.in("heads").expect(user, std::nullopt);
        batch.in("heads").put(user, stored(after));
    }
    for (const change& c : changes) add(batch, user, c);
    auto writing = store::write(database("heads"), std::move(batch));
    const beam::result<void> written = co_await writing;
    if (!written) co_return beam::fail_term(store_reason(written.error()));
    co_return beam::outcome<void>();
}

std::optional<receipt> find(const std::string& from, const std::string& id,
                            const std::string& user) {
    const std::string key = receipt_key(from, id, user);
    const auto found = readable(store::get(database("receipts"), key));
    if (!found) return std::nullopt;
    return value_of<receipt>(key, *found);
}

std::vector<receipt> find_all(const std::string& from, const std::string& id) {
    std::vector<receipt> all;
    each("receipts", sent_prefix(from, id), false,
         [&](const std::string& key, const std::string& value) {
             all.push_back(value_of<receipt>(key, value));
             return true;
         });
    return all;
}

std::vector<notice> expired(const std::string& user) {
    return notices_in("expired", user);
}

beam::awaitable<std::vector<waiting>> all_waiting() {
    beam::self me = beam::this_process();
    std::map<std::string, waiting> users;
    for (const char* db : {"open", "expired"}) {
        const bool is_open = std::string_view(db) == "open";
        store::scan_options options;
        options.keys_only = true;
        do {
            const store::page page = readable(store::scan(database(db), options));
            for (const auto& [key, value] : page.items) {
                waiting& w = users[unescaped(key.substr(0, key.rfind('/')))];
                if (!is_open) {
                    ++w.expired;
                    continue;
                }
                if (w.notices++ > 0) continue;
                const auto first = readable(store::get(database(db), key));
                if (first) w.oldest_ms = value_of<notice>(key, *first).accepted_ms;
            }
            options.after = page.next;
            co_await me.yield();
        } while (!options.after.empty());
    }
    std::vector<waiting> all;
    all.reserve(users.size());
    for (auto& [user, w] : users) {
        w.user = user;
        all.push_back(std::move(w));
    }
    co_return all;
}

std::vector<std::string> overdue(std::int64_t now_ms, std::size_t limit) {
    const std::string now = digits(static_cast<std::uint64_t>(now_ms));
    std::vector<std::string> users;
    each("expiring", "", true, [&](const std::string& key, const std::string&) {
        if (key.substr(0, digits_length) > now || users.size() >= limit) return false;
        const std::size_t name = digits_length + 1;
        std::string user = unescaped(key.substr(name, key.rfind('/') - name));
        if (users.empty() || users.back() != user) users.push_back(std::move(user));
        return true;
    });
    return users;
}

beam::awaitable<beam::outcome<std::size_t>> forget(std::int64_t now_ms, std::size_t limit) {
    const std::string now = digits(static_cast<std::uint64_t>(now_ms));
    store::batch batch;
    std::size_t n = 0;
    each("leaving", "", false, [&](const std::string& key, const std::string& place) {
        if (key.substr(0, digits_length) > now || n >= limit) return false;
        batch.in("leaving").erase(key);
        batch.in("receipts").erase(key.substr(digits_length + 1));
        batch.in("expired").erase(place);
        ++n;
        return true;
    });
    if (n == 0) co_return n;
    auto writing = store::write(database("leaving"), std::move(batch));
    const beam::result<void> written = co_await writing;
    if (!written) co_return beam::fail_term(store_reason(written.error()));
    co_return n;
}

}  // namespace presence::records
