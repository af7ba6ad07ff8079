#include "kv_world.hpp"

#include <algorithm>

#include "tools/kv/shard/invariant.hpp"

using namespace kv;
using namespace std::chrono_literals;

namespace test {

kv_world::kv_world(std::uint64_t seed, const kv_weather& w, const rules& r)
    : seed_(seed), weather_(w), rules_(r), random_(seed) {
    // Small limits, so that what is rare in life is common here.
    const std::size_t kept[] = {3, 10, 100'000};
    config_.log_kept = kept[random_.below(3)];
    config_.entries_a_message = 1 + random_.below(5);
    config_.entries_in_flight = 1 + random_.below(20);
    const std::size_t bytes[] = {1, 300, 1U << 20U};
    config_.bytes_a_message = bytes[random_.below(3)];
    config_.bytes_in_flight = bytes[random_.below(3)];
    config_.log_kept_bytes = 1U << 20U;
    config_.window_entries = 1 + random_.below(random_.chance(0.5) ? 5 : 50);
    config_.window_bytes = bytes[random_.below(3)];
    config_.waiting_bytes_max = random_.chance(0.2) ? 250 : 16U << 20U;
    config_.expire_max = 1 + random_.below(4);
    config_.piece_bytes = 1 + random_.below(12);
    config_.pieces_in_flight_bytes = 1 + random_.below(40);
    config_.join_gap = random_.below(8);
    config_.ask_to_move = random_.chance(0.7);
    config_.move_patience = random_.chance(0.5) ? 60s : 2s;
    config_.copies = w.copies;
    config_.erase_after = random_.chance(0.8) ? config::milliseconds(random_.below(3000)) : 60s;
    config_.erase_ask_again = config::milliseconds(50 + random_.below(1500));
    if (w.fickle > 0) {
        config_.erase_after = 0ms;
        config_.erase_ask_again = 50ms;
        config_.ask_to_move = random_.chance(0.3);
    }
    if (w.doom > 0) config_.log_kept = 3, config_.piece_bytes = 1;
    for (int i = 0; i < w.nodes; ++i) {
        machine m;
        m.store = {1, ++stores_};
        m.disk = std::make_unique<kv_disk>(weather_.outages > 0, seed_ % 3 * 8);
        machines_.push_back(std::move(m));
    }
    for (std::size_t i = 0; i < w.copies; ++i) plan_.push_back(i);
    plan_before_ = plan_;
    record_.rev = 1;
    record_.record = {1, machines_[0].store, planned()};
    records_[1] = record_.record;
    for (std::size_t i = 0; i < machines_.size(); ++i) start(i);
    if (random_.chance(0.5))
        for (std::size_t i = 0; i < machines_.size(); ++i) expire_due(i);
    if (weather_.outages > 0) succeed_lost();
    clients_.resize(3);
    for (std::size_t c = 0; c < clients_.size(); ++c)
        after(delay(), [this, c] { next_operation(c); });
}

std::chrono::nanoseconds kv_world::delay() {
    // Once all is healed messages keep their order, as on a connection.
    if (is_healed_) return 1ms;
    const bool is_slow = random_.chance(weather_.slow);
    return time(100'000 +
                random_.below(is_slow ? std::uint64_t(weather_.delay_max / 1ns) : 3'000'000));
}

instant kv_world::time_of(const machine& m) const {
    const auto local =
        m.clock_then + time(std::int64_t(double((now_ - m.booted).count()) * m.rate));
    return {local, 1'700'000'000'000 + now_ / 1ms + m.wall_error_ms};
}

std::optional<std::size_t> kv_world::node_of(const store_id& s) const {
    for (std::size_t i = 0; i < machines_.size(); ++i)
        if (machines_[i].store == s) return i;
    return std::nullopt;
}

void kv_world::after(time d, action a) {
    queue_.push({now_ + d, ++events_, std::move(a)});
}

// -- machines -------------------------------------------------------------------------------------

void kv_world::start(std::size_t i) {
    machine& m = machines_[i];
    if (m.life == 0 || random_.chance(0.3)) {
        // The machine itself was started: its clock begins again, and has another rate.
        m.booted = now_;
        m.clock_then = time(random_.below(20'000'000'000));
        m.rate = 0.9 + 0.2 * random_.real();
        m.wall_error_ms = std::int64_t(random_.below(2000)) - 1000;
    }
    m.is_alive = true;
    m.is_paused = false;
    m.life = ++lives_;
    m.wish = m.permit = 0;
    m.shard =
        std::make_unique<shard>(config_, m.store, m.life, m.disk->seen().stored(), *m.disk, rules_);
    input(i, m.life, [](shard& s, const instant& at, outputs& out) { s.start(at, out); });
    tell_plan();
}

void kv_world::crash(std::size_t i) {
    machine& m = machines_[i];
    m.is_alive = m.is_paused = false;
    if (record_.record.has(m.store)) member_died_ = now_;
    m.shard.reset();
    m.waiting.clear();
    m.disk->lose(random_.below(m.disk->unsynced() + 1));
    if (!weather_.is_one_host) return;
    for (std::size_t k = 0; k < machines_.size(); ++k) {
        if (!machines_[k].is_alive) continue;
        const store_id dead = m.store;
        after(delay(), [this, k, i, dead, life = machines_[k].life] {
            input(k, life, [this, i, dead](shard& s, const instant& at, outputs& out) {
                if (!machines_[i].is_alive || !(machines_[i].store == dead)) s.died(at, dead, out);
            });
        });
    }
}

/// With its disk; never the last one that may lead.
void kv_world::wipe(std::size_t i) {
    machine& m = machines_[i];
    const store_id old = std::exchange(m.store, store_id{1, ++stores_});
    if (is_lost()) {
        m.store = old;
        return;
    }
    m.store = old;
    if (m.is_alive) crash(i);
    m.store = {1, stores_};
    m.lost.clear();
    m.disk = std::make_unique<kv_disk>(weather_.outages > 0, seed_ % 3 * 8);
}

/// What comes back is another store, with a part of what this one had.
void kv_world::lose_late(std::size_t i) {
    machine& m = machines_[i];
    if (m.is_alive) crash(i);
    m.disk->lose_late(random_.below(m.disk->late() + 1));
    if (weather_.renames) m.lost.insert(std::exchange(m.store, store_id{1, ++stores_}));
    ++counts_.outages;
}

void kv_world::resume(std::size_t i) {
    machine& m = machines_[i];
    m.is_paused = false;
    auto waiting = std::exchange(m.waiting, {});
    for (auto& what : waiting) what();
}

void kv_world::input(std::size_t i, std::uint64_t life, step s) {
    machine& m = machines_[i];
    if (!m.is_alive || m.life != life) return;
    if (m.is_paused) {
        m.waiting.push_back([this, i, life, s = std::move(s)] { input(i, life, s); });
        return;
    }
    outputs out;
    try {
        s(*m.shard, time_of(m), out);
    } catch (const invariant_broken& b) {
        fail("store " + std::to_string(m.store.low) + ": " + b.what());
    }
    handle(i, std::move(out));
}

void kv_world::handle(std::size_t i, outputs out) {
    machine& m = machines_[i];
    check_actor(i);
    if (!out.storage.empty()) {
        bool is_written = false;
        try {
            const auto batch = out.storage;
            is_written = m.disk->write(out.sync, std::move(out.storage));
            for (const auto& c : batch)
                if (std::holds_alternative<install_staged>(c)) {
                    filled_ = i;
                    // At the worst moment: it may have more than its log has.
                    if (!is_healed_ && random_.chance(3 * weather_.doom))
                        after(time(1), [this] { crash_members(); });
                } else if (const auto* w = std::get_if<append_log>(&c)) {
                    check_written(m, w->what);
                } else if (const auto* a = std::get_if<apply_entry>(&c)) {
                    check_applied(i, a->what);
                } else if (std::holds_alternative<erase_copy>(c)) {
                    check_erased(m);
                }
        } catch (const invariant_broken& b) {
            fail("store " + std::to_string(m.store.low) + ": " + b.what());
        }
        const time d(50'000 + random_.below(random_.chance(0.05) ? 60'000'000 : 2'000'000));
        if (is_written)
            after(d, [this, i, life = m.life, disk = m.disk.get()] {
                machine& there = machines_[i];
                if (!there.is_alive || there.life != life || there.disk.get() != disk) return;
                const auto ticket = disk->oldest_ticket();
                disk->sync();
                input(i, life, [ticket](shard& s, const instant& at, outputs& o) {
                    s.synced(at, ticket, o);
                });
            });
    }
    check_memory(m);
    for (auto& o : out.messages) {
        require(!config_.ask_to_move || m.permit != 0 ||
                    !std::holds_alternative<snapshot_piece>(o.what),
                "a snapshot goes out without a permit");
        transmit(i, std::move(o));
    }
    for (const auto& w : out.moves) permit(i, w);
    for (auto& l : out.look_ups) look_up(i, std::move(l));
    for (auto& p : out.pieces) read_piece(i, std::move(p));
    for (auto& e : out.entries) read_entries(i, e);
    for (auto& r : out.replies) {
        const std::size_t c = (r.origin >> 48U) - 1;
        const std::uint64_t number = (r.origin >> 16U) & 0xFFFFFFFFU, attempt = r.origin & 0xFFFFU;
        const auto what = r.what.what;
        if (what == answer::kind::done || what == answer::kind::refused ||
            what == answer::kind::found)
            check_acknowledged(clients_[c], number, r.what);
        if (what == answer::kind::found && clients_[c].number == number)
            r.what.page ? check_page(r.origin, clients_[c], *r.what.page)
                        : check_read(r.origin, clients_[c], r.what);
        if (!is_healed_ && random_.chance(weather_.loss)) continue;
        after(delay(), [this, c, number, attempt, i, a = std::move(r.what)] {
            answered(c, number, attempt, i, a);
        });
    }
    for (auto& c : out.record_changes) {
        const store_id writer = m.store;
        ask_coordinator(i, [this, writer, c](std::size_t from) { change_record(from, writer, c); });
    }
    if (out.read_record)
        ask_coordinator(i,
                        [this, life = m.life](std::size_t from) { tell_record(from, life, true); });
    const time due = m.shard->next_wake();
    const auto at = time_of(m);
    m.wake = due == time::max()
                 ? due
                 : now_ + std::max(time(1),
                                   time(std::int64_t(double((due - at.now).count()) / m.rate) + 2));
}

void kv_world::transmit(std::size_t from, outgoing o) {
    const auto to = node_of(o.to);
    if (!to || cut_.contains({from, *to})) return;
    const int copies = is_healed_                          ? 1
                       : random_.chance(weather_.loss)     ? 0
                       : random_.chance(weather_.doubling) ? 2
                                                           : 1;
    const store_id sender = machines_[from].store;
    for (int k = 0; k < copies; ++k) {
        after(delay(), [this, to = *to, sender, o] {
            machine& m = machines_[to];
            if (!m.is_alive || !(m.store == o.to)) return;
            input(to, m.life,
                  [this, to, sender, what = o.what](shard& s, const instant& at, outputs& out) {
                      if (epoch_of(what) < given_up_) return;
                      const std::uint64_t epoch = s.epoch();
                      s.receive(at, sender, what, out);
                      check_older(machines_[to], epoch, what, out);
                  });
        });
    }
}

void kv_world::look_up(std::size_t i, kv::look_up l) {
    // Between two steps of a process anything may happen to it.
    const auto moment = [this] {
        return time(random_.below(random_.chance(0.05) ? 100'000'000 : 500'000));
    };
    after(moment(), [this, i, life = machines_[i].life, l, moment] {
        input(i, life, [this, i, life, l, moment](shard&, const instant&, outputs&) {
            if (l.range) {
                const auto page = scan(machines_[i].disk->seen().data, *l.range, l.wall_ms);
                after(moment(), [this, i, life, l, page] {
                    input(i, life, [l, page](shard& s, const instant& at, outputs& out) {
                        s.scanned(at, l.ticket, page, out);
                    });
                });
                return;
            }
            const auto found = machines_[i].disk->get(l.key);
            after(moment(), [this, i, life, l, found] {
                input(i, life, [l, found](shard& s, const instant& at, outputs& out) {
                    s.looked_up(at, l.ticket, found, out);
                });
            });
        });
    });
}

void kv_world::read_piece(std::size_t i, piece_wanted p) {
    ++counts_.pieces;
    if (!p.after) ++counts_.fillings;
    // Where all is about snapshots they take long.
    const time slow = weather_.doom > 0 ? time(random_.below(400'000'000)) : time(0);
    after(delay() + slow, [this, i, life = machines_[i].life, p] {
        input(i, life, [this, i, p](shard& s, const instant& at, outputs& out) {
            const auto& data = machines_[i].disk->seen().data;
            auto it = p.after ? data.upper_bound(*p.after) : data.begin();
            std::vector<std::pair<std::string, value>> items;
            for (std::size_t bytes = 0; it != data.end(); ++it) {
                bytes += it->first.size() + it->second.bytes.size();
                if (bytes > p.bytes && !items.empty()) break;
                items.emplace_back(*it);
            }
            s.piece_read(at, p.to, p.transfer, std::move(items), it == data.end(), out);
        });
    });
}

void kv_world::read_entries(std::size_t i, entries_wanted e) {
    ++counts_.entry_reads;
    after(delay(), [this, i, life = machines_[i].life, e] {
        input(i, life, [this, i, e](shard& s, const instant& at, outputs& out) {
            const kv_image& disk = machines_[i].disk->seen();
            std::vector<entry> some;
            std::size_t bytes = 0;
            for (std::uint64_t seq = e.first; some.size() < e.count; ++seq) {
                const entry* one = disk.at(seq);
                if (!one) break;
                bytes += size_of(*one);
                if (bytes > e.bytes && !some.empty()) break;
                some.push_back(*one);
            }
            s.entries_read(at, e.to, std::move(some), out);
        });
    });
}

/// A node's permits come late, are lost, or are had by others for long.
void kv_world::permit(std::size_t i, const move_wish& w) {
    machine& m = machines_[i];
    require(config_.ask_to_move, "a permit is wanted that nobody needs");
    m.wish = w.is_wanted ? w.number : 0;
    if (!w.is_wanted) m.permit = 0;
    if (!w.is_wanted || (!is_healed_ && random_.chance(0.2))) return;
    const bool is_long = !is_healed_ && random_.chance(0.2);
    after(delay() + (is_long ? time(random_.below(20'000'000'000)) : time(0)),
          [this, i, life = m.life, number = w.number] {
              input(i, life, [this, i, number](shard& s, const instant& at, outputs& out) {
                  if (machines_[i].wish == number && machines_[i].permit != number) {
                      machines_[i].permit = number;
                      ++counts_.permits;
                  }
                  s.may_move(at, number, out);
              });
          });
}

/// As a store does that has an index of what expires.
void kv_world::expire_due(std::size_t i) {
    if (is_ended_) return;
    input(i, machines_[i].life, [this, i](shard& s, const instant& at, outputs& out) {
        std::vector<expired_key> due;
        for (const auto& [key, v] : machines_[i].disk->seen().data)
            if (v.expires_ms != 0 && v.expires_ms <= at.wall_ms) due.push_back({key, v.version});
        s.expire(at, due, out);
    });
    after(time(200'000'000 + random_.below(4'000'000'000)), [this, i] { expire_due(i); });
}

// -- a run ----------------------------------------------------------------------------------------

void kv_world::heal() {
    is_healed_ = true;
    is_coordinator_up_ = true;
    cut_.clear();
    cut_from_coordinator_.clear();
    for (std::size_t i = 0; i < machines_.size(); ++i) {
        if (machines_[i].is_paused) resume(i);
        if (!machines_[i].is_alive) start(i);
    }
    tell_plan();
    pass(25s);
    if (is_lost()) {
        ++counts_.lost;
        for (const auto& m : machines_)
            require(!m.shard->is_serving(), "a store serves what is lost");
        return;
    }
    const auto done = counts_.done;
    pass(3s);
    require(counts_.done > done, "nothing is written after all has healed");
}

void kv_world::pass(time d) {
    const time end = now_ + d;
    for (;;) {
        time next = end;
        if (!queue_.empty()) next = std::min(next, queue_.top().at);
        for (const auto& m : machines_)
            if (m.is_alive && !m.is_paused) next = std::min(next, m.wake);
        now_ = std::max(now_, next);
        if (now_ >= end) return;
        while (!queue_.empty() && queue_.top().at <= now_) {
            const action what = queue_.top().what;
            queue_.pop();
            ++counts_.events;
            what();
        }
        for (std::size_t i = 0; i < machines_.size(); ++i) {
            machine& m = machines_[i];
            if (!m.is_alive || m.is_paused || m.wake > now_) continue;
            ++counts_.events;
            input(i, m.life, [this](shard& s, const instant& at, outputs& out) {
                s.tick(at, out);
                require(s.next_wake() > at.now, "a tick that leaves something due");
            });
        }
    }
}

void kv_world::run() {
    pass(1s);
    for (int i = 0; i < weather_.steps; ++i) {
        act();
        pass(time(random_.below(random_.chance(0.25) ? std::uint64_t(weather_.gap_max / 1ns)
                                                     : 400'000'000)));
    }
    heal();
    // What is under way arrives; nobody asks anything new.
    is_ended_ = true;
    for (client& one : clients_) one.give_up = now_;
    pass(3s);
    check_history();
    if (!is_lost()) check_agreement();
}

}  // namespace test
