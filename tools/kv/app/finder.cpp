#include "tools/kv/app/finder.hpp"

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>

#include "libbeamcore/runtime/name.hpp"
#include "libbeamcore/runtime/nodes.hpp"
#include "libbeamcore/runtime/spawn.hpp"
#include "tools/kv/app/change_requests.hpp"
#include "tools/kv/app/keeper.hpp"
#include "tools/kv/app/limits.hpp"
#include "tools/kv/app/names.hpp"
#include "tools/kv/app/scanning.hpp"
#include "tools/kv/shard/placement.hpp"

namespace kv {

namespace {

constexpr std::size_t page_max = 1000;

beam::term because(const char* what, std::string why) {
    return beam::tuple(beam::atom(what), beam::binary(why));
}

/// `{unavailable, "shard 17 ..."}`, as the router words it.
beam::term no_copy(std::uint32_t shard) {
    return because("unavailable", "no usable copy of shard " + std::to_string(shard));
}

scanned_key shown(scanned_item item) {
    scanned_key k;
    k.key = std::move(item.key);
    k.value = std::move(item.is.bytes);
    k.version = item.is.version;
    if (item.is.expires_ms != 0) k.expires_ms = item.is.expires_ms;
    return k;
}

struct scan_job {
    scan_range range;
    std::vector<std::uint32_t> shards;
    std::uint64_t limit = 0;
    std::int64_t timeout_ms = 0;
};

beam::process scan_for(beam::self, beam::from caller, scan_job job) {
    scanning all(std::move(job.shards), std::move(job.range),
                 std::chrono::milliseconds(job.timeout_ms));
    auto some = co_await all.next(job.limit);
    if (!some) {
        const std::uint32_t shard = some.error().shard;
        beam::reply(caller, beam::outcome<scanned_page>(beam::fail_term(no_copy(shard))));
        co_return;
    }
    scanned_page page;
    page.is_end = some->size() < job.limit;
    page.items.reserve(some->size());
    for (scanned_item& one : *some) page.items.push_back(shown(std::move(one)));
    beam::reply(caller, beam::outcome<scanned_page>(std::move(page)));
}

std::optional<std::string> bad_scan(const request::scan& m) {
    if (m.prefix.size() > key_max || m.options.after.size() > key_max) return "a key is too long";
    if (m.options.limit < 1 || m.options.limit > page_max) return "the limit is 1 to 1000";
    return bad_patience(m.options.timeout_ms);
}

}  // namespace

beam::init_result<finder_server> finder_server::init() {
    const beam::pid me = beam::this_process().id();
    if (!beam::try_register_name(finder_name(), me))
        return beam::stop_with{beam::atom("name_taken")};
    keeper::tell_cluster(me);
    return finder_server();
}

std::vector<beam::atom> finder_server::leaders_now() const {
    std::vector<beam::atom> all;
    if (!has_cluster()) return all;
    const cluster_view& view = *facts_.view;
    all.reserve(view.records.size());
    for (const known_record& known : view.records) {
        const store_id& primary = known.record.primary;
        const store_entry* s = view.find_store(primary);
        const member* there = s ? view.find_member(s->node) : nullptr;
        const bool is_up = there && there->store == primary && there->is_alive;
        if (primary == facts_.self)
            all.push_back(beam::node());
        else
            all.push_back(is_up ? beam::atom(there->dist_address) : beam::atom());
    }
    return all;
}

void finder_server::handle_info(cluster_facts m) {
    facts_ = std::move(m);
    std::vector<beam::atom> now = leaders_now();
    if (now == leaders_) return;
    leaders_ = std::move(now);
    for (const auto& [monitor, who] : watchers_) beam::send(who, leaders_changed{});
}

void finder_server::handle_cast(request::watch_leaders m) {
    watchers_.emplace(beam::monitor(m.who), m.who);
    if (has_cluster()) beam::send(m.who, leaders_changed{});
}

void finder_server::handle_info(beam::down_message m) {
    watchers_.erase(m.monitor);
}

beam::outcome<leader> finder_server::handle_call(request::find_leader m) {
    if (!has_cluster()) return beam::fail_term(beam::atom("no_cluster"));
    leader l;
    l.shard = shard_of(m.key, facts_.view->meta.shards);
    l.node = leaders_[l.shard];
    if (l.node == beam::atom()) return beam::fail_term(no_copy(l.shard));
    return l;
}

beam::call_result<beam::outcome<scanned_page>> finder_server::handle_call(request::scan m,
                                                                          beam::from from) {
    const auto refuse = [](beam::term why) {
        return beam::outcome<scanned_page>(beam::fail_term(std::move(why)));
    };
    if (auto why = bad_scan(m)) return refuse(because("bad_argument", *why));
    if (!has_cluster()) return refuse(beam::atom("no_cluster"));
    scan_job job;
    job.shards = shards_of_prefix(m.prefix, facts_.view->meta.shards);
    job.range.prefix = std::move(m.prefix);
    if (!m.options.after.empty()) job.range.after = std::move(m.options.after);
    if (m.options.keys_only) job.range.what = scan_range::kind::keys;
    job.limit = m.options.limit;
    job.range.items_max = std::min<std::size_t>(job.range.items_max, job.limit);
    job.timeout_ms = m.options.timeout_ms;
    beam::spawn(scan_for, from, std::move(job));
    return beam::noreply{};
}

}  // namespace kv
