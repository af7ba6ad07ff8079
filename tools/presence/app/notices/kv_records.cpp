// Records in kv. All of a user has the tag {USER}, so it is of one shard, and changes in one transaction:
//
//   presence/n/{USER}            -> next_seq: the head. Each change compares and swaps its version
//   presence/q/{USER}SEQ         -> notice, while it is open
//   presence/x/{USER}SEQ         -> notice that has expired, for a day
//   presence/r/{USER}FROM ID     -> receipt, until a day after it was closed
//
// and with the sender's tag, so that receipts are found by sender and id:
//
//   presence/s/{FROM}ID USER     -> USER. Written before the notice: one without a notice says nothing
//
// SEQ are 16 hexadecimal digits. In names a } is the byte 1, and where a blank is written above there is the byte 2: no name has
// either. What becomes void with time has a ttl, so nobody has to tidy up: an open notice goes a day after it expires. Until then
// whoever looks calls it expired, whether or not its mailbox has closed it yet.
#include "tools/presence/app/notices/kv_records.hpp"

#include <algorithm>
#include <chrono>
#include <map>
#include <set>
#include <utility>

#include "tools/kv/app/kv.hpp"
#include "tools/presence/app/notices/records.hpp"
#include "tools/tenant/requests.hpp"
#include "tools/tenant/stored_values.hpp"

namespace presence::records {

namespace {

using beam::awaitable;
using beam::outcome;
using beam::term;
using tenant::digits;
using tenant::each;
using tenant::erase_part;
using tenant::flat;
using tenant::get;
using tenant::patience_ms;
using tenant::stored;
using tenant::tag_of;

constexpr std::int64_t kept_ms = std::chrono::milliseconds(limits::receipt_kept).count();
constexpr std::size_t page_of_notices = 64;  // of up to 64 KiB each
// Of one transaction, whose limits are kv's (1000 parts, 4 MiB); each notice is up to three parts of it, of some 100 KiB.
constexpr std::size_t changes_max = 300, bytes_max = std::size_t{2} << 20U;

constexpr char blank = '\2';

std::string head_key(const std::string& user) {
    return "presence/n/" + tag_of(user);
}
std::string open_prefix(const std::string& user) {
    return "presence/q/" + tag_of(user);
}
std::string expired_prefix(const std::string& user) {
    return "presence/x/" + tag_of(user);
}
std::string receipt_key(const std::string& user, const std::string& from, const std::string& id) {
    return "presence/r/" + tag_of(user) + from + blank + id;
}
std::string sent_prefix(const std::string& from, const std::string& id) {
    return "presence/s/" + tag_of(from) + id + blank;
}

std::int64_t now_ms() {
    return std::chrono::duration_cast<std::chrono::milliseconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
}

/// A ttl is above nothing.
std::int64_t ttl_until(std::int64_t ms) {
    return std::max<std::int64_t>(1, ms - now_ms());
}
bool is_overdue(const kv::scanned_key& open, std::int64_t now) {
    return open.expires_ms && *open.expires_ms - kept_ms <= now;
}

/// Somebody else may have put something there. It fails this request; nobody else's.
template <class T>
outcome<T> value_at(const std::string& key, const std::string& bytes) {
    outcome<T> value = tenant::read_value<T>(key, bytes);
    if (value) return value;
    return beam::fail_term(
        tenant::failure("bad_record", "kv's " + key + " holds what presence did not write"));
}

kv::transaction_part put_part(std::string key, std::string value, std::int64_t until_ms) {
    kv::transaction_part p = tenant::put_part(std::move(key), std::move(value));
    p.ttl_ms = ttl_until(until_ms);
    return p;
}
kv::transaction_part head_part(const std::string& user, std::uint64_t next_seq,
                               std::uint64_t version) {
    kv::transaction_part p = tenant::put_part(head_key(user), stored(next_seq));
    if (version == 0)
        p.if_absent = true;
    else
        p.expect_version = version;
    return p;
}

void add(std::vector<kv::transaction_part>& parts, const std::string& user, const change& c) {
    const notice& n = c.what;
    const std::string place = digits(n.seq);
    const std::string sent = receipt_key(user, n.from, n.id);
    const std::string told = stored(receipt_of(user, c));
    if (!is_closed(c.state)) {
        parts.push_back(put_part(open_prefix(user) + place, stored(n), n.expires_ms + kept_ms));
        parts.push_back(put_part(sent, told, n.expires_ms + kept_ms));
        return;
    }
    const std::int64_t until = c.at_ms + kept_ms;
    parts.push_back(erase_part(open_prefix(user) + place));
    parts.push_back(put_part(sent, told, until));
    if (c.state == notice_state::expired)
        parts.push_back(put_part(expired_prefix(user) + place, stored(n), until));
}

/// So that receipts are found by who sent them. Nothing but these is written if it fails.
awaitable<outcome<void>> note_senders(std::string user, std::vector<change> changes) {
    std::vector<beam::future<outcome<kv::written>>> notes;
    for (const change& c : changes) {
        kv::change_options o;
        o.ttl_ms = ttl_until(std::max(c.what.expires_ms, c.at_ms) + 2 * kept_ms);
        o.timeout_ms = patience_ms;
        if (is_closed(c.state) && !c.is_moved) continue;
        notes.push_back(kv::put(sent_prefix(c.what.from, c.what.id) + user, user, o));
    }
    outcome<void> all;
    for (auto& note : notes) {
        outcome<kv::written> one = flat(co_await note.outcome(), false);
        if (one || !all) continue;
        // What it says of a note is of no concern to who sends a notice: that one was not written.
        const std::string_view text = tenant::text_of(one.error());
        all = beam::fail_term(tenant::failure("unavailable", text));
    }
    co_return all;
}

class in_kv_place final : public keeping {
public:
    /// Writing the head makes this owner the last one: others' changes expect an older version.
    awaitable<outcome<queue>> open(std::string user, std::int64_t now) const override {
        const std::string key = head_key(user);
        outcome<queue_head> head = beam::fail_term(term());
        for (int tries = 0; tries < 10 && !head; ++tries) {
            outcome<std::optional<kv::found>> is = co_await get(key);
            if (!is) co_return beam::fail_term(is.error());
            queue_head before{static_cast<std::uint64_t>(now), 0};
            if (*is) {
                const auto next_seq = value_at<std::uint64_t>(key, (*is)->value);
                if (!next_seq) co_return beam::fail_term(next_seq.error());
                before = {*next_seq, (*is)->version};
            }
            std::vector<kv::transaction_part> parts;
            parts.push_back(head_part(user, before.next_seq, before.version));
            head = co_await transact(std::move(parts), before.next_seq);
            if (!head && !tenant::has_code(head.error(), "conflict"))
                co_return beam::fail_term(head.error());
        }
        if (!head) co_return beam::fail_term(head.error());
        queue q;
        q.head = *head;
        const outcome<void> read = co_await notices_in(open_prefix(user), &q.open);
        if (!read) co_return beam::fail_term(read.error());
        co_return q;
    }

