#include "libbeamcore/dist/internal/global/locker.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "libbeamcore/base/random.hpp"
#include "libbeamcore/dist/internal/global/locks.hpp"
#include "libbeamcore/dist/internal/global/table.hpp"
#include "libbeamcore/runtime/detail/carrier.hpp"
#include "libbeamcore/runtime/nodes.hpp"
#include "libbeamcore/runtime/send.hpp"

namespace beam {

result<void> field_codec<dist::detail::locker_order>::from(const term& t,
                                                           dist::detail::locker_order& o) {
    const auto e = t.elements();
    const bool known = e.size() >= 4 && e.size() <= 5 && e[0] == atom("lock_set");
    const auto who = known ? e[1].as_pid() : std::nullopt;
    if (!who) return detail::mismatch("{lock_set, Locker, Yes, Known}", t);
    o.what = dist::detail::locker_order::kind::lock_set;
    o.who = *who;
    o.node = node(*who);
    o.yes = e[2] == atoms::true_;
    o.any_tag = e.size() == 4;
    o.my_tag = e.size() == 5 ? e[4].as_int64().value_or(0) : 0;
    return {};
}

}  // namespace beam

namespace beam::dist::detail {

namespace {

using kind = locker_order::kind;

// Erlang's order of pids, as both nodes see it: a pid of this node does not say which that is.
bool is_before(const pid& a, const pid& b) {
    const pid x{a.id, a.serial, 0}, y{b.id, b.serial, 0};
    if (x != y) return compare(term(x), term(y)) < 0;
    return compare(term(node(a)), term(node(b))) < 0;
}

class locker {
public:
    locker(self me, pid server) : me_(me), server_(server), random_(secure_random_64()) {}

    awaitable<void> run();

private:
    struct other {
        atom node;
        sync_tag my_tag = 0;
        term his_tag;
        pid locker;
    };

    awaitable<void> handle(locker_order o);
    awaitable<void> answer_lock(locker_order o);
    awaitable<void> approach_one();
    awaitable<bool> lock_partition(term id, std::vector<atom> extra);
    awaitable<void> hold_until_cancelled(atom node, sync_tag my_tag, term id,
                                         std::vector<atom> nodes);
    awaitable<void> take_changes_of_partition();
    void change_partition(const locker_order& o);
    void forget(atom node, sync_tag my_tag);
    void tell_locked(bool yes, const other& to) const;
    [[nodiscard]] term lock_id(const pid& his) const;
    [[nodiscard]] other* find(atom node);
    [[nodiscard]] timeout patience() const;
    [[nodiscard]] std::vector<atom> known_with(std::vector<atom> more) const;

