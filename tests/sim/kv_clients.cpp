// The clients of a world of kv: one request at a time, asked again by other routes under the same number.
#include <utility>

#include "kv_world.hpp"

using namespace kv;
using namespace std::chrono_literals;

namespace test {

void kv_world::next_operation(std::size_t c) {
    if (is_ended_) return;
    client& one = clients_[c];
    one.is_busy = true;
    one.open_copies = 0;
    one.attempt = 0;
    ++one.number;
    one.called = now_;
    one.give_up = now_ + 6s;
    one.target = random_.below(machines_.size());
    one.parts.clear();
    one.is_read = random_.chance(0.4);
    if (one.is_read)
        choose_read(one);
    else
        choose_write(one);
    attempt(c);
}

void kv_world::choose_read(client& one) {
    one.read = {};
    one.read.patience = 1500ms;
    if (random_.chance(0.25)) {
        scan_range range;
        if (random_.chance(0.2)) range.prefix = a_key();
        if (random_.chance(0.3)) range.after = a_key();
        range.items_max = 1 + random_.below(5);
        range.bytes_max = 1 + random_.below(20);
        range.what = scan_range::kind(random_.below(3));
        one.read.scan = range;
        return;
    }
    one.read.key = a_key();
    one.read.primary_only = random_.chance(0.4);
    one.parts.emplace_back(one.read.key, kv_operation());
}

void kv_world::choose_write(client& one) {
    one.write = {};
    one.write.id = {std::uint64_t(&one - clients_.data()) + 1, one.number};
    one.write.patience = 1500ms;
    // Nobody waits for the answers to those before; not each client says so at once.
    one.write.settled = random_.chance(0.6) ? one.number : 0;
    do {
        add_part(one, a_key());
    } while (one.parts.size() < 4 && random_.chance(0.3));
}

void kv_world::add_part(client& one, const std::string& key) {
    for (const auto& part : one.parts)
        if (part.first == key) return;
    kv_operation what;
    what.wanted = std::to_string(one.write.id.client) + "." + std::to_string(one.number);
    operation op;
    op.key = key;
    op.bytes = what.wanted;
    const auto kind = random_.below(5);
    if (kind == 0) {
        what.what = kv_operation::kind::remove;
        op.what = operation::kind::remove;
    } else if (kind == 1 && one.parts.empty()) {
        // What was read or written of late, so that it often holds. One a request: it is the one that may not.
        what.what = kv_operation::kind::compare_and_put;
        const auto& before = history_[key];
        for (auto it = before.rbegin(); it != before.rend() && what.expected.empty(); ++it)
            what.expected = it->found ? *it->found : it->wanted;
        op.expect_bytes = what.expected;
    } else {
        what.what = kv_operation::kind::put;
        if (random_.chance(0.3))
            op.expires_ms =
                1'700'000'000'000 + now_ / 1ms + 200 + std::int64_t(random_.below(3000));
    }
    one.parts.emplace_back(key, what);
    one.write.operations.push_back(std::move(op));
}

void kv_world::attempt(std::size_t c) {
    client& one = clients_[c];
    if (now_ >= one.give_up) return finish(c, false);
    ++one.attempt;
    const int copies = !is_healed_ && random_.chance(weather_.doubling) ? 2 : 1;
    one.open_copies += copies;
    for (int k = 0; k < copies; ++k) deliver_request(c, one.target);
    after(time(300'000'000 + random_.below(1'500'000'000)),
          [this, c, number = one.number, tried = one.attempt] {
              client& there = clients_[c];
              if (!there.is_busy || there.number != number || there.attempt != tried) return;
              there.target = random_.below(machines_.size());
              attempt(c);
          });
}

void kv_world::deliver_request(std::size_t c, std::size_t to) {
    if (!is_healed_ && random_.chance(weather_.loss)) return;
    const client& one = clients_[c];
    const std::uint64_t origin = (c + 1) << 48U | one.number << 16U | one.attempt;
    const bool is_read = one.is_read;
    // Some copies come when the client has forgotten them.
    const time late =
        !is_healed_ && random_.chance(0.02) ? time(random_.below(4'000'000'000)) : time(0);
    after(delay() + late, [this, to, origin, is_read, r = one.read, w = one.write] {
        if (!machines_[to].is_alive) return;
        input(to, machines_[to].life, [=, this](shard& s, const instant& at, outputs& out) {
            if (is_read) {
                asked_.emplace(origin, now_);
                s.read(at, origin, r, out);
            } else {
                s.write(at, origin, w, out);
            }
        });
    });
}

void kv_world::answered(std::size_t c, std::uint64_t number, std::uint64_t tried, std::size_t from,
                        const answer& a) {
    client& one = clients_[c];
    if (!one.is_busy || one.number != number) return;
    switch (a.what) {
        case answer::kind::found:
            ++counts_.reads;
            if (!a.by_primary) ++counts_.replica_reads;
            if (a.page)
                note_page(one, *a.page);
            else if (a.found)
                one.parts.front().second.found = a.found->bytes;
            return finish(c, true);
        case answer::kind::done:
        case answer::kind::refused:
            ++counts_.done;
            // A refused one is about the key whose value was not the expected one.
            if (a.what == answer::kind::refused) {
                one.parts.resize(1);
                one.parts.front().second.refused = true;
            }
            return finish(c, true);
        case answer::kind::unknown:
            break;
        default: {
            --one.open_copies;
            if (one.is_read || one.open_copies > 0 || !random_.chance(0.05)) break;
            // Every copy was answered, and none was written.
            ++counts_.definite;
            never_.insert(one.write.id);
            one.is_busy = false;
            after(delay(), [this, c] { next_operation(c); });
            return;
        }
    }
    if (one.attempt != tried) return;
    const auto hint = node_of(a.hint);
    one.target =
        hint && *hint != from && random_.chance(0.8) ? *hint : random_.below(machines_.size());
    after(time(5'000'000 + random_.below(60'000'000)), [this, c, number, tried] {
        client& there = clients_[c];
        if (there.is_busy && there.number == number && there.attempt == tried) attempt(c);
    });
}

/// A scan saw all keys of its range, those that are not there too.
void kv_world::note_page(client& one, const scan_page& page) {
    ++counts_.pages;
    const scan_range& range = *one.read.scan;
    if (range.what != scan_range::kind::items) return;
    for (const auto& key : keys_) {
        const bool is_in = key.starts_with(range.prefix) && (!range.after || key > *range.after) &&
                           (page.is_end || key <= page.last);
        if (!is_in) continue;
        kv_operation seen;
        for (const auto& [k, v] : page.items)
            if (k == key) seen.found = v.bytes;
        one.parts.emplace_back(key, seen);
    }
}

void kv_world::finish(std::size_t c, bool is_answered) {
    client& one = clients_[c];
    one.is_busy = false;
    if (!is_answered && !one.is_read) ++counts_.unknown;
    for (auto& [key, what] : one.parts) {
        what.called = one.called.count();
        if (is_answered) what.answered = now_.count();
        if (is_answered)
            history_[key].push_back(what);
        else if (!one.is_read)
            open_.emplace_back(key, std::pair(one.write.id, what));
    }
    after(time(5'000'000 + random_.below(400'000'000)), [this, c] { next_operation(c); });
}

}  // namespace test