    awaitable<outcome<bool>> has_open(std::string user) const override {
        bool any = false;
        const auto first = [&any](const kv::scanned_key&) {
            any = true;
            return false;
        };
        const outcome<void> read = co_await each(open_prefix(user), true, 1, first);
        if (!read) co_return beam::fail_term(read.error());
        co_return any;
    }

    awaitable<outcome<queue_head>> write(std::string user, queue_head before,
                                         std::uint64_t next_seq,
                                         std::vector<change> changes) const override {
        const outcome<void> noted = co_await note_senders(user, changes);
        if (!noted) co_return beam::fail_term(noted.error());
        bool is_begun = false;
        for (std::size_t at = 0; at < changes.size() || !is_begun;) {
            std::vector<kv::transaction_part> parts;
            parts.push_back(head_part(user, next_seq, before.version));
            std::size_t bytes = 0;
            for (std::size_t n = 0; at < changes.size() && n < changes_max && bytes < bytes_max;
                 ++n, ++at) {
                const std::size_t first = parts.size();
                add(parts, user, changes[at]);
                for (std::size_t i = first; i < parts.size(); ++i)
                    bytes += parts[i].value.value_or("").size();
            }
            outcome<queue_head> written = co_await transact(std::move(parts), next_seq);
            // Some of it is there.
            if (!written && is_begun)
                co_return beam::fail_term(tenant::failure("unknown", "a part of it was written"));
            if (!written) co_return beam::fail_term(written.error());
            before = *written;
            is_begun = true;
        }
        co_return before;
    }

