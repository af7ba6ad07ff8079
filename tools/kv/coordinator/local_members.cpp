// Who lives: what local_coordinator writes of members and their stores.
#include <unistd.h>

#include "tools/kv/coordinator/local_coordinator.hpp"

namespace kv {

using beam::fail;
using beam::pass;
using beam::result;

namespace {

std::string holder_of(const kept_member& k) {
    return k.member.node + ", process " + std::to_string(k.os_pid) + ", store " +
           to_text(k.member.store);
}

}  // namespace

std::vector<member> local_coordinator::dead_of(const cluster_view& view) const {
    std::vector<member> dead;
    for (const member& m : view.members)
        if (m.is_alive && !local_life::may_go_on(folder_, m.node, m.incarnation)) dead.push_back(m);
    return dead;
}

result<void> local_coordinator::note_deaths(const std::vector<member>& dead) {
    auto txn = on_cluster(true);
    if (!txn) return pass(txn);
    bool is_news = false;
    for (const member& m : dead) {
        const auto kept = txn->get(member_key(m.node));
        if (!kept) return pass(kept);
        if (!*kept) continue;
        auto now = decode_member((*kept)->key, (*kept)->value);
        if (!now) return pass(now);
        // Somebody may have noted it, or the node has joined again.
        if (!now->member.is_alive || now->member.incarnation != m.incarnation) continue;
        now->member.is_alive = false;
        if (auto put = txn->put((*kept)->key, encode(*now)); !put) return put;
        is_news = true;
    }
    if (!is_news) return {};
    return finish(*std::move(txn));
}

result<void> local_coordinator::enter_store(local_transaction& txn, const cluster_view& seen,
                                            const join_request& request) {
    const store_entry* there = seen.find_store(request.store);
    if (there && there->state == store_state::removed)
        return fail("removed", "store " + to_text(request.store) + " was removed");
    if (there && there->node == request.node) return {};
    store_entry entry = there ? *there : new_entry(seen.stores, request);
    entry.node = request.node;
    return txn.put(store_key(entry.id), encode(entry));
}

result<void> local_coordinator::enter(local_transaction& txn, const join_request& request) {
    const auto all = txn.all();
    if (!all) return pass(all);
    const auto kept = view_of(txn.rev(), *all);
    if (!kept) return pass(kept);
    for (std::size_t i = 0; i < kept->view.members.size(); ++i) {
        const member& m = kept->view.members[i];
        if (m.store == request.store && m.node != request.node && m.is_alive &&
            local_life::may_go_on(folder_, m.node, m.incarnation))
            return fail("store_taken", holder_of({m, kept->os_pids[i]}));
    }
    if (auto entered = enter_store(txn, kept->view, request); !entered) return entered;
    const kept_member me{{request.node, request.store, request.incarnation, request.dist_address,
                          true, request.sync},
                         ::getpid()};
    return txn.put(member_key(request.node), encode(me));
}

result<void> local_coordinator::join(const join_request& request) {
    if (auto ok = check(request); !ok) return ok;
    if (life_) return fail("name_taken", joined_.node + ", by this coordinator itself");
    auto txn = on_cluster(true);
    if (!txn) return pass(txn);
    auto life = local_life::begin(folder_, request.node, request.incarnation);
    if (!life && life.error().is("name_taken")) {
        const auto kept = txn->get(member_key(request.node));
        const auto holder = kept && *kept ? decode_member((*kept)->key, (*kept)->value)
                                          : result<kept_member>(fail("corrupt"));
        return fail("name_taken", holder ? holder_of(*holder) : request.node);
    }
    if (!life) return pass(life);
    auto done = enter(*txn, request);
    if (done) done = finish(*std::move(txn));
    if (!done) {
        life->end();
        return done;
    }
    life_.emplace(*std::move(life));
    joined_ = request;
    return {};
}

result<void> local_coordinator::note_leaving() {
    auto txn = on_cluster(true);
    if (!txn) return pass(txn);
    const auto kept = txn->get(member_key(joined_.node));
    if (!kept) return pass(kept);
    if (!*kept) return {};
    auto me = decode_member((*kept)->key, (*kept)->value);
    if (!me) return pass(me);
    if (me->member.incarnation != joined_.incarnation) return {};
    me->member.is_alive = false;
    if (auto put = txn->put((*kept)->key, encode(*me)); !put) return put;
    return finish(*std::move(txn));
}

// The lock is let go in any case: it says the same.
result<void> local_coordinator::leave() {
    if (!life_) return {};
    auto noted = note_leaving();
    life_->end();
    life_.reset();
    wake_.wake_all();
    return noted;
}

}  // namespace kv
