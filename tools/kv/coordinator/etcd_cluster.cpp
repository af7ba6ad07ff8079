#include "tools/kv/coordinator/etcd_cluster.hpp"

#include <algorithm>
#include <utility>

namespace kv {

using beam::fail;
using beam::pass;
using beam::result;

// What is known.

std::string known_cluster::meta_text() const {
    std::lock_guard lock(mutex_);
    return text_;
}

cluster_meta known_cluster::meta() const {
    std::lock_guard lock(mutex_);
    return meta_;
}

result<void> known_cluster::recognise(const std::string* text) {
    std::lock_guard lock(mutex_);
    if (!text) return kv::recognise(nullptr, identity_);
    auto meta = decode_meta(*text);
    if (!meta) return pass(meta);
    if (auto ok = kv::recognise(&*meta, identity_); !ok) return ok;
    text_ = *text;
    meta_ = *std::move(meta);
    return {};
}

result<void> known_cluster::may_be(const cluster_meta& meta) const {
    std::lock_guard lock(mutex_);
    cluster_identity identity{identity_.uuid};
    return kv::recognise(&meta, identity);
}

// Transactions.

etcd_cluster::etcd_cluster(const etcd_options& options, known_cluster& known)
    : gateway_(options), keys_(options.cluster), known_(known) {}

result<void> etcd_cluster::get_to_know() {
    auto range = gateway_.call("kv/range", {{"key", keys_.key(meta_key)}}, effect::reads);
    if (!range) return pass(range);
    const auto kept = keys_.kept_in(*range);
    return known_.recognise(kept.empty() ? nullptr : &kept[0].value);
}

result<etcd_cluster::made> etcd_cluster::guarded(std::vector<json> operations, effect e) {
    if (known_.meta_text().empty())
        if (auto ok = get_to_know(); !ok) return pass(ok);
    const std::size_t asked = operations.size();
    const json body{{"compare", json::array({keys_.has_value(meta_key, known_.meta_text())})},
                    {"success", std::move(operations)},
                    {"failure", json::array({keys_.get(meta_key)})}};
    auto done = gateway_.call("kv/txn", body, e);
    if (!done) return pass(done);
    const json& answers = array_in(*done, "responses");
    if (flag_in(*done, "succeeded")) {
        if (answers.size() != asked)
            return fail(e == effect::writes ? "unknown" : "corrupt", "an answer of another form");
        made m{revision_of(*done), {}};
        for (const json& a : answers) m.answers.push_back(a);
        return m;
    }
    const auto kept = answers.empty() ? std::vector<kept_value>() : found_in(answers[0]);
    if (auto ok = known_.recognise(kept.empty() ? nullptr : &kept[0].value); !ok) return pass(ok);
    return fail("conflict", "the cluster's description was changed meanwhile");
}

json etcd_cluster::swap(std::vector<json> conditions, std::vector<json> puts,
                        std::vector<json> looks) {
    return {{"request_txn",
             {{"compare", std::move(conditions)},
              {"success", std::move(puts)},
              {"failure", std::move(looks)}}}};
}

bool etcd_cluster::was_made(const json& answer) {
    const auto it = answer.find("response_txn");
    return it != answer.end() && flag_in(*it, "succeeded");
}

std::vector<kept_value> etcd_cluster::found_in(const json& answer) const {
    std::vector<kept_value> found;
    const auto add = [&](const json& a) {
        if (const auto it = a.find("response_range"); it != a.end())
            for (kept_value& k : keys_.kept_in(*it)) found.push_back(std::move(k));
    };
    add(answer);
    if (const auto it = answer.find("response_txn"); it != answer.end())
        for (const json& a : array_in(*it, "responses")) add(a);
    return found;
}

result<cluster_view> etcd_cluster::snapshot() {
    auto range = gateway_.call(
        "kv/range", {{"key", keys_.key("")}, {"range_end", keys_.end_of("")}}, effect::reads);
    if (!range) return pass(range);
    const auto kept = keys_.kept_in(*range);
    const auto meta = std::find_if(kept.begin(), kept.end(),
                                   [](const kept_value& k) { return k.key == meta_key; });
    const auto ok = known_.recognise(meta == kept.end() ? nullptr : &meta->value);
    const auto is_told = [](const beam::error& e) {
        return e.is("no_cluster") || e.is("moved") || e.is("outdated");
    };
    if (!ok && !is_told(ok.error())) return pass(ok);
    auto whole = view_of(revision_of(*range), kept);
    if (!whole) return pass(whole);
    return std::move(whole->view);
}

}  // namespace kv
