#include "tools/presence/app/notices/owners.hpp"

#include <chrono>

#include "libbeamcore/base/hash.hpp"
#include "libbeamcore/dist/cluster.hpp"
#include "libbeamcore/runtime/process.hpp"
#include "libbeamcore/runtime/timer.hpp"
#include "tools/kv/app/kv.hpp"
#include "tools/presence/app/notices/kv_records.hpp"

namespace presence {

namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t shards = 64;
constexpr auto kv_comes_within = 5s;
constexpr auto between_looks = 20ms;

/// `shard 17` of kv's words; empty: they name none.
std::string shard_in(std::string_view text) {
    const auto at = text.find("shard ");
    if (at == std::string_view::npos) return {};
    const auto end = text.find_first_not_of("0123456789", at + 6);
    return std::string(text.substr(at, end == std::string_view::npos ? end : end - at));
}

tl::unexpected<beam::request_error> unavailable(const std::string& shard) {
    return beam::refuse("unavailable", (shard.empty() ? "kv" : shard) + " is unavailable here",
                        "kv cluster health", 69);
}

}  // namespace

place place_now() {
    return kv::has_cluster_here() ? place::kv : place::disk;
}

beam::awaitable<asked<owner>> find_owner(std::string user) {
    owner o;
    o.where = place_now();
    if (o.where == place::disk) {
        o.node = owner_among(members(), user);
        co_return o;
    }
    co_await await_kv();
    auto asking = kv::find_leader(records::leading_key(user));
    const beam::outcome<beam::outcome<kv::leader>> found = co_await asking.outcome();
    if (!found) co_return unavailable("");
    if (!*found) {
        const auto parts = found->error().elements();
        const auto text = parts.size() == 2 ? parts[1].as_text() : std::nullopt;
        co_return unavailable(shard_in(text.value_or("")));
    }
    o.node = (*found)->node;
    o.shard = (*found)->shard;
    co_return o;
}

beam::awaitable<void> await_kv() {
    beam::self me = beam::this_process();
    const auto until = beam::monotonic_time() + kv_comes_within;
    for (;;) {
        auto asking = kv::find_leader("any");
        const beam::outcome<beam::outcome<kv::leader>> found = co_await asking.outcome();
        const bool is_here = found && (*found || found->error() != beam::atom("no_cluster"));
        if (is_here || beam::monotonic_time() >= until) co_return;
        co_await me.sleep_for(between_looks);
    }
}

std::vector<beam::atom> members() {
    return beam::dist::cluster_members();
}

beam::atom owner_among(const std::vector<beam::atom>& members, std::string_view user) {
    return members[beam::xxh3_64(user) % shards % members.size()];
}

tl::unexpected<beam::request_error> refuse_kept(const beam::term& why, const std::string& user) {
    if (why == beam::atom("other_place"))
        return beam::refuse("moving", "the messages of " + user + " are moving to another place",
                            "kv cluster health", 75);
    if (!why.is_tagged(beam::atom("kv"), 3)) return beam::refuse_for(why);
    const auto parts = why.elements();
    const std::string_view text = parts[2].as_text().value_or("");
    if (parts[1] == beam::atom("unavailable") || parts[1] == beam::atom("no_cluster"))
        return unavailable(shard_in(text));
    if (parts[1] == beam::atom("busy"))
        return beam::refuse("overloaded", "kv is busy", "kv cluster health", 75);
    if (parts[1] == beam::atom("conflict"))
        return beam::refuse("moving", "another node keeps the messages of " + user + " now",
                            "presence queue " + user, 75);
    if (parts[1] != beam::atom("unknown")) return beam::refuse_for(why);
    auto unknown = beam::refuse("timeout", "kv did not answer: " + std::string(text),
                                "presence queue " + user, 75);
    unknown.value().applied_unknown = true;
    return unknown;
}

bool may_pass(const beam::request_error& e) {
    return e.kind == "unavailable" || e.kind == "moving" || e.kind == "overloaded";
}

}  // namespace presence