    awaitable<outcome<std::optional<receipt>>> find(std::string from, std::string id,
                                                    std::string user) const override {
        const std::string key = receipt_key(user, from, id);
        outcome<std::optional<kv::found>> is = co_await get(key);
        if (!is) co_return beam::fail_term(is.error());
        std::optional<receipt> r;
        if (*is) {
            outcome<receipt> there = value_at<receipt>(key, (*is)->value);
            if (!there) co_return beam::fail_term(there.error());
            r = *std::move(there);
        }
        // One whose mailbox has not looked since.
        const std::int64_t left = r ? (*is)->ttl_ms.value_or(kept_ms + 1) : 0;
        if (r && !is_closed(r->state) && left <= kept_ms) {
            r->state = notice_state::expired;
            r->closed_ms = now_ms() + left - kept_ms;
        }
        co_return r;
    }

    awaitable<outcome<std::vector<receipt>>> find_all(std::string from,
                                                      std::string id) const override {
        std::vector<std::string> users;
        const auto note = [&users](const kv::scanned_key& item) {
            users.push_back(item.value);
            return true;
        };
        const outcome<void> read = co_await each(sent_prefix(from, id), false, 1000, note);
        if (!read) co_return beam::fail_term(read.error());
        std::vector<receipt> all;
        for (const std::string& user : users) {
            outcome<std::optional<receipt>> one = co_await find(from, id, user);
            if (!one) co_return beam::fail_term(one.error());
            if (*one) all.push_back(**std::move(one));
        }
        co_return all;
    }

    awaitable<outcome<std::vector<notice>>> expired(std::string user) const override {
        std::vector<notice> all;
        outcome<void> read = co_await notices_in(expired_prefix(user), &all);
        if (!read) co_return beam::fail_term(read.error());
        std::vector<notice> open;
        read = co_await notices_in(open_prefix(user), &open);
        if (!read) co_return beam::fail_term(read.error());
        const std::int64_t now = now_ms();
        for (notice& n : open)
            if (n.expires_ms <= now) all.push_back(std::move(n));
        const auto by_seq = [](const notice& a, const notice& b) { return a.seq < b.seq; };
        std::sort(all.begin(), all.end(), by_seq);
        co_return all;
    }

    awaitable<outcome<std::vector<waiting>>> all_waiting() const override {
        std::map<std::string, waiting> users;
        std::map<std::string, std::string> oldest;  // keys
        const std::int64_t now = now_ms();
        const auto count_open = [&](const kv::scanned_key& item) {
            std::string user = tenant::name_in(item.key);
            waiting& w = users[user];
            if (is_overdue(item, now)) {
                ++w.expired;
            } else {
                ++w.notices;
                oldest.emplace(std::move(user), item.key);
            }
            return true;
        };
        outcome<void> read = co_await each("presence/q/{", true, 1000, count_open);
        if (!read) co_return beam::fail_term(read.error());
        const auto count_expired = [&users](const kv::scanned_key& item) {
            ++users[tenant::name_in(item.key)].expired;
            return true;
        };
        read = co_await each("presence/x/{", true, 1000, count_expired);
        if (!read) co_return beam::fail_term(read.error());
        for (const auto& [user, key] : oldest) {
            outcome<std::optional<kv::found>> first = co_await get(key);
            if (!first) co_return beam::fail_term(first.error());
            if (!*first) continue;
            const auto n = value_at<notice>(key, (*first)->value);
            if (n) users[user].oldest_ms = n->accepted_ms;
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
    static awaitable<outcome<queue_head>> transact(std::vector<kv::transaction_part> parts,
                                                   std::uint64_t next_seq) {
        outcome<kv::written> written = co_await tenant::transact(std::move(parts));
        if (!written) co_return beam::fail_term(written.error());
        co_return queue_head{next_seq, written->version};
    }

    static awaitable<outcome<void>> notices_in(std::string prefix, std::vector<notice>* to) {
        outcome<void> all;
        const auto take = [to, &all](const kv::scanned_key& item) {
            outcome<notice> n = value_at<notice>(item.key, item.value);
            if (n)
                to->push_back(*std::move(n));
            else
                all = beam::fail_term(n.error());
            return all.has_value();
        };
        const outcome<void> read = co_await each(std::move(prefix), false, page_of_notices, take);
        if (!read) all = read;
        co_return all;
    }
};

constexpr in_kv_place the_kv;

}  // namespace

std::string leading_key(const std::string& user) {
    return head_key(user);
}

const keeping& in_kv() {
    return the_kv;
}

}  // namespace presence::records
