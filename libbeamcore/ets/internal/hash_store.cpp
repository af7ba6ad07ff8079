#include "libbeamcore/ets/internal/hash_store.hpp"

#include <algorithm>

#include "libbeamcore/ets/internal/badarg.hpp"
#include "libbeamcore/ets/internal/hash_snapshot.hpp"

namespace beam::detail::ets {

hash_store::hash_store(beam::ets::table_type type, std::size_t keypos)
    : hash_rows(keypos),
      type_(type),
      directory_(directory::make(1)),
      kept_(std::make_shared<std::atomic<std::int64_t>>(0)) {
    chunk* c = chunk::make(1, 0, 0, 0);
    for (std::size_t i = 0; i < 2; ++i)
        directory_.load()->entries()[i].store(chunk_ref::word_of(c), std::memory_order_relaxed);
}

// When nobody uses the store any more; snapshots may live on.
hash_store::~hash_store() {
    directory* d = directory_.load(std::memory_order_relaxed);
    chunk* before = nullptr;
    for (std::size_t i = 0; i < d->size(); ++i) {
        chunk* c = chunk_ref::address(d->entries()[i].load(std::memory_order_relaxed));
        if (std::exchange(before, c) == c) continue;
        lock(c);
        c->dead = true;
        const bool shared = c->pins > 0;
        unlock(c);
        if (!shared) chunk::free_all(c);
    }
    directory::free(d);
}

std::unique_ptr<table_store> make_hash_store(beam::ets::table_type type, std::size_t keypos) {
    return std::make_unique<hash_store>(type, keypos);
}

void hash_store::wait_for_batch() const {
    spin_pause pause;
    while (batch_running_.load(std::memory_order_acquire)) pause();
}

// The chunk of a hash, locked and alive.
hash_store::held_chunk hash_store::hold(std::uint64_t hash) const {
    for (;;) {
        chunk* c = chunk_ref::address(entry_of(hash).load(std::memory_order_acquire));
        lock(c);
        if (!c->dead) return held_chunk(c);
        unlock(c);
    }
}

// Searches what the caller is going to change if it is there.
found_slot hash_store::search_to_change(held_chunk& c, std::uint64_t h, const term& key) {
    found_slot found = search(c, h, key);
    if (!found || c->pins == 0) return found;
    unshare(c);
    return search(c, h, key);
}

void hash_store::count(std::int64_t by) {
    // Threads have their records of reading in different lines.
    const auto thread = reinterpret_cast<std::uintptr_t>(this_reader) >> 7;
    counts_[thread % stripes].rows.fetch_add(by, std::memory_order_relaxed);
}

std::size_t hash_store::size() const {
    std::int64_t all = 0;
    for (const stripe& s : counts_) all += s.rows.load(std::memory_order_relaxed);
    return std::size_t(std::max<std::int64_t>(all, 0));
}

std::size_t hash_store::bytes() const {
    auto all = std::int64_t(sizeof *this) + kept_->load(std::memory_order_relaxed);
    all += std::int64_t(directory::bytes(directory_.load(std::memory_order_acquire)->depth));
    for (std::uint64_t h = 0;;) {
        const held_chunk c = hold(h);
        all += std::int64_t(chunk::bytes(c->lines)) + c->row_bytes;
        if (c->last_hash() == ~std::uint64_t{0}) break;
        h = c->last_hash() + 1;
    }
    return std::size_t(all);
}

// -- in -------------------------------------------------------------------------------------------

void hash_store::insert(term row) {
    const std::uint64_t h = hash_of(layout.key_of(term_access::node(row)));
    held_chunk c = hold(h);
    add(c, h, std::move(row));
}

bool hash_store::insert_new(term row) {
    const term& key = layout.key_of(term_access::node(row));
    const std::uint64_t h = hash_of(key);
    held_chunk c = hold(h);
    if (search(c, h, key)) return false;
    put_in(c, h, std::move(row), nullptr);
    return true;
}

namespace {
struct batch_scope {
    explicit batch_scope(std::atomic<bool>& r) : running(r) {
        running.store(true, std::memory_order_seq_cst);
    }
    ~batch_scope() { running.store(false, std::memory_order_release); }
    std::atomic<bool>& running;
};
}  // namespace

// All chunks of the list are held until all is in; readers wait from before the first change to after the last.
bool hash_store::insert_all(std::span<const term> all, bool only_new) {
    std::vector<std::pair<std::uint64_t, std::size_t>> order;
    order.reserve(all.size());
    for (std::size_t i = 0; i < all.size(); ++i)
        order.emplace_back(hash_of(layout.key_of(term_access::node(all[i]))), i);
    std::sort(order.begin(), order.end());  // and of one key in the order they were given

    std::lock_guard guard(batch_);
    std::vector<held_chunk> held;
    for (const auto& [h, i] : order)
        if (held.empty() || h > held.back()->last_hash()) held.push_back(hold(h));
    auto chunk_of = [&held](std::uint64_t h) -> held_chunk& {
        return *std::find_if(held.begin(), held.end(), [h](const held_chunk& c) {
            return c->prefix <= h && h <= c->last_hash();
        });
    };
    std::size_t at = 0;  // in held, which is in order until chunks are split
    if (only_new) {
        for (const auto& [h, i] : order) {
            while (h > held[at]->last_hash()) ++at;
            if (search(held[at], h, layout.key_of(term_access::node(all[i])))) return false;
        }
    }
    const batch_scope running(batch_running_);
    std::vector<held_chunk> halves;
    at = 0;
    for (const auto& [h, i] : order) {
        while (at < held.size() && h > held[at]->last_hash()) ++at;
        held_chunk* c = at < held.size() && held[at]->prefix <= h ? &held[at] : &chunk_of(h);
        add(*c, h, all[i], &halves);
        if (halves.empty()) continue;
        // What was split off has its place beside its other half.
        for (held_chunk& half : halves) held.push_back(std::move(half));
        halves.clear();
        std::sort(held.begin(), held.end(),
                  [](const held_chunk& a, const held_chunk& b) { return a->prefix < b->prefix; });
        at = 0;
    }
    return true;
}

// Under the lock: what insert means for a table of this type.
void hash_store::add(held_chunk& c, std::uint64_t h, term row, std::vector<held_chunk>* others) {
    const term& key = layout.key_of(term_access::node(row));
    const found_slot found = search_to_change(c, h, key);
    if (!found)
        put_in(c, h, std::move(row), others);
    else if (is_bag())
        add_to_group(c, found, std::move(row));
    else
        replace(c, found, std::move(row));
}

void hash_store::put_in(held_chunk& c, std::uint64_t h, term row, std::vector<held_chunk>* others) {
    if (c->pins > 0) unshare(c);
    while (c->is_full()) make_room(c, h, others);
    c->row_bytes += std::int64_t(bytes_of(row));
    ++c->rows;
    count(+1);
    term_node* n = term_access::node(row);
    new (&row) term;  // the table's reference now
    c->put(row_word::make(n, row_kind::shared, c->tag_of(h)));
}

namespace {
void retire_row(std::uint64_t word, std::size_t bytes) {
    if (row_word::kind(word) == row_kind::counter)
        retire(row_word::node(word), free_counter, bytes);
    else
        retire_term(term_access::from_node(row_word::node(word)), bytes);
}
}  // namespace

void hash_store::replace(held_chunk& c, const found_slot& at, term row) {
    const std::size_t before = bytes_of(borrowed_term(row_word::node(at.word)));
    c->row_bytes += std::int64_t(bytes_of(row)) - std::int64_t(before);
    term_node* n = term_access::node(row);
    new (&row) term;
    at.slot->store(row_word::make(n, row_kind::shared, row_word::tag(at.word)),
                   std::memory_order_release);
    retire_row(at.word, before);
}

void hash_store::add_to_group(held_chunk& c, const found_slot& at, term row) {
    term_node* n = term_access::node(row);
    row_group* g = nullptr;
    term_node* only = row_word::node(at.word);
    std::span<term_node*> there{&only, 1};
    if (row_word::kind(at.word) == row_kind::group) {
        g = group_of(at.word);
        there = g->all();
    }
    if (type_ == beam::ets::table_type::bag)
        for (term_node* r : there)
            if (*borrowed_term(r) == row) return;
    c->row_bytes += std::int64_t(bytes_of(row));
    ++c->rows;
    count(+1);
    new (&row) term;
    const auto size = std::uint32_t(there.size());
    if (g && size < g->capacity) {
        g->rows()[size] = n;
        g->count.store(size + 1, std::memory_order_release);
        return;
    }
    row_group* fresh = row_group::make(std::max(2u, size + (size + 1) / 2));
    std::copy(there.begin(), there.end(), fresh->rows());
    fresh->rows()[size] = n;
    fresh->count.store(size + 1, std::memory_order_relaxed);
    c->row_bytes += std::int64_t(row_group::bytes(fresh->capacity));
    at.slot->store(row_word::make(fresh, row_kind::group, row_word::tag(at.word)),
                   std::memory_order_release);
    if (!g) return;
    c->row_bytes -= std::int64_t(row_group::bytes(g->capacity));
    retire(g, row_group::free, row_group::bytes(g->capacity));
}

// -- out ------------------------------------------------------------------------------------------

std::size_t hash_store::erase(const term& key, rows* taken) {
    const std::uint64_t h = hash_of(key);
    held_chunk c = hold(h);
    const found_slot found = search_to_change(c, h, key);
    if (!found) return 0;
    const std::uint64_t before = c->rows;
    drop(c, found, h, taken);
    const auto gone = std::size_t(before - c->rows);
    make_smaller(c);
    return gone;
}

// Takes all rows of a slot out.
void hash_store::drop(held_chunk& c, const found_slot& at, std::uint64_t, rows* taken) {
    if (taken) append_rows(at.word, *taken);
    std::size_t gone = 0;
    auto retire_one = [&](std::uint64_t word) {
        const std::size_t bytes = bytes_of(borrowed_term(row_word::node(word)));
        c->row_bytes -= std::int64_t(bytes);
        ++gone;
        retire_row(word, bytes);
    };
    c->remove(at.slot);
    if (row_word::kind(at.word) == row_kind::group) {
        row_group* g = group_of(at.word);
        for (term_node* n : g->all()) retire_one(row_word::make(n, row_kind::shared, 0));
        c->row_bytes -= std::int64_t(row_group::bytes(g->capacity));
        retire(g, row_group::free, row_group::bytes(g->capacity));
    } else {
        retire_one(at.word);
    }
    c->rows -= gone;
    count(-std::int64_t(gone));
}

std::size_t hash_store::erase_object(const term& row) {
    const term& key = layout.key_of(term_access::node(row));
    const std::uint64_t h = hash_of(key);
    held_chunk c = hold(h);
    const found_slot seen = search(c, h, key);
    if (!seen) return 0;
    if (row_word::kind(seen.word) != row_kind::group) {
        if (!(row_of(seen.word) == row)) return 0;
        const found_slot found = search_to_change(c, h, key);
        drop(c, found, h, nullptr);
        make_smaller(c);
        return 1;
    }
    auto equal = [&row](term_node* n) { return *borrowed_term(n) == row; };
    const auto there = group_of(seen.word)->all();
    if (std::none_of(there.begin(), there.end(), equal)) return 0;
    const found_slot found = search_to_change(c, h, key);
    const auto all = group_of(found.word)->all();
    std::vector<term_node*> left, gone;
    for (term_node* n : all) (equal(n) ? gone : left).push_back(n);
    if (left.empty()) {
        drop(c, found, h, nullptr);
    } else {
        set_group(c, found, left);
        for (term_node* n : gone) {
            const std::size_t bytes = bytes_of(borrowed_term(n));
            c->row_bytes -= std::int64_t(bytes);
            retire_term(term_access::from_node(n), bytes);
        }
        c->rows -= gone.size();
        count(-std::int64_t(gone.size()));
    }
    make_smaller(c);
    return gone.size();
}

// Makes a group's slot hold these of its rows.
void hash_store::set_group(held_chunk& c, const found_slot& at, std::span<term_node* const> left) {
    row_group* old = group_of(at.word);
    std::uint64_t word = 0;
    if (left.size() == 1) {
        word = row_word::make(left[0], row_kind::shared, row_word::tag(at.word));
    } else {
        row_group* g = row_group::make(std::uint32_t(left.size()));
        std::copy(left.begin(), left.end(), g->rows());
        g->count.store(std::uint32_t(left.size()), std::memory_order_relaxed);
        c->row_bytes += std::int64_t(row_group::bytes(g->capacity));
        word = row_word::make(g, row_kind::group, row_word::tag(at.word));
    }
    at.slot->store(word, std::memory_order_release);
    c->row_bytes -= std::int64_t(row_group::bytes(old->capacity));
    retire(old, row_group::free, row_group::bytes(old->capacity));
}

// -- changed --------------------------------------------------------------------------------------

bool hash_store::update(const term& key, row_change f, void* context) {
    const std::uint64_t h = hash_of(key);
    for (;;) {
        // What it sees stays where it is in memory while the caller's section lasts: an equal word is the same row.
        const found_slot seen = layout.search(chunk_at(h), h, key);
        std::optional<term> row;
        std::uint32_t version = 0;
        if (seen && row_word::kind(seen.word) == row_kind::counter)
            row = copy_counter(row_word::node(seen.word), &version);
        else if (seen)
            row = row_of(seen.word);
        std::optional<term> fresh = f(context, row ? &*row : nullptr);
        if (!fresh) return false;
        check_row(*fresh, layout.key_index() + 1);
        if (!(layout.key_of(term_access::node(*fresh)) == key))
            throw beam::ets::bad_argument("the new row has another key");
        if (try_change(key, h, seen, version, std::move(*fresh))) return true;
    }
}

// Puts a row in if what is there is still what was seen.
bool hash_store::try_change(const term& key, std::uint64_t h, const found_slot& seen,
                            std::uint32_t version, term fresh) {
    held_chunk c = hold(h);
    found_slot now = search(c, h, key);
    if (bool(now) != bool(seen)) return false;
    if (!now) {
        put_in(c, h, std::move(fresh), nullptr);
        return true;
    }
    // The tag may have changed with the chunk.
    const std::uint64_t same = row_word::with_tag(seen.word, row_word::tag(now.word));
    if (now.word != same) return false;
    if (row_word::kind(now.word) == row_kind::counter &&
        row_word::node(now.word)->refs.load(std::memory_order_relaxed) != version)
        return false;
    now = search_to_change(c, h, key);
    replace(c, now, std::move(fresh));
    return true;
}

integers_result hash_store::update_integers(const term& key, std::size_t first, std::size_t count,
                                            integers_change f, void* context) {
    const std::uint64_t h = hash_of(key);
    held_chunk c = hold(h);
    const found_slot found = search_to_change(c, h, key);
    if (!found) return integers_result::absent;
    term_node* n = row_word::node(found.word);
    if (first + count - 1 > n->size) return integers_result::no_integer;
    std::int64_t values[counter_arity_max];
    const term* elements = elements_of(n) + (first - 1);
    for (std::size_t i = 0; i < count; ++i) {
        const auto value = elements[i].as_int64();
        if (!value) return integers_result::no_integer;
        values[i] = *value;
    }
    if (!f(context, values)) return integers_result::refused;
    std::uint64_t words[counter_arity_max];
    bool all_small = true;
    for (std::size_t i = 0; i < count; ++i) {
        constexpr std::int64_t limit = std::int64_t(1) << 62;
        all_small = all_small && values[i] >= -limit && values[i] < limit;
        words[i] = std::uint64_t(values[i]) << 1 | small_tag;
    }
    if (all_small && row_word::kind(found.word) == row_kind::counter) {
        const counter_change change(n);
        for (std::size_t i = 0; i < count; ++i) change.set(first - 1 + i, words[i]);
        return integers_result::done;
    }
    if (all_small && can_count(n)) {
        // From now on it is changed in place.
        std::uint64_t all[counter_arity_max];
        std::copy_n(words_of(n), n->size, all);
        std::copy_n(words, count, all + (first - 1));
        found.slot->store(row_word::make(make_counter({all, n->size}), row_kind::counter,
                                         row_word::tag(found.word)),
                          std::memory_order_release);
        retire_row(found.word, sizeof(term_node) + n->size * sizeof(term));
        return integers_result::done;
    }
    std::vector<term> all(elements_of(n), elements_of(n) + n->size);
    for (std::size_t i = 0; i < count; ++i) all[first - 1 + i] = values[i];
    replace(c, found, tuple_of(std::move(all)));
    return integers_result::done;
}

// -- snapshots --------------------------------------------------------------------------------------

std::shared_ptr<const row_source> hash_store::snapshot() {
    std::lock_guard guard(batch_);
    // Every chunk is locked before the first is let go: no write falls in between.
    std::vector<held_chunk> held;
    for (std::uint64_t h = 0;;) {
        held.push_back(hold(h));
        if (held.back()->last_hash() == ~std::uint64_t{0}) break;
        h = held.back()->last_hash() + 1;
    }
    std::vector<chunk*> chunks;
    chunks.reserve(held.size());
    for (held_chunk& c : held) {
        ++c->pins;
        chunks.push_back(c.at);
    }
    return std::make_shared<hash_snapshot>(layout.key_index() + 1, std::move(chunks), kept_);
}

}  // namespace beam::detail::ets
