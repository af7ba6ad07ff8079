#include "tools/presence/app/notices/disk_records.hpp"

#include <chrono>
#include <map>
#include <optional>
#include <string_view>

#include "libbeamcore/release/node_facts.hpp"
#include "libbeamcore/store/store.hpp"
#include "libbeamcore/term/syntax.hpp"
#include "tools/presence/app/notices/names.hpp"
#include "tools/tenant/stored_values.hpp"

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

using beam::awaitable;
using beam::outcome;
using tenant::digits;
using tenant::stored;
using tenant::value_of;

constexpr std::size_t bundle_notices = 200, bundle_bytes = std::size_t{1} << 20U;

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
    const receipt r = receipt_of(user, c);
    if (!is_closed(c.state)) {
        batch.in("open").put(place, stored(n));
        batch.in("receipts").put(sent, stored(r));
        batch.in("expiring").put(timed_key(n.expires_ms, place), "-");
        return;
    }
    const auto kept = std::chrono::milliseconds(limits::receipt_kept).count();
    batch.in("open").erase(place);
    batch.in("expiring").erase(timed_key(n.expires_ms, place));
    batch.in("receipts").put(sent, stored(r));
    batch.in("leaving").put(timed_key(c.at_ms + kept, sent), place);
    if (c.state == notice_state::expired) batch.in("expired").put(place, stored(n));
}

void erase(store::batch& batch, const std::string& user, const change& c) {
    const notice& n = c.what;
    const std::string place = notice_key(user, n.seq);
    const std::string sent = receipt_key(n.from, n.id, user);
    batch.in("receipts").erase(sent);
    if (!is_closed(c.state)) {
        batch.in("open").erase(place);
        batch.in("expiring").erase(timed_key(n.expires_ms, place));
        return;
    }
    const auto kept = std::chrono::milliseconds(limits::receipt_kept).count();
    batch.in("leaving").erase(timed_key(c.at_ms + kept, sent));
    batch.in("expired").erase(place);
}

/// What closed it, from its receipt; of one that has expired the whole notice is there.
change closed_change(const std::string& key, const receipt& r) {
    change c;
    c.is_moved = true;
    c.state = r.state;
    c.at_ms = r.closed_ms;
    const std::string place = notice_key(r.user, r.seq);
    const auto expired = readable(store::get(database("expired"), place));
    if (expired) {
        c.what = value_of<notice>(place, *expired);
        return c;
    }
    c.what.seq = r.seq;
    c.what.id = r.id;
    c.what.from = unescaped(key.substr(0, key.find('/')));
    c.what.accepted_ms = r.accepted_ms;
    return c;
}

awaitable<outcome<void>> write_batch(store::batch batch) {
    auto writing = store::write(database("heads"), std::move(batch));
    const beam::result<void> written = co_await writing;
    if (!written) co_return beam::fail_term(store_reason(written.error()));
    co_return outcome<void>();
}

class disk final : public keeping {
public:
    awaitable<outcome<queue>> open(std::string user, std::int64_t now_ms) const override {
        queue q;
        q.head.next_seq = head_of(user).value_or(static_cast<std::uint64_t>(now_ms));
        q.open = notices_in("open", user);
        co_return q;
    }

    awaitable<outcome<bool>> has_open(std::string user) const override {
        store::scan_options options;
        options.prefix = escaped(user) + "/";
        options.limit = 1;
        options.keys_only = true;
        co_return !readable(store::scan(database("open"), options)).items.empty();
    }

    awaitable<outcome<queue_head>> write(std::string user, queue_head before,
                                         std::uint64_t next_seq,
                                         std::vector<change> changes) const override {
        store::batch batch;
        if (next_seq != before.next_seq) {
            // The first one of a queue has no head yet.
            if (head_of(user))
                batch.in("heads").expect(user, stored(before.next_seq));
            else
                batch.in("heads").expect(user, std::nullopt);
            batch.in("heads").put(user, stored(next_seq));
        }
        for (const change& c : changes) add(batch, user, c);
        const outcome<void> written = co_await write_batch(std::move(batch));
        if (!written) co_return beam::fail_term(written.error());
        co_return queue_head{next_seq, 0};
    }

    awaitable<outcome<std::optional<receipt>>> find(std::string from, std::string id,
                                                    std::string user) const override {
        const std::string key = receipt_key(from, id, user);
        const auto found = readable(store::get(database("receipts"), key));
        std::optional<receipt> r;
        if (found) r = value_of<receipt>(key, *found);
        co_return r;
    }

