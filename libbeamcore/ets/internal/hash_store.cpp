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
    chunk* c = chunk::make(1, 0, 0, 0, 0);
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

hash_store::held_chunk hash_store::hold(std::uint64_t hash) const {
    home_line home = home_of(hash);
    return hold(home, hash);
}

namespace {

/// What stands in a slot, or would be read first of it.
const std::uint64_t* elements_to_fetch(const found_slot& s) {
    if (s.is_inlined()) return reinterpret_cast<const std::uint64_t*>(s.elements);
    return reinterpret_cast<const std::uint64_t*>(row_word::address(s.word));
}

}  // namespace

// In three rounds, since each address stands in what the round before has fetched. What is wrong by then (a row that has
// moved, another one with the same tag) is fetched in vain.
void hash_store::fetch_ahead(std::span<const term> keys) const {
    constexpr std::size_t at_once = 32;
    std::uint64_t hashes[at_once];
    found_slot ways[at_once];
    while (!keys.empty()) {
        const std::size_t n = std::min(at_once, keys.size());
        for (std::size_t i = 0; i < n; ++i) {
            hashes[i] = hash_of(keys[i]);
            __builtin_prefetch(home_of(hashes[i]).slots);
        }
        for (std::size_t i = 0; i < n; ++i) {
            const home_line home = home_of(hashes[i]);
            const unsigned found = slots_with_tag(home.slots, home.tag);
            ways[i] = found != 0 ? row_layout::first_of(home, found) : found_slot();
            if (ways[i]) __builtin_prefetch(elements_to_fetch(ways[i]));
        }
        for (std::size_t i = 0; i < n; ++i) {
            const found_slot& s = ways[i];
            if (!s.is_inlined()) continue;  // its elements lie behind its node's head
            for (unsigned e = 0; e < s.arity; ++e) {
                const std::uint64_t word = s.elements[e].load(std::memory_order_acquire);
                if (word == 0 || is_immediate(word)) continue;
                // A short binary goes on in the next line.
                __builtin_prefetch(reinterpret_cast<const void*>(word));
                __builtin_prefetch(reinterpret_cast<const void*>(word + 64));
            }
        }
        keys = keys.subspan(n);
    }
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
        all += std::int64_t(c->bytes()) + c->row_bytes;
        if (c->last_hash() == ~std::uint64_t{0}) break;
        h = c->last_hash() + 1;
    }
    return std::size_t(all);
}

// -- in -------------------------------------------------------------------------------------------

void hash_store::insert(term row) {
    const std::uint64_t h = hash_of(layout.key_of(row));
    home_line home = home_of(h);
    held_chunk c = hold(home, h);
    add(c, home, h, std::move(row));
}