    self me_;
    pid server_;
    random_generator random_;
    std::vector<other> others_;  // to be synchronised with
    std::vector<atom> known_;    // of this partition
    bool just_synced_ = false;
};

// Waits a while before it acts: most often the other side, or one with more to do, has begun already.
timeout locker::patience() const {
    if (others_.empty()) return infinity{};
    if (just_synced_) return std::chrono::milliseconds(0);
    if (known_.empty()) return std::chrono::milliseconds(200);
    return std::chrono::milliseconds(std::min<std::size_t>(1000 + 100 * known_.size(), 3000));
}

awaitable<void> locker::run() {
    for (;;) {
        std::optional<locker_order> o = co_await me_.receive_for<locker_order>(patience());
        if (o) {
            auto handling = handle(*std::move(o));
            co_await handling;
            continue;
        }
        just_synced_ = false;
        if (global_table::of(me_.node()).is_locked(atoms::global)) continue;
        auto approaching = approach_one();
        co_await approaching;
    }
}

awaitable<void> locker::handle(locker_order o) {
    switch (o.what) {
        case kind::meet:
            others_.push_back({o.node, o.my_tag, std::move(o.his_tag), o.who});
            break;
        case kind::cancel:
            forget(o.node, o.my_tag);
            break;
        case kind::add:
        case kind::remove:
            change_partition(o);
            break;
        case kind::lock_set:
            if (o.yes) {
                auto answering = answer_lock(std::move(o));
                co_await answering;
            }
            break;
        case kind::none:
            break;
    }
}

// The other locker has locked its partition: is ours free?
awaitable<void> locker::answer_lock(locker_order o) {
    const other* found = find(o.node);
    if (!found || (!o.any_tag && found->my_tag != o.my_tag)) {
        // It is not one that we know: without a tag, to the locker itself.
        beam::detail::send_if_connected(
            o.who, tuple(atom("lock_set"), me_.id(), false, list_of(std::vector<term>())));
        co_return;
    }
    const other him = *found;
    const term id = lock_id(o.who);
    auto locking = lock_partition(id, {});
    const bool locked = co_await locking;
    tell_locked(locked, him);
    just_synced_ = locked;
    if (!locked) co_return;
    send(server_, partitions_locked{him.node, him.my_tag, id});
    auto holding = hold_until_cancelled(him.node, him.my_tag, id, known_with({node()}));
    co_await holding;
    forget(him.node, him.my_tag);
}

awaitable<void> locker::approach_one() {
    std::erase_if(others_, [&](const other& o) {
        return std::find(known_.begin(), known_.end(), o.node) != known_.end();
    });
    if (others_.empty()) co_return;
    const other him = others_[random_.below(others_.size())];
    const term id = lock_id(him.locker);
    auto locking = lock_partition(id, std::vector<atom>(1, him.node));
    const bool locked = co_await locking;
    if (!locked) co_return;
    const std::vector<atom> all = known_with({node(), him.node});
    tell_locked(true, him);
    const atom node = him.node;
    const sync_tag tag = him.my_tag;
    const auto is_for_it = [node, tag](const locker_order& o) {
        if (o.node != node) return false;
        if (o.what == kind::cancel) return o.my_tag == tag;
        return o.what == kind::lock_set;
    };
    for (;;) {
        std::optional<locker_order> o = co_await me_.receive_if<locker_order>(is_for_it);
        const bool cancelled = o->what == kind::cancel;
        if (!cancelled && !o->any_tag && o->my_tag != tag) continue;  // of an earlier attempt
        if (!cancelled && o->yes) break;
        if (cancelled) {
            for (const atom n : o->nodes) cast_name_server(n, o->news);
            forget(node, tag);
        }
        auto deleting = delete_global_lock(id, all);
        co_await deleting;
        co_return;
    }
    send(server_, partitions_locked{node, tag, id});
    auto holding = hold_until_cancelled(node, tag, id, all);
    co_await holding;
    just_synced_ = true;
    forget(node, tag);
}

// The boss first: of two that want to lock the same, one fails there at once and nobody waits for the other.
awaitable<bool> locker::lock_partition(term id, std::vector<atom> extra) {
    const std::vector<atom> first(1, boss_of(known_with({node()})));
    if (first.front() != node() && !global_table::of(me_.node()).can_set(id)) co_return false;
    auto step = set_lock_once(id, first);
    bool locked = co_await step;
    if (!locked) co_return false;
    auto taking = take_changes_of_partition();
    co_await taking;
    extra.push_back(node());
    std::vector<atom> second = without(std::move(extra), first);
    step = set_lock_once(id, second);
    locked = co_await step;
    if (locked) {
        step = set_lock_once(id, without(known_, first));
        locked = co_await step;
        if (locked) co_return true;
        second.insert(second.end(), first.begin(), first.end());
    } else {
        second = first;
    }
    auto deleting = delete_lock(std::move(id), std::move(second));
    co_await deleting;
    co_return false;
}

awaitable<void> locker::hold_until_cancelled(atom node, sync_tag my_tag, term id,
                                             std::vector<atom> nodes) {
    const auto is_cancelled = [node, my_tag](const locker_order& o) {
        return o.what == kind::cancel && o.node == node && o.my_tag == my_tag;
    };
    std::optional<locker_order> o = co_await me_.receive_if<locker_order>(is_cancelled);
    // Before the lock is gone, and from the same process: so those who hear of the names hear of them under the lock.
    for (const atom n : o->nodes) cast_name_server(n, o->news);
    auto deleting = delete_global_lock(std::move(id), std::move(nodes));
    co_await deleting;
}

awaitable<void> locker::take_changes_of_partition() {
    const auto is_change = [](const locker_order& o) {
        return o.what == kind::add || o.what == kind::remove;
    };
    for (;;) {
        std::optional<locker_order> o =
            co_await me_.receive_if<locker_order>(is_change, std::chrono::milliseconds(0));
        if (!o) co_return;
        change_partition(*o);
    }
}

void locker::change_partition(const locker_order& o) {
    if (o.what == kind::remove) {
        std::erase(known_, o.node);
        return;
    }
    for (const atom n : o.nodes)
        if (std::find(known_.begin(), known_.end(), n) == known_.end()) known_.push_back(n);
}

void locker::forget(atom node, sync_tag my_tag) {
    std::erase_if(others_, [&](const other& o) { return o.node == node && o.my_tag == my_tag; });
}

void locker::tell_locked(bool yes, const other& to) const {
    std::vector<term> known(known_.begin(), known_.end());
    cast_name_server(to.node,
                     tuple(atom("lock_set"), me_.id(), yes, list_of(std::move(known)), to.his_tag));
}

term locker::lock_id(const pid& his) const {
    const pid mine = me_.id();
    if (is_before(his, mine)) return tuple(atoms::global, list({his, mine}));
    return tuple(atoms::global, list({mine, his}));
}

locker::other* locker::find(atom node) {
    for (other& o : others_)
        if (o.node == node) return &o;
    return nullptr;
}

std::vector<atom> locker::known_with(std::vector<atom> more) const {
    more.insert(more.end(), known_.begin(), known_.end());
    return more;
}

}  // namespace

process run_locker(self me, pid name_server) {
    locker l(me, name_server);
    auto running = l.run();
    co_await running;
}

}  // namespace beam::dist::detail