    awaitable<outcome<std::vector<receipt>>> find_all(std::string from,
                                                      std::string id) const override {
        std::vector<receipt> all;
        each("receipts", sent_prefix(from, id), false,
             [&](const std::string& key, const std::string& value) {
                 all.push_back(value_of<receipt>(key, value));
                 return true;
             });
        co_return all;
    }

    awaitable<outcome<std::vector<notice>>> expired(std::string user) const override {
        co_return notices_in("expired", user);
    }

    awaitable<outcome<std::vector<waiting>>> all_waiting() const override {
        beam::self me = beam::this_process();
        std::map<std::string, waiting> users;
        for (const char* db : {"open", "expired"}) {
            store::scan_options options;
            options.keys_only = true;
            do {
                const store::page page = readable(store::scan(database(db), options));
                for (const auto& [key, value] : page.items) count(db, key, &users);
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

private:
    static void count(const char* db, const std::string& key,
                      std::map<std::string, waiting>* users) {
        waiting& w = (*users)[unescaped(key.substr(0, key.rfind('/')))];
        if (std::string_view(db) != "open") {
            ++w.expired;
            return;
        }
        if (w.notices++ > 0) return;
        const auto first = readable(store::get(database(db), key));
        if (first) w.oldest_ms = value_of<notice>(key, *first).accepted_ms;
    }
};

constexpr disk the_disk;

}  // namespace

beam::child_start store_child() {
    return beam::child_start([] { return start_store(); });
}

const keeping& on_disk() {
    return the_disk;
}

std::vector<std::string> overdue(std::int64_t now_ms, std::size_t limit) {
    const std::string now = digits(static_cast<std::uint64_t>(now_ms));
    std::vector<std::string> users;
    each("expiring", "", true, [&](const std::string& key, const std::string&) {
        if (key.substr(0, tenant::digits_length) > now || users.size() >= limit) return false;
        const std::size_t name = tenant::digits_length + 1;
        std::string user = unescaped(key.substr(name, key.rfind('/') - name));
        if (users.empty() || users.back() != user) users.push_back(std::move(user));
        return true;
    });
    return users;
}

awaitable<outcome<std::size_t>> forget(std::int64_t now_ms, std::size_t limit) {
    const std::string now = digits(static_cast<std::uint64_t>(now_ms));
    store::batch batch;
    std::size_t n = 0;
    each("leaving", "", false, [&](const std::string& key, const std::string& place) {
        if (key.substr(0, tenant::digits_length) > now || n >= limit) return false;
        batch.in("leaving").erase(key);
        batch.in("receipts").erase(key.substr(tenant::digits_length + 1));
        batch.in("expired").erase(place);
        ++n;
        return true;
    });
    if (n == 0) co_return n;
    const outcome<void> written = co_await write_batch(std::move(batch));
    if (!written) co_return beam::fail_term(written.error());
    co_return n;
}

std::optional<bundle> next_open(const std::set<std::string>& but) {
    bundle b;
    std::size_t bytes = 0;
    each("open", "", false, [&](const std::string& key, const std::string& value) {
        std::string user = unescaped(key.substr(0, key.rfind('/')));
        if (but.contains(user)) return true;
        if (b.changes.empty())
            b.user = std::move(user);
        else if (user != b.user)
            return false;
        bytes += value.size();
        b.changes.push_back({value_of<notice>(key, value), notice_state::queued, 0, true});
        return b.changes.size() < bundle_notices && bytes < bundle_bytes;
    });
    if (b.changes.empty()) return std::nullopt;
    return b;
}

std::optional<bundle> next_closed(const std::set<std::string>& but) {
    bundle b;
    std::size_t bytes = 0;
    each("receipts", "", false, [&](const std::string& key, const std::string& value) {
        const auto r = value_of<receipt>(key, value);
        if (!is_closed(r.state) || but.contains(r.user)) return true;
        if (b.changes.empty()) b.user = r.user;
        if (r.user != b.user) return true;
        b.changes.push_back(closed_change(key, r));
        bytes += value.size() + b.changes.back().what.text.size();
        return b.changes.size() < bundle_notices && bytes < bundle_bytes;
    });
    if (b.changes.empty()) return std::nullopt;
    return b;
}

awaitable<outcome<void>> drop(bundle what) {
    store::batch batch;
    for (const change& c : what.changes) erase(batch, what.user, c);
    return write_batch(std::move(batch));
}

}  // namespace presence::records
