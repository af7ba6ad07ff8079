#include "tools/cache/app/session.hpp"

#include <span>
#include <string>
#include <utility>

#include "libbeamcore/ets/rows.hpp"
#include "libbeamcore/runtime/call.hpp"
#include "libbeamcore/runtime/timer.hpp"
#include "tools/cache/app/application.hpp"

namespace cache {

namespace ets = beam::ets;

namespace {

// An id is the number of the session and the number of the entry in it: 38 and 24 bits.
constexpr unsigned id_bits = 24;
// So many bytes of a value count for the worker's lag as one entry does.
constexpr std::int64_t bytes_a_unit = 4096;

ets::table table_named(beam::atom name) {
    return ets::whereis(name).value_or(ets::table(name));
}

std::int64_t until(std::int64_t now, std::int64_t ttl) {
    return ttl <= 0 ? 0 : now + ttl;
}

}  // namespace

std::optional<std::string> bad_key(std::string_view key) {
    if (key.empty()) return "the key is empty";
    if (key.size() > key_max)
        return "the key has " + std::to_string(key.size()) + " bytes, at most " +
               std::to_string(key_max) + " are allowed";
    return {};
}

session::session() : entries_(table_named(entries_name())), books_(table_named(books_name())) {
    look_at_clock();
    limits_version_ = books_.limits_version();
    limits_ = books_.bounds();
}

session::~session() = default;

void session::look_at_clock() {
    now_ms_ = std::chrono::duration_cast<std::chrono::milliseconds>(beam::monotonic_time()).count();
}

std::uint64_t session::next_id() {
    if (first_id_ == 0 || ids_given_ >> id_bits != 0) {
        first_id_ = books_.next_session() << id_bits;
        ids_given_ = 0;
    }
    return first_id_ | ids_given_++;
}

std::optional<entry> session::find(key_hash key) const {
    const ets::rows found = ets::lookup(entries_, key);
    if (!found) return std::nullopt;
    return entry_of(found.front());
}

std::optional<entry> session::find(std::string_view key) const {
    auto e = find(hash_of(key));
    if (e && e->key() != key) e.reset();
    return e;
}

bool session::read_entry(std::string_view key,
                         const std::function<void(const borrowed_entry&)>& f) {
    has_counted_ = true;
    bool hit = false;
    ets::read(entries_, hash_of(key), [&](const ets::row& row) {
        const auto e = borrowed_entry::of(row);
        if (!e || !e->is_live(now_ms_) || e->key() != key) return;
        hit = true;
        note_use(e->id());
        f(*e);
    });
    ++(hit ? counted_.hits : counted_.misses);
    return hit;
}

std::optional<held_value> session::get(std::string_view key) {
    std::optional<held_value> found;
    read_entry(key, [&found](const borrowed_entry& e) {
        found = held_value{e.bytes(), e.key_size()};
    });
    return found;
}

void session::fetch_ahead(std::span<const beam::term> hashes) const {
    ets::fetch_ahead(entries_, hashes);
}

std::optional<entry> session::peek(std::string_view key) const {
    auto e = find(key);
    if (e && e->remove_at != 0 && e->remove_at <= now_ms_) e.reset();
    return e;
}

bool session::has(std::string_view key) const {
    const auto e = find(key);
    return e && e->is_live(now_ms_);
}

// Only a bounded cache cares.
void session::note_use(std::uint64_t id) {
    if (limits_.bounded()) news_.used.push_back(id);
}

void session::note_end(key_hash key, const entry_head& e, removal_reason why) {
    has_counted_ = true;
    ++(why == removal_reason::deleted   ? counted_.deleted
       : why == removal_reason::expired ? counted_.expired
                                        : counted_.evicted);
    counted_.bytes -= e.weight();
    news::end end;
    end.id = e.id;
    // What has expired did so at its time, however late somebody came for it.
    const std::int64_t at = why == removal_reason::expired ? e.expires_at : now_ms_;
    end.what = {key, why, at, e.put_at, e.value_size};
    news_.gone.push_back(std::move(end));
}

// `make(r, live)` fills r.made and gives the bytes; nothing to leave all as it is. `live` is what is there, or null. An
// entry that is there keeps its id. What is there is not held, only looked at: to count a reference up, and down again, is
// a locked instruction each.
template <class Make>
bool session::replace(std::string_view key, key_hash hash, replaced& r, Make make) {
    const std::uint64_t fresh_id = next_id();
    return ets::update(entries_, hash, [&](const ets::row* row) -> std::optional<beam::term> {
        const auto there = row ? borrowed_entry::of(*row) : std::nullopt;
        r.there.reset();
        if (there) r.there = there->head();
        r.other = there && there->key() != key;
        r.had = there && !r.other && there->is_live(now_ms_);
        std::optional<beam::term> bytes = make(r, r.had ? &*there : nullptr);
        if (!bytes) return std::nullopt;
        r.made.key_size = key.size();
        r.made.value_size = bytes->bytes().size() - key.size();
        r.made.id = r.had ? r.there->id : fresh_id;
        return row_of(hash, r.made, *std::move(bytes));
    });
}

// What a change of a row means to the counts and to the worker.
void session::account(key_hash hash, const replaced& r) {
    const entry_head& made = r.made;
    has_counted_ = true;
    const std::int64_t more = made.weight() - (r.had ? r.there->weight() : 0);
    counted_.bytes += more;
    if (more > 0 && limits_.max_bytes > 0) grown_ += more;
    if (r.had) {
        ++counted_.updated;
        if (made.remove_at != r.there->remove_at || made.tags != r.there->tags)
            news_.changed.push_back({hash, made.id});
        note_use(made.id);
        return;
    }
    if (r.there) {
        const bool pushed_out = r.other && r.there->is_live(now_ms_);
        note_end(hash, *r.there, pushed_out ? removal_reason::evicted : removal_reason::expired);
    }
    ++counted_.inserted;
    birth b;
    b.key = hash;
    b.id = made.id;
    b.put_at_ms = made.put_at;
    b.remove_at_ms = made.remove_at;
    b.tags = made.tags;
    news_.born.push_back(std::move(b));
}

session::put_result session::put(std::string_view key, std::string_view value,
                                 const put_options& options) {
    return put_bytes(key, bytes_of(key, {value}), options);
}

session::put_result session::put_bytes(std::string_view key, beam::term bytes,
                                       const put_options& options) {
    const key_hash hash = hash_of(key);
    replaced r;
    put_result done;
    const auto make = [&](replaced& now, const borrowed_entry* live) -> std::optional<beam::term> {
        done.old.reset();
        if (live && options.gives_old) done.old = held_value{live->bytes(), live->key_size()};
        if (now.had ? options.only_new : options.only_existing) return std::nullopt;
        entry_head& made = now.made;
        made.put_at = now_ms_;
        made.expires_at = options.expires_at_ms
                              ? *options.expires_at_ms
                              : until(now_ms_, options.ttl_ms.value_or(limits_.ttl_ms));
        made.remove_at = made.expires_at == 0 ? 0 : made.expires_at + options.stale_ms;
        if (options.keep_ttl && now.had) {
            made.expires_at = now.there->expires_at;
            made.remove_at = now.there->remove_at;
        }
        made.tags = options.tags ? *options.tags
                    : now.had    ? now.there->tags
                                 : beam::term(beam::nil);
        return bytes;
    };
    done.stored = replace(key, hash, r, make);
    done.had = r.had;
    if (done.stored) account(hash, r);
    return done;
}

std::optional<held_value> session::change(
    std::string_view key,
    const std::function<std::optional<beam::term>(std::optional<std::string_view> value)>& make) {
    const key_hash hash = hash_of(key);
    replaced r;
    beam::term made;
    const auto make_row = [&](replaced& now,
                              const borrowed_entry* live) -> std::optional<beam::term> {
        std::optional<std::string_view> value;
        if (live) value = live->value();
        auto bytes = make(value);
        if (!bytes) return std::nullopt;
        if (now.had) {
            now.made = *now.there;
        } else {
            now.made = entry_head();
            now.made.put_at = now_ms_;
            now.made.expires_at = now.made.remove_at = until(now_ms_, limits_.ttl_ms);
        }
        made = *bytes;
        return bytes;
    };
    if (!replace(key, hash, r, make_row)) return std::nullopt;
    account(hash, r);
    return held_value{std::move(made), r.made.key_size};
}

// Two steps, since a row cannot be taken on a condition: whoever makes it dead has taken it, and then only a dead row
// is erased, never one that was put in its place meanwhile.
std::optional<entry> session::take(std::string_view key, removal_reason why) {
    const key_hash hash = hash_of(key);
    const beam::term dead = dead_row(hash);
    std::optional<entry> taken;
    const bool took =
        ets::update(entries_, hash, [&](const ets::row* row) -> std::optional<beam::term> {
            taken = row ? entry_of(*row) : std::nullopt;
            if (!taken || !taken->is_live(now_ms_) || taken->key() != key) return std::nullopt;
            return dead;
        });
    if (!took) return std::nullopt;
    ets::delete_object(entries_, dead);
    note_end(hash, *taken, why);
    return taken;
}

std::int64_t session::take_exactly(key_hash key, std::uint64_t id, removal_reason why) {
    const beam::term dead = dead_row(key);
    std::optional<entry> taken;
    const bool took =
        ets::update(entries_, key, [&](const ets::row* row) -> std::optional<beam::term> {
            taken = row ? entry_of(*row) : std::nullopt;
            if (!taken || taken->id != id) return std::nullopt;
            // Somebody gave it more time while we came for it.
            if (why == removal_reason::expired &&
                (taken->remove_at == 0 || taken->remove_at > now_ms_))
                return std::nullopt;
            return dead;
        });
    if (!took) return 0;
    ets::delete_object(entries_, dead);
    note_end(key, *taken, why);
    return taken->weight();
}

void session::note_heard(std::int64_t weight) {
    heard_ += weight;
}

totals session::counts() const {
    totals t = books_.counts();
    t.add(counted_);
    return t;
}

totals session::counts_at_once() const {
    totals t = books_.counts_at_once();
    t.add(counted_);
    return t;
}

void session::set_limits(const limits& l) {
    books_.set_bounds(l);
    limits_ = l;
    limits_version_ = books_.note({0, 0, 1}).limits_version;
}

bool session::expire_at(std::string_view key, std::int64_t expires_at_ms) {
    const key_hash hash = hash_of(key);
    std::uint64_t id = 0;
    const bool done =
        ets::update(entries_, hash, [&](const ets::row* row) -> std::optional<beam::term> {
            auto e = row ? entry_of(*row) : std::nullopt;
            if (!e || !e->is_live(now_ms_) || e->key() != key) return std::nullopt;
            id = e->id;
            e->expires_at = e->remove_at = expires_at_ms;
            return row_of(hash, *e, e->bytes);
        });
    if (done) news_.changed.push_back({hash, id});
    return done;
}

bool session::touch(std::string_view key) {
    const auto e = find(key);
    if (!e || !e->is_live(now_ms_)) return false;
    note_use(e->id);
    return true;
}

void session::settle(bool all) {
    if (std::exchange(has_counted_, false)) books_.count(std::exchange(counted_, {}));
    const bool tells = !news_.born.empty() || !news_.gone.empty() || !news_.changed.empty() ||
                       news_.used.size() >= used_max || (all && !news_.used.empty()) ||
                       grown_ > 0;  // there may be no room any more
    std::int64_t version = 0;
    if (tells || heard_ != 0) {
        news_.weight = tells ? weight_of_news() : 0;
        const lag now = books_.note({news_.weight, std::exchange(heard_, 0), 0});
        ahead_ = now.size();
        version = now.limits_version;
    } else {
        version = books_.limits_version();
    }
    if (version != std::exchange(limits_version_, version)) limits_ = books_.bounds();
    if (tells) beam::cast<news>(worker_name(), std::exchange(news_, {}));
}

std::int64_t session::weight_of_news() {
    return std::int64_t(news_.born.size() + news_.gone.size() + news_.changed.size() +
                        (news_.used.size() + used_max - 1) / used_max) +
           1 + std::exchange(grown_, 0) / bytes_a_unit;
}

}  // namespace cache
