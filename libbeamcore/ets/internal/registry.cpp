#include "libbeamcore/ets/internal/registry.hpp"

#include <sched.h>

#include <algorithm>

#include "libbeamcore/runtime/detail/local.hpp"
#include "libbeamcore/runtime/link.hpp"
#include "libbeamcore/runtime/send.hpp"

namespace beam::detail::ets {

// -- slots ----------------------------------------------------------------------------------------

std::atomic<table_object*> table_slots[tables_max];

namespace {

struct slot_space {
    std::mutex mutex;
    std::vector<std::uint32_t> free;
    std::uint32_t next = 0;
    std::uint64_t last_unique = 0;
};

slot_space& slots() {
    static auto* all = new slot_space;  // never destroyed: a `table` may be asked for at any time
    return *all;
}

void take_slot(table_object* t) {
    slot_space& all = slots();
    std::lock_guard guard(all.mutex);
    if (all.free.empty()) {
        if (all.next == tables_max) bad("there are too many tables");
        all.free.push_back(all.next++);
    }
    t->slot = all.free.back();
    all.free.pop_back();
    t->unique = ++all.last_unique;
    table_slots[t->slot].store(t, std::memory_order_release);
}

void leave_slot(const table_object* t) {
    table_slots[t->slot].store(nullptr, std::memory_order_release);
    slot_space& all = slots();
    std::lock_guard guard(all.mutex);
    all.free.push_back(t->slot);
}

}  // namespace

table id_of(const table_object& t) {
    return {t.slot, t.unique};
}

// -- names ----------------------------------------------------------------------------------------

name_map::name_map() : places_(new places{15, std::make_unique<place[]>(16)}) {}
name_map::~name_map() {
    delete places_.load();
}

name_map::place& name_map::place_of(const places& all, atom name) {
    const std::uint32_t key = name.index() + 1;
    for (std::size_t i = key * 0x9E3779B1u >> 8;; ++i) {
        place& p = all.at[i & all.mask];
        const std::uint32_t there = p.name.load(std::memory_order_acquire);
        if (there == key || there == 0) return p;
    }
}

table_object* name_map::find(atom name) const noexcept {
    return place_of(*places_.load(std::memory_order_acquire), name)
        .object.load(std::memory_order_acquire);
}

void name_map::set(atom name, table_object* t) {
    place* p = &place_of(*places_.load(std::memory_order_relaxed), name);
    if (p->name.load(std::memory_order_relaxed) == 0) {
        if (!t) return;
        if (2 * (used_ + 1) > places_.load(std::memory_order_relaxed)->mask) grow();
        p = &place_of(*places_.load(std::memory_order_relaxed), name);
        // The table first: who finds the name finds it.
        p->object.store(t, std::memory_order_release);
        p->name.store(name.index() + 1, std::memory_order_release);
        ++used_;
        return;
    }
    p->object.store(t, std::memory_order_release);
}

// Leaves the names out that have no table any more.
void name_map::grow() {
    places* old = places_.load(std::memory_order_relaxed);
    std::size_t living = 0;
    for (std::size_t i = 0; i <= old->mask; ++i) living += old->at[i].object.load() != nullptr;
    std::size_t size = 16;
    while (size < 4 * (living + 1)) size *= 2;
    auto* fresh = new places{size - 1, std::make_unique<place[]>(size)};
    for (std::size_t i = 0; i <= old->mask; ++i) {
        table_object* t = old->at[i].object.load();
        if (!t) continue;
        const atom name = atom::at(old->at[i].name.load() - 1);
        place& p = place_of(*fresh, name);
        p.object.store(t, std::memory_order_relaxed);
        p.name.store(name.index() + 1, std::memory_order_relaxed);
    }
    used_ = living;
    places_.store(fresh, std::memory_order_release);
    retire(
        old, [](void* p) noexcept { delete static_cast<places*>(p); }, 16 * (old->mask + 1));
}

// -- a runtime's tables -----------------------------------------------------------------------------

namespace {
const char registry_key = 0;

registry& registry_of(runtime& node) {
    return *static_cast<registry*>(runtime_local(
        node, &registry_key, [](runtime& r) -> void* { return new registry(r); },
        [](void* r) noexcept { delete static_cast<registry*>(r); }));
}

std::unique_ptr<table_store> make_store(table_type type, std::size_t keypos) {
    return type == table_type::ordered_set ? make_ordered_store(keypos)
                                           : make_hash_store(type, keypos);
}

// What takes longer to free than a scheduler should be kept from its processes.
constexpr std::size_t rows_freed_at_once = 5000;
constexpr std::size_t bytes_a_row = 64;

void free_store(void* s) noexcept {
    delete static_cast<table_store*>(s);
}

}  // namespace

registry* registry::of_caller_or_null() {
    process_block* pb = current_or_null();
    return pb ? &registry_of(runtime_of(pb)) : nullptr;
}

registry& registry::of_caller() {
    if (registry* r = of_caller_or_null()) return *r;
    bad("a plain thread has no tables and no names: call this from a process");
}

table_object* object_named(atom name) {
    registry* r = registry::of_caller_or_null();
    return r ? r->find(name) : nullptr;
}

registry::registry(runtime& n) : node(n) {
    add_end_hook(n, &process_ended, this);
}

// When all processes are gone, and their tables with them.
registry::~registry() = default;

void registry::free_object(void* t) noexcept {
    delete static_cast<table_object*>(t);
}

void registry::dispose(table_store* store) {
    const std::size_t rows = store->size();
    if (rows <= rows_freed_at_once) {
        retire(store, free_store, rows * bytes_a_row);
        return;
    }
    struct job {
        std::unique_ptr<table_store> store;
        std::size_t bytes;
        void operator()() {
            constexpr int patience = 200;
            retire(store.release(), free_store, bytes);
            for (int i = 0; i < patience && !reclaim_now(); ++i) sched_yield();
        }
    };
    run_aside(node, job{std::unique_ptr<table_store>(store), rows * bytes_a_row});
}

table registry::create(atom name, const beam::ets::table_options& options, const pid& owner) {
    auto made = std::make_unique<table_object>();
    auto store = make_store(options.type, options.keypos);
    made->type = options.type;
    made->access = options.access;
    const bool is_set = options.type == table_type::set;
    made->read_plainly = is_set && options.access != beam::ets::table_access::private_;
    made->written_plainly = is_set && options.access == beam::ets::table_access::public_;
    made->keypos = std::uint32_t(options.keypos);
    made->owner.store(packed(owner), std::memory_order_relaxed);
    made->home = this;
    made->name = name;
    made->named = options.named;
    made->heir = options.heir;
    made->store.store(store.get(), std::memory_order_relaxed);

    std::lock_guard guard(mutex_);
    if (options.named && names_.find(name)) bad("there is a table named " + to_string(name));
    take_slot(made.get());
    if (options.named) names_.set(name, made.get());
    owned_[owner].push_back(made.get());
    (void)watch_end(node, owner);  // it runs: this is its call
    store.release();               // NOLINT: the object's
    const table t = id_of(*made.release());
    return options.named ? table(name) : t;
}

// Under the lock: nobody finds it any more.
void registry::forget(table_object* t) {
    for (const auto& f : t->fixations) std::erase(fixing_[f.pid], t);
    if (t->named) names_.set(t->name, nullptr);
    leave_slot(t);
    dispose(t->store.load(std::memory_order_relaxed));
    retire(t, free_object, sizeof(table_object));
}

// Under the lock: takes it from its owner's list.
void registry::disown(table_object* t) {
    auto found = owned_.find(unpacked(t->owner.load(std::memory_order_relaxed)));
    if (found == owned_.end()) return;
    std::erase(found->second, t);
    if (found->second.empty()) owned_.erase(found);
}

void registry::remove(const table& t, table_object* found) {
    std::lock_guard guard(mutex_);
    if (object_in(found->slot, found->unique) != found) no_table(t);
    disown(found);
    forget(found);
}

void registry::rename(table_object* t, atom name) {
    std::lock_guard guard(mutex_);
    if (t->named && t->name != name) {
        if (names_.find(name)) bad("there is a table named " + to_string(name));
        names_.set(t->name, nullptr);
        names_.set(name, t);
    }
    t->name = name;
}

// Under the lock: `to` owns it from now on. False, and nothing has changed, if it is dead.
bool registry::pass_on(table_object* t, const pid& to) {
    if (!watch_end(node, to)) return false;
    t->owner.store(packed(to), std::memory_order_release);
    owned_[to].push_back(t);
    return true;
}

void registry::give_away(table_object* t, const pid& to, term data) {
    const pid from = this_process().id();
    {
        std::lock_guard guard(mutex_);
        if (to == from) bad("the caller owns the table already");
        if (!to.is_local()) bad("a table can be given to a process of this node only");
        auto& mine = owned_[from];
        if (!pass_on(t, to)) bad(to_string(to) + " is no living process");
        std::erase(mine, t);
        if (mine.empty()) owned_.erase(from);
    }
    const term id = t->named ? term(t->name) : id_of(*t).to_term();
    send(to, ets_transfer{id, from, std::move(data)});
}

void registry::set_heir(table_object* t, std::optional<beam::ets::heir> h) {
    std::lock_guard guard(mutex_);
    t->heir = std::move(h);
}

// In the thread of the process, before anybody hears of its end. Also where watch_end found it dying.
void registry::process_ended(void* context, const pid& ended) noexcept {
    auto& r = *static_cast<registry*>(context);
    const read_section section;
    deferred told;
    {
        std::lock_guard guard(r.mutex_);
        r.release_fixations(ended);
        r.leave_all(ended, told);
    }
    for (auto& [to, message] : told) r.node.send(to, std::move(message));
}

void registry::leave_all(const pid& ended, deferred& told) {
    auto found = owned_.find(ended);
    if (found == owned_.end()) return;
    const std::vector<table_object*> left = std::move(found->second);
    owned_.erase(found);
    for (table_object* t : left) {
        if (!t->heir || t->heir->pid == ended || !pass_on(t, t->heir->pid)) {
            forget(t);
            continue;
        }
        const term id = t->named ? term(t->name) : id_of(*t).to_term();
        told.emplace_back(t->heir->pid, ets_transfer{id, ended, t->heir->data});
    }
}

// -- fixing ---------------------------------------------------------------------------------------

void registry::fix(table_object* t, const pid& p, bool on) {
    std::lock_guard guard(mutex_);
    auto found = std::find_if(t->fixations.begin(), t->fixations.end(),
                              [&p](const auto& f) { return f.pid == p; });
    if (on) {
        if (found != t->fixations.end()) {
            ++found->count;
            return;
        }
        t->fixations.push_back({p, 1});
        fixing_[p].push_back(t);
        (void)watch_end(node, p);  // the caller itself
    } else if (found != t->fixations.end() && --found->count == 0) {
        t->fixations.erase(found);
        std::erase(fixing_[p], t);
        if (fixing_[p].empty()) fixing_.erase(p);
    }
    t->fixed.store(!t->fixations.empty(), std::memory_order_release);
}

void registry::release_fixations(const pid& p) {
    auto found = fixing_.find(p);
    if (found == fixing_.end()) return;
    for (table_object* t : found->second) {
        std::erase_if(t->fixations, [&p](const auto& f) { return f.pid == p; });
        t->fixed.store(!t->fixations.empty(), std::memory_order_release);
    }
    fixing_.erase(found);
}

// Who is writing goes on with the old rows: it has done so before.
void registry::clear(table_object* t) {
    auto fresh = make_store(t->type, t->keypos);
    std::lock_guard guard(mutex_);
    if (object_in(t->slot, t->unique) != t) no_table(id_of(*t));
    dispose(t->store.exchange(fresh.release(), std::memory_order_acq_rel));
}

// -- what there is --------------------------------------------------------------------------------

std::vector<table> registry::all() const {
    std::lock_guard guard(mutex_);
    std::vector<table> found;
    for (const auto& [owner, tables] : owned_)
        for (const table_object* t : tables) found.push_back(t->named ? table(t->name) : id_of(*t));
    return found;
}

beam::ets::info registry::info_of(const table_object& t) const {
    beam::ets::info i;
    const table_store& store = *t.store.load(std::memory_order_acquire);
    i.size = store.size();
    i.bytes = store.bytes() + sizeof(table_object);
    i.snapshots = t.snapshots.load(std::memory_order_relaxed);
    i.type = t.type;
    i.access = t.access;
    i.keypos = t.keypos;
    std::lock_guard guard(mutex_);
    i.id = t.named ? table(t.name) : id_of(t);
    i.name = t.name;
    i.named = t.named;
    i.owner = unpacked(t.owner.load(std::memory_order_relaxed));
    if (t.heir) i.heir = t.heir->pid;
    i.fixed = t.fixations;
    return i;
}

}  // namespace beam::detail::ets
