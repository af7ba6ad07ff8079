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

json kv_asker::ask(const std::string& node, const std::string& method, const json& params,
                   std::int64_t timeout_ms) {
    auto& client = clients_.try_emplace(node, options_for(node)).first->second;
    client.set_deadline(beam::tool::deadline::in(std::chrono::milliseconds(timeout_ms) + grace));
    try {
        return client.ask(method, params);
    } catch (const beam::tool::failure& f) {
        // What comes late on this connection answers nobody.
        if (f.kind == "timeout" || f.kind == "node_ended") client.disconnect();
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
    tell(e, [&] {
        const json a = ask(e.node, methods[std::size_t(e.what)], params, timeout_ms);
        e.version = a.at("version").get<std::uint64_t>();
        if (e.what == act::incr) e.found = std::to_string(a.at("value").get<std::int64_t>());
    });
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

void kv_clients::work(int client, std::uint64_t seed) {
    chooser choose(seed);
    kv_asker asker(nodes_);
    const auto keys = contended_keys();
    std::map<std::string, std::string> last_seen;
    std::string node = nodes_[choose.below(nodes_.size())];
    for (std::uint64_t n = 0; !is_over_; ++n) {
        if (choose.in_percent(10)) node = nodes_[choose.below(nodes_.size())];
        kv_event e;
        e.client = client;
        e.node = node;
        e.key = keys[choose.below(keys.size())];
        e.wanted = std::to_string(client) + "." + std::to_string(n);
        const auto timeout_ms = std::int64_t(500 + choose.below(3000));
        const std::size_t what = choose.below(100);
        const auto seen = last_seen.find(e.key);
        if (what < 25) {
            asker.get(e, true, timeout_ms);
        } else if (what < 50) {
            asker.get(e, false, timeout_ms);
        } else {
            e.what = act::put;
            if (what < 58)
                e.what = act::incr, e.key = "sum." + std::to_string(client);
            else if (what < 64)
                e.key = "once." + e.wanted;
            else if (what < 67)
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
        {
            const std::lock_guard lock(mutex_);
            record_.push_back(std::move(e));
        }
        if (!failed) continue;
        node = nodes_[choose.below(nodes_.size())];
        std::this_thread::sleep_for(pause_after_error);
    }
}

}  // namespace test