bool hash_store::insert_new(term row) {
    const term& key = layout.key_of(row);
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
        order.emplace_back(hash_of(layout.key_of(all[i])), i);
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
            if (search(held[at], h, layout.key_of(all[i]))) return false;
        }
    }
    const batch_scope running(batch_running_);
    std::vector<held_chunk> halves;
    at = 0;
    for (const auto& [h, i] : order) {
        while (at < held.size() && h > held[at]->last_hash()) ++at;
        held_chunk* c = at < held.size() && held[at]->prefix <= h ? &held[at] : &chunk_of(h);
        add(*c, home_line(chunk_ref(c->at), h), h, all[i], &halves);
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
[[gnu::always_inline]] inline void hash_store::add(held_chunk& c, const home_line& home,
                                                   std::uint64_t h, term row,
                                                   std::vector<held_chunk>* others) {
    const term& key = layout.key_of(row);
    const found_slot found = search_to_change(c, home, h, key);
    if (!found)
        put_in(c, h, std::move(row), others);
    else if (is_bag())
        add_to_group(c, found, std::move(row));
    else
        replace(c, found, std::move(row));
}

// Bags have groups of nodes; else short rows are inlined.
unsigned hash_store::wanted_arity(const term& row) const {
    const std::size_t n = row.elements().size();
    return is_bag() || n > inline_arity_max ? 0 : unsigned(n);
}

namespace {
std::size_t bytes_inlined(const std::uint64_t* words, unsigned arity) {
    return bytes_of_elements(words, arity);
}
}  // namespace

void hash_store::put_in(held_chunk& c, std::uint64_t h, term row, std::vector<held_chunk>* others) {
    if (c->pins > 0) unshare(c);
    // The first row says what an empty chunk is for.
    if (c->used == 0 && c->arity != wanted_arity(row)) resize(c, c->lines, wanted_arity(row));
    while (c->is_full()) make_room(c, h, others);
    ++c->rows;
    count(+1);
    const std::uint64_t tag = c->tag_of(h);
    if (c->arity != 0 && row.elements().size() == c->arity) {
        std::uint64_t words[inline_arity_max];
        take_elements(std::move(row), words);
        c->row_bytes += std::int64_t(bytes_inlined(words, c->arity));
        c->put(c->next_version(tag), words);
        return;
    }
    c->row_bytes += std::int64_t(bytes_of(row));
    term_node* n = term_access::node(row);
    new (&row) term;  // the table's reference now
    c->put(row_word::make(n, row_kind::shared, tag));
}

namespace {
void load_held(const found_slot& s, std::uint64_t* words) {
    for (unsigned i = 0; i < s.arity; ++i) words[i] = s.elements[i].load(std::memory_order_relaxed);
}
/// Of a single row.
std::size_t arity_of(const found_slot& s) {
    return s.is_inlined() ? s.arity : row_word::node(s.word)->size;
}
std::uint64_t word_in(const found_slot& s, std::size_t i) {
    if (s.is_inlined()) return s.elements[i].load(std::memory_order_relaxed);
    return words_of(row_word::node(s.word))[i];
}
void retire_words(const std::uint64_t* words, unsigned n, std::size_t bytes) {
    for (unsigned i = 0; i < n; ++i)
        if (!is_immediate(words[i])) retire_term(term_access::from_word(words[i]), bytes / n + 1);
}
}  // namespace

// Under the lock: gives up what a single row's slot held, which has been emptied or filled anew. How many bytes that was.
std::size_t hash_store::retire_row(const found_slot& at) {
    const std::size_t bytes = bytes_of(borrowed_term(row_word::node(at.word)));
    retire_term(term_access::from_node(row_word::node(at.word)), bytes);
    return bytes;
}

void hash_store::replace(held_chunk& c, const found_slot& at, term row) {
    const std::size_t arity = row.elements().size();
    const std::uint64_t tag = row_word::tag(at.word);
    std::uint64_t old[inline_arity_max], words[inline_arity_max];
    const bool was_inlined = at.is_inlined();
    const bool inlined = c->arity != 0 && arity == c->arity;
    if (was_inlined) load_held(at, old);
    std::int64_t more = 0;
    if (inlined) {
        take_elements(std::move(row), words);
        more = std::int64_t(bytes_inlined(words, c->arity));
        if (was_inlined) {
            const change_of_row change(at, c.at);
            for (unsigned i = 0; i < c->arity; ++i)
                at.elements[i].store(words[i], std::memory_order_release);
        } else {
            for (unsigned i = 0; i < c->arity; ++i)
                at.elements[i].store(words[i], std::memory_order_release);
            at.slot->store(c->next_version(tag), std::memory_order_release);
        }
    } else {
        more = std::int64_t(bytes_of(row));
        term_node* n = term_access::node(row);
        new (&row) term;
        at.slot->store(row_word::make(n, row_kind::shared, tag), std::memory_order_release);
    }
    if (was_inlined) {
        const std::size_t bytes = bytes_inlined(old, c->arity);
        more -= std::int64_t(bytes);
        if (bytes > 0) retire_words(old, c->arity, bytes);
    } else {
        more -= std::int64_t(retire_row(at));
    }
    c->row_bytes += more;
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
    drop(c, found, taken);
    const auto gone = std::size_t(before - c->rows);
    make_smaller(c);
    return gone;
}

// Takes all rows of a slot out.
void hash_store::drop(held_chunk& c, const found_slot& at, rows* taken) {
    if (taken) (void)append_rows(at, *taken);
    std::uint64_t old[inline_arity_max];
    if (at.is_inlined()) load_held(at, old);
    c->remove(at.slot);
    std::size_t gone = 1;
    if (at.is_inlined()) {
        const std::size_t bytes = bytes_inlined(old, c->arity);
        c->row_bytes -= std::int64_t(bytes);
        if (bytes > 0) retire_words(old, c->arity, bytes);
    } else if (row_word::kind(at.word) == row_kind::shared) {
        c->row_bytes -= std::int64_t(retire_row(at));
    } else {
        row_group* g = group_of(at.word);
        gone = g->all().size();
        for (term_node* n : g->all()) {
            found_slot one = at;
            one.word = row_word::make(n, row_kind::shared, 0);
            c->row_bytes -= std::int64_t(retire_row(one));
        }
        c->row_bytes -= std::int64_t(row_group::bytes(g->capacity));
        retire(g, row_group::free, row_group::bytes(g->capacity));
    }
    c->rows -= gone;
    count(-std::int64_t(gone));
}

std::size_t hash_store::erase_object(const term& row) {
    const term& key = layout.key_of(row);
    const std::uint64_t h = hash_of(key);
    held_chunk c = hold(h);
    const found_slot seen = search(c, h, key);
    if (!seen) return 0;
    if (row_word::kind(seen.word) != row_kind::group) {
        rows there;
        (void)append_rows(seen, there);
        if (!(there.front() == row)) return 0;
        const found_slot found = search_to_change(c, h, key);
        drop(c, found, nullptr);
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
        drop(c, found, nullptr);
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
        // Of what is seen here nothing is freed before this is over, since the caller is in a section. So a word that is
        // equal afterwards is the same row: its node's place was not used again, or its version was used once.
        const home_line home(chunk_at(h), h);
        home.fetch_to_write();
        const found_slot seen = layout.search(home, key);
        borrowed_row found;
        if (seen && !found.take(seen)) {
            _mm_pause();
            continue;
        }
        const beam::ets::row old = found.get();
        std::optional<term> fresh = f(context, seen ? &old : nullptr);
        if (!fresh) return false;
        check_row(*fresh, layout.key_index() + 1);
        if (!(layout.key_of(*fresh) == key)) bad("the new row has another key: " + shown(*fresh));
        if (try_change(key, h, home, seen, std::move(*fresh))) return true;
    }
}

// Puts a row in if what is there is still what was seen.
bool hash_store::try_change(const term& key, std::uint64_t h, home_line home,
                            const found_slot& seen, term fresh) {
    const chunk* seen_in = home.in.at;
    held_chunk c = hold(home, h);
    if (seen && c.at == seen_in && c->pins == 0 &&
        seen.slot->load(std::memory_order_relaxed) == seen.word) [[likely]] {
        replace(c, seen, std::move(fresh));
        return true;
    }
    const found_slot now = search(c, h, key);
    if (bool(now) != bool(seen)) return false;
    if (!now) {
        put_in(c, h, std::move(fresh), nullptr);
        return true;
    }
    // The tag may have changed with the chunk.
    if (now.word != row_word::with_tag(seen.word, row_word::tag(now.word))) return false;
    replace(c, search_to_change(c, h, key), std::move(fresh));
    return true;
}

integers_result hash_store::update_integers(const term& key, std::size_t first, std::size_t count,
                                            integers_change f, void* context) {
    const std::uint64_t h = hash_of(key);
    held_chunk c = hold(h);
    const found_slot found = search_to_change(c, h, key);
    if (!found) return integers_result::absent;
    return update_held(c, found, first, count, f, context);
}

// Under the lock.
integers_result hash_store::update_held(held_chunk& c, const found_slot& found, std::size_t first,
                                        std::size_t count, integers_change f, void* context) {
    std::int64_t values[integers_max];
    if (first + count - 1 > arity_of(found)) return integers_result::no_integer;
    for (std::size_t i = 0; i < count; ++i) {
        const borrowed_term element(word_in(found, first - 1 + i));
        const auto value = (*element).as_int64();
        if (!value) return integers_result::no_integer;
        values[i] = *value;
    }
    if (!f(context, values)) return integers_result::refused;
    write_integers(c, found, first, {values, count});
    return integers_result::done;
}

// Under the lock.
void hash_store::write_integers(held_chunk& c, const found_slot& at, std::size_t first,
                                std::span<const std::int64_t> values) {
    bool all_small = at.is_inlined();
    for (std::size_t i = 0; i < values.size() && all_small; ++i)
        all_small = fits_small(values[i]) && is_small(word_in(at, first - 1 + i));
    if (all_small) [[likely]] {
        const change_of_row change(at, c.at);
        for (std::size_t i = 0; i < values.size(); ++i)
            at.elements[first - 1 + i].store(small_word(values[i]), std::memory_order_release);
        return;
    }
    std::vector<term> all;
    for (std::size_t i = 0; i < arity_of(at); ++i) all.push_back(term_of(word_in(at, i)));
    for (std::size_t i = 0; i < values.size(); ++i) all[first - 1 + i] = values[i];
    replace(c, at, tuple_of(std::move(all)));
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
