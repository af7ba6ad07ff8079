#include "tests/kv/clients.hpp"

#include <chrono>
#include <utility>

#include "tools/common/bytes_json.hpp"
#include "tools/common/failure.hpp"
#include "tools/common/folders.hpp"

namespace test {

namespace {

using act = kv_event::act;
using end = kv_event::end;
using nlohmann::json;
using namespace std::chrono_literals;

// The node answers by the deadline it was given; only one that hangs does not.
constexpr auto grace = 2s;
// A node that is down says so at once; asking it without end would only fill the record.
constexpr auto pause_after_error = 20ms;

beam::tool::common_options options_for(const std::string& node) {
    auto common = std::make_shared<beam::tool::common_state>();
    common->tool = "kv";
    common->node = node;
    common->spawn = false;
    common->timeout = 10s;
    common->timeout_is_default = false;
    return common;
}

/// What comes late on this connection answers nobody.
void drop_if_late(beam::client& client, const beam::tool::failure& f) {
    if (f.kind == "timeout" || f.kind == "node_ended") client.disconnect();
}

/// One client's choices.
class chooser {
public:
    explicit chooser(std::uint64_t seed) : random_(seed) {}
    std::size_t below(std::size_t n) {
        return std::uniform_int_distribution<std::size_t>(0, n - 1)(random_);
    }
    bool in_percent(std::size_t n) { return below(100) < n; }

private:
    std::mt19937_64 random_;
};

}  // namespace

std::int64_t kv_clock() {
    return std::chrono::steady_clock::now().time_since_epoch() / 1ns;
}

beam::client& kv_asker::client_of(const std::string& node, std::int64_t timeout_ms) {
    auto& client = clients_.try_emplace(node, options_for(node)).first->second;
    client.set_deadline(beam::tool::deadline::in(std::chrono::milliseconds(timeout_ms) + grace));
    return client;
}

json kv_asker::ask(const std::string& node, const std::string& method, const json& params,
                   std::int64_t timeout_ms) {
    auto& client = client_of(node, timeout_ms);
    try {
        return client.ask(method, params);
    } catch (const beam::tool::failure& f) {
        drop_if_late(client, f);
        throw;
    }
}

void kv_asker::tell(kv_event& e, const std::function<void()>& asking) {
    e.called = kv_clock();
    try {
        asking();
        e.told = end::done;
    } catch (const beam::tool::failure& f) {
        e.why = f.kind + ": " + f.why;
        if (f.kind == "not_found" || f.kind == "conflict")
            e.told = e.what == act::get ? end::done : end::refused;
        else
            e.told = f.applied_unknown ? end::unknown : end::nothing;
    }
    e.answered = kv_clock();
}

void kv_asker::get(kv_event& e, bool by_primary, std::int64_t timeout_ms) {
    // An answer that there is none does not say whose it is.
    e.by_primary = by_primary;
    tell(e, [&] {
        const json a =
            ask(e.node, "kv.get",
                {{"key", e.key}, {"primary", by_primary}, {"timeout_ms", timeout_ms}}, timeout_ms);
        e.found = beam::tool::bytes_of(a.at("value"));
        e.version = a.at("version").get<std::uint64_t>();
        e.by_primary = a.at("from") != "replica";
        e.age_ms = a.value("age_ms", std::int64_t{0});
    });
}

void kv_asker::change(kv_event& e, std::int64_t timeout_ms) {
    static constexpr const char* methods[] = {"kv.get", "kv.put", "kv.cas", "kv.delete", "kv.incr"};
    json params{{"key", e.key}, {"timeout_ms", timeout_ms}};
    if (e.what == act::put || e.what == act::swap) params["value"] = e.wanted;
    if (e.what == act::swap) params["expect"] = e.expected;
    if (e.ttl_ms > 0) params["ttl_ms"] = e.ttl_ms;
    tell(e, [&] {
        const json a = ask(e.node, methods[std::size_t(e.what)], params, timeout_ms);
        e.version = a.at("version").get<std::uint64_t>();
        if (e.what == act::incr) e.found = std::to_string(a.at("value").get<std::int64_t>());
    });
}

namespace {

/// What was told of the first is told of all.
void share_outcome(std::vector<kv_event>& all) {
    for (kv_event& e : all) {
        e.called = all.front().called;
        e.answered = all.front().answered;
        e.told = all.front().told;
        e.why = all.front().why;
    }
}

}  // namespace

void kv_asker::change_together(std::vector<kv_event>& all, std::int64_t timeout_ms) {
    json operations = json::array();
    for (const kv_event& e : all) {
        json one{{"op", e.what == act::erase ? "delete" : "put"}, {"key", e.key}};
        if (e.what != act::erase) one["value"] = e.wanted;
        operations.push_back(std::move(one));
    }
    tell(all.front(), [&] {
        const json a = ask(all.front().node, "kv.transaction",
                           {{"operations", operations}, {"timeout_ms", timeout_ms}}, timeout_ms);
        for (kv_event& e : all) e.version = a.at("version").get<std::uint64_t>();
    });
    share_outcome(all);
}

void kv_asker::scan(const std::string& prefix, std::vector<kv_event>& all,
                    std::int64_t timeout_ms) {
    const auto take = [&](const json& page) {
        for (const json& item : page.at("items"))
            for (kv_event& e : all) {
                if (beam::tool::bytes_of(item.at("key")) != e.key) continue;
                e.found = beam::tool::bytes_of(item.at("value"));
                e.version = item.at("version").get<std::uint64_t>();
            }
        return true;
    };
    for (kv_event& e : all) e.by_primary = true;
    tell(all.front(), [&] {
        auto& client = client_of(all.front().node, timeout_ms);
        try {
            (void)client.stream("kv.scan", {{"prefix", prefix}, {"timeout_ms", timeout_ms}}, take);
        } catch (const beam::tool::failure& f) {
            drop_if_late(client, f);
            throw;
        } catch (const beam::tool::connection_lost&) {
            client.disconnect();
            throw beam::tool::failure(beam::tool::exit_code::try_again, "the connection was lost",
                                      {}, "node_ended");
        }
    });
    share_outcome(all);
}

std::vector<std::string> kv_clients::paired_keys(const std::string& tag) {
    return {"{" + tag + "}left", "{" + tag + "}right"};
}

std::vector<std::string> kv_clients::contended_keys() {
    return {"a", "b", "c", "d", "e"};
}

kv_clients::kv_clients(std::vector<std::string> nodes, int count, std::uint64_t seed)
    : nodes_(std::move(nodes)) {
    for (int i = 0; i < count; ++i)
        threads_.emplace_back([this, i, seed] { work(i, seed * 1000 + std::uint64_t(i)); });
}

void kv_clients::stop() {
    is_over_ = true;
    for (std::thread& t : threads_)
        if (t.joinable()) t.join();
}

kv_record kv_clients::record() const {
    const std::lock_guard lock(mutex_);
    return record_;
}

void kv_clients::add(kv_record some) {
    const std::lock_guard lock(mutex_);
    for (kv_event& e : some) record_.push_back(std::move(e));
}

namespace {

/// What of a client's own, that goes by itself, is looked at again.
constexpr std::size_t short_lived_kept = 4;

/// Two keys of one shard, written or scanned together.
kv_record pair_for(const kv_event& like, std::uint64_t number, const std::string& tag, act what) {
    kv_record both;
    for (const std::string& key : kv_clients::paired_keys(tag)) {
        kv_event e = like;
        e.what = what;
        e.key = key;
        e.together = number;
        if (what != act::put) e.wanted.clear();
        both.push_back(std::move(e));
    }
    return both;
}

}  // namespace

void kv_clients::work(int client, std::uint64_t seed) {
    chooser choose(seed);
    kv_asker asker(nodes_);
    const auto keys = contended_keys();
    std::map<std::string, std::string> last_seen;
    std::vector<std::string> short_lived;
    std::string node = nodes_[choose.below(nodes_.size())];
    for (std::uint64_t n = 0; !is_over_; ++n) {
        if (choose.in_percent(10)) node = nodes_[choose.below(nodes_.size())];
        kv_event e;
        e.client = client;
        e.node = node;
        e.key = keys[choose.below(keys.size())];
        e.wanted = std::to_string(client) + "." + std::to_string(n);
        const auto timeout_ms = std::int64_t(500 + choose.below(3000));
        const std::size_t what = choose.below(130);
        const auto seen = last_seen.find(e.key);
        kv_record both;
        if (what >= 110) {
            const std::string tag = choose.in_percent(50) ? "p" : "q";
            const bool is_scan = what >= 120;
            both = pair_for(e, (std::uint64_t(client + 1) << 32U) + n, tag,
                            is_scan                 ? act::get
                            : choose.in_percent(10) ? act::erase
                                                    : act::put);
            if (is_scan)
                asker.scan("{" + tag + "}", both, timeout_ms);
            else
                asker.change_together(both, timeout_ms);
            e = both.front();
            e.found.reset();
        } else if (what >= 106) {
            e.what = act::put;
            e.key = "ttl." + e.wanted;
            e.ttl_ms = std::int64_t(200 + choose.below(2000));
            asker.change(e, timeout_ms);
            if (short_lived.size() == short_lived_kept) short_lived.erase(short_lived.begin());
            short_lived.push_back(e.key);
        } else if (what >= 100) {
            if (!short_lived.empty()) e.key = short_lived[choose.below(short_lived.size())];
            asker.get(e, choose.in_percent(50), timeout_ms);
        } else if (what < 25) {
            asker.get(e, true, timeout_ms);
        } else if (what < 50) {
            asker.get(e, false, timeout_ms);
        } else {
            e.what = act::put;
            if (what < 62)
                e.what = act::incr, e.key = "sum." + std::to_string(client);
            else if (what < 67)
                e.key = "once." + e.wanted;
            else if (what < 70)
                e.what = act::erase;
            else if (what < 80 && seen != last_seen.end())
                e.what = act::swap, e.expected = seen->second;
            if (e.what == act::erase || e.what == act::incr) e.wanted.clear();
            asker.change(e, timeout_ms);
        }
        if (e.found) last_seen[e.key] = *e.found;
        if (e.what != act::get && e.told == end::done && !e.wanted.empty())
            last_seen[e.key] = e.wanted;
        const bool failed = e.told == end::nothing || e.told == end::unknown;
        add(both.empty() ? kv_record{std::move(e)} : std::move(both));
        if (!failed) continue;
        node = nodes_[choose.below(nodes_.size())];
        std::this_thread::sleep_for(pause_after_error);
    }
}

}  // namespace test
