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
    one.key = std::string(1, char('a' + random_.below(4)));
    one.give_up = now_ + 6s;
    one.target = random_.below(machines_.size());
    const std::string unique = std::to_string(c + 1) + "." + std::to_string(one.number);
    one.what = {};
    one.what.called = now_.count();
    one.write = {};
    one.write.id = {c + 1, one.number};
    one.write.patience = 1500ms;
    operation op;
    op.key = one.key;
    op.bytes = one.what.wanted = unique;
    switch (random_.below(8)) {
        case 0:
        case 1:
        case 2:
            one.what.what = kv_operation::kind::put;
            if (random_.chance(0.3))
                op.expires_ms =
                    1'700'000'000'000 + now_ / 1ms + 200 + std::int64_t(random_.below(3000));
            break;
        case 3: {
            one.what.what = kv_operation::kind::compare_and_put;
            // Something that was read or written of late, so that it often holds.
            const auto& before = history_[one.key];
            for (auto it = before.rbegin(); it != before.rend() && one.what.expected.empty(); ++it)
                one.what.expected = it->found ? *it->found : it->wanted;
            op.expect_bytes = one.what.expected;
            break;
        }
        case 4:
            one.what.what = kv_operation::kind::remove;
            op.what = operation::kind::remove;
            break;
        default:
            one.what.what = kv_operation::kind::read;
            one.what.wanted.clear();
            one.read = {one.key, random_.chance(0.4), false, 1500ms};
            break;
    }
    one.write.operations.push_back(std::move(op));
    attempt(c);
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
    const bool is_read = one.what.what == kv_operation::kind::read;
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
            if (a.found) one.what.found = a.found->bytes;
            return finish(c, true);
        case answer::kind::done:
        case answer::kind::refused:
            ++counts_.done;
            one.what.refused = a.what == answer::kind::refused;
            return finish(c, true);
        case answer::kind::unknown:
            break;
        default: {
            --one.open_copies;
            if (one.what.what == kv_operation::kind::read || one.open_copies > 0 ||
                !random_.chance(0.05))
                break;
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

void kv_world::finish(std::size_t c, bool is_answered) {
    client& one = clients_[c];
    one.is_busy = false;
    if (is_answered) {
        one.what.answered = now_.count();
        history_[one.key].push_back(one.what);
    } else if (one.what.what != kv_operation::kind::read) {
        ++counts_.unknown;
        open_.emplace_back(one.key, std::pair(one.write.id, one.what));
    }
    after(time(5'000'000 + random_.below(400'000'000)), [this, c] { next_operation(c); });
}

}  // namespace test
