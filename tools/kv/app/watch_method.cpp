// kv.watch: changes of keys with a prefix, as they are committed, from a cursor on: each exactly once a cursor.
//
// A cursor has its cluster's mark, and an entry's number a shard. The request's process has a helper a shard, which asks for what comes next and
// hands it over; it asks on when that was taken, so a slow client holds them up, and nothing piles up.
#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "libbeamcore/base/base64.hpp"
#include "libbeamcore/base/hash.hpp"
#include "libbeamcore/runtime/link.hpp"
#include "libbeamcore/runtime/spawn.hpp"
#include "libbeamcore/runtime/timer.hpp"
#include "tools/kv/app/answers.hpp"
#include "tools/kv/app/cluster_known.hpp"
#include "tools/kv/app/methods.hpp"
#include "tools/kv/app/scanning.hpp"

namespace kv {

namespace {

using beam::atom;
using beam::awaitable;
using beam::request;
using beam::request_error;
using beam::term;
using namespace std::chrono_literals;

constexpr auto asks_for = 20s;
constexpr auto pause_after_failure = 100ms;

struct watch_params {
    std::string prefix;
    std::optional<std::string> cursor;
    BEAM_FIELDS(watch_params, prefix, cursor)
};

// Between the request and its helpers.
struct seen {
    beam::pid from;
    std::size_t index = 0;
    changes_page page;
};
struct go_on {};

/// A recovery of the coordinator may lose entries, and others get their numbers: then it is another cluster, too.
std::uint64_t mark_of(const cluster_meta& cluster) {
    return beam::xxh3_64(cluster.uuid, cluster.recoveries);
}

/// Which entry each of some shards was told up to.
struct watch_cursor {
    std::uint64_t cluster = 0;  // mark_of()
    std::vector<std::uint64_t> seqs;

    [[nodiscard]] std::string text() const {
        byte_writer w;
        w.fixed64(cluster);
        for (const std::uint64_t s : seqs) w.number(s);
        return beam::base64_encode(sealed(w.bytes()));
    }
    /// Nothing: nobody can have been given it.
    static std::optional<watch_cursor> from(const std::string& text) {
        const auto bytes = beam::base64_decode(text);
        if (!bytes) return std::nullopt;
        watch_cursor c;
        try {
            byte_reader r(unsealed(*bytes));
            c.cluster = r.fixed64();
            while (!r.is_at_end()) c.seqs.push_back(r.number());
        } catch (const malformed_bytes&) {
            return std::nullopt;
        }
        return c;
    }
};

/// Watches one shard for the request. `after` nothing: from now on.
beam::process watch_shard(beam::self me, beam::pid request, std::size_t index, std::uint32_t shard,
                          std::string prefix, std::optional<std::uint64_t> after) {
    for (;;) {
        changes_request ask;
        ask.prefix = prefix;
        ask.after = after;
        ask.patience = asks_for;
        auto asking = router::changes(shard, std::move(ask));
        beam::outcome<routed_answer> a = co_await asking.outcome();
        if (!a || a->what.what != answer::kind::found || !a->changes) {
            // No primary for the time being: it is waited for.
            co_await me.sleep_for(pause_after_failure);
            continue;
        }
        after = a->changes->seq;
        seen told{me.id(), index, *std::move(a->changes)};
        beam::send(request, std::move(told));
        (void)co_await me.receive<go_on>();
    }
}

term shown(const told_change& c, const std::string& cursor) {
    std::vector<beam::map_entry> told{{atom("event"), c.value ? "put" : "delete"},
                                      {atom("key"), c.key},
                                      {atom("version"), c.version},
                                      {atom("cursor"), cursor}};
    if (c.value) told.push_back({atom("value"), *c.value});
    if (c.expires_ms != 0) told.push_back({atom("expires_ms"), c.expires_ms});
    return beam::map_of(std::move(told));
}

awaitable<beam::answer> watch(request& r, watch_params p) {
    beam::self me = beam::this_process();
    auto k = co_await settled();
    if (!k) co_return tl::unexpected<request_error>(std::move(k.error()));
    const auto shards = shards_of_prefix(p.prefix, k->facts.view->meta.shards);
    const std::uint64_t cluster = mark_of(k->facts.view->meta);
    std::optional<watch_cursor> at;
    if (p.cursor) {
        at = watch_cursor::from(*p.cursor);
        if (at && at->cluster != cluster)
            co_return beam::refuse("wrong_cluster",
                                   "that cursor is of another cluster, or of before this one's "
                                   "coordinator was recovered",
                                   "kv scan " + p.prefix + ", then watch without --from", 1);
        if (!at || at->seqs.size() != shards.size())
            co_return beam::refuse("bad_cursor", "that is no cursor of a watch with this prefix",
                                   "kv watch PREFIX", 2);
    }
    for (std::size_t i = 0; i < shards.size(); ++i) {
        const auto after = at ? std::optional<std::uint64_t>(at->seqs[i]) : std::nullopt;
        beam::spawn_link(watch_shard, me.id(), i, shards[i], p.prefix, after);
    }
    const bool is_new = !at;
    if (!at) at.emplace(watch_cursor{cluster, std::vector<std::uint64_t>(shards.size())});
    std::size_t begun = 0;
    for (;;) {
        seen s = co_await me.receive<seen>();
        if (s.page.is_too_old)
            co_return beam::refuse("cursor_too_old",
                                   "cursor too old: what follows it is not kept any more",
                                   "kv scan " + p.prefix + ", then watch without --from", 1);
        const std::uint64_t before = at->seqs[s.index];
        at->seqs[s.index] = s.page.seq;
        beam::send(s.from, go_on{});
        if (is_new && before == 0 && begun < shards.size() && ++begun == shards.size()) {
            // Nothing is missed from here on: who wants to begin with a scan does it now.
            term begin = beam::map({{atom("event"), "watching"}, {atom("cursor"), at->text()}});
            co_await r.item(std::move(begin));
        }
        for (std::size_t i = 0; i < s.page.changes.size(); ++i) {
            const told_change& c = s.page.changes[i];
            // Between two changes of one page the cursor stands behind the first. One entry's changes have one cursor.
            watch_cursor here = *at;
            const bool is_last_of_entry =
                i + 1 == s.page.changes.size() || s.page.changes[i + 1].version != c.version;
            if (i + 1 < s.page.changes.size())
                here.seqs[s.index] = is_last_of_entry ? c.version : c.version - 1;
            co_await r.item(shown(c, here.text()));
        }
    }
}

}  // namespace

void add_watch_method(beam::application_definition& app) {
    app.method("watch", watch);
}

}  // namespace kv
