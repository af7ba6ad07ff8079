#include "tools/kv/coordinator/values.hpp"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

namespace kv {

using beam::fail;
using beam::pass;
using beam::result;
using nlohmann::json;

namespace {

constexpr std::string_view stores = "stores/", members = "members/", shards = "shards/";

std::optional<std::string_view> after(std::string_view key, std::string_view prefix) {
    if (!key.starts_with(prefix)) return std::nullopt;
    return key.substr(prefix.size());
}

template <class T>
std::optional<T> number_of(std::string_view text, int base = 10) {
    T n{};
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), n, base);
    if (failure != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return n;
}

std::optional<store_state> state_of(const std::string& text) {
    for (const auto s :
         {store_state::in, store_state::out, store_state::draining, store_state::removed})
        if (to_string(s) == text) return s;
    return std::nullopt;
}

store_id id_of(const json& j) {
    const auto id = store_id_of(j.get_ref<const std::string&>());
    if (!id) throw std::invalid_argument("no store");
    return *id;
}

/// `read(json)`; what it throws, and what is no JSON, is `corrupt`.
template <class F>
auto decoded(std::string_view key, std::string_view value, F read)
    -> result<decltype(read(json()))> {
    try {
        return read(json::parse(value));
    } catch (const std::exception&) {
        return fail("corrupt", std::string(key) + " cannot be read");
    }
}

std::string dumped(const json& j) {
    return j.dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace

// Keys.

std::string shard_key(std::uint32_t shard) {
    return std::string(shards) + std::to_string(shard);
}
std::string store_key(const store_id& id) {
    return std::string(stores) + to_text(id);
}
std::string member_key(std::string_view node) {
    return std::string(members) + std::string(node);
}

std::string to_text(const store_id& id) {
    static constexpr char digits[] = "0123456789abcdef";
    std::string text(32, '0');
    for (unsigned i = 0; i < 16; ++i) {
        text[15 - i] = digits[id.high >> (4 * i) & 15];
        text[31 - i] = digits[id.low >> (4 * i) & 15];
    }
    return text;
}

std::optional<store_id> store_id_of(std::string_view text) {
    if (text.size() != 32) return std::nullopt;
    const auto high = number_of<std::uint64_t>(text.substr(0, 16), 16);
    const auto low = number_of<std::uint64_t>(text.substr(16), 16);
    if (!high || !low) return std::nullopt;
    return store_id{*high, *low};
}

// Values.

std::string encode(const cluster_meta& m) {
    json j{{"uuid", m.uuid},
           {"shards", m.shards},
           {"copies", m.copies},
           {"min_isr", m.min_isr},
           {"out_after_ms", m.out_after.count()},
           {"format", m.format}};
    if (m.recoveries != 0) j["recoveries"] = m.recoveries;
    if (!m.moved_to.empty()) j["moved_to"] = m.moved_to;
    if (!m.outdated.empty()) j["outdated"] = m.outdated;
    return dumped(j);
}

result<cluster_meta> decode_meta(std::string_view value) {
    auto m = decoded(meta_key, value, [](const json& j) {
        cluster_meta read;
        read.format = j.at("format").get<std::uint32_t>();
        if (read.format > known_format) return read;
        read.uuid = j.at("uuid").get<std::string>();
        read.shards = j.at("shards").get<std::uint32_t>();
        read.copies = j.at("copies").get<std::uint32_t>();
        read.min_isr = j.at("min_isr").get<std::uint32_t>();
        read.out_after = std::chrono::milliseconds(j.value("out_after_ms", read.out_after.count()));
        read.recoveries = j.value("recoveries", 0U);
        read.moved_to = j.value("moved_to", std::string());
        read.outdated = j.value("outdated", std::string());
        if (read.uuid.empty() || read.shards == 0 || read.shards > shards_of_cluster_max ||
            read.out_after < out_after_min || read.out_after > out_after_max)
            throw std::invalid_argument("no cluster");
        return read;
    });
    if (m && m->format > known_format)
        return fail("too_new", "the cluster is of format " + std::to_string(m->format));
    return m;
}

std::string encode(const store_entry& s) {
    json j{
        {"node", s.node}, {"state", to_string(s.state)}, {"weight", s.weight}, {"order", s.order}};
    if (!s.after.is_none()) j["after"] = to_text(s.after);
    return dumped(j);
}

result<store_entry> decode_store(std::string_view key, std::string_view value) {
    return decoded(key, value, [&](const json& j) {
        store_entry s;
        s.id = store_id_of(after(key, stores).value()).value();
        s.node = j.at("node").get<std::string>();
        s.state = state_of(j.at("state").get<std::string>()).value();
        s.weight = j.value("weight", 1U);
        s.order = j.value("order", std::uint64_t{0});
        if (const auto before = j.find("after"); before != j.end()) s.after = id_of(*before);
        return s;
    });
}

std::string encode(const kept_member& k) {
    json j{{"store", to_text(k.member.store)},
           {"incarnation", k.member.incarnation},
           {"address", k.member.dist_address},
           {"alive", k.member.is_alive},
           {"pid", k.os_pid}};
    if (!k.member.sync.empty()) j["sync"] = k.member.sync;
    return dumped(j);
}

result<kept_member> decode_member(std::string_view key, std::string_view value) {
    return decoded(key, value, [&](const json& j) {
        kept_member k;
        k.member.node = after(key, members).value();
        k.member.store = id_of(j.at("store"));
        k.member.incarnation = j.at("incarnation").get<std::uint64_t>();
        k.member.dist_address = j.at("address").get<std::string>();
        k.member.is_alive = j.value("alive", true);
        k.member.sync = j.value("sync", std::string());
        k.os_pid = j.value("pid", std::int64_t{0});
        return k;
    });
}

std::string encode(const plan& p) {
    return dumped({{"n", p.number}, {"nodes", p.nodes}, {"shards", p.shards}});
}

result<plan> decode_plan(std::string_view value) {
    return decoded(plan_key, value, [](const json& j) {
        plan p;
        p.number = j.at("n").get<std::uint64_t>();
        p.nodes = j.at("nodes").get<std::vector<std::string>>();
        p.shards = j.at("shards").get<std::vector<std::vector<std::string>>>();
        return p;
    });
}

std::string encode(const shard_record& r) {
    json isr = json::array();
    for (const store_id& s : r.isr) isr.push_back(to_text(s));
    json past = json::array();
    for (const past_lead& p : r.past) past.push_back({to_text(p.store), p.epoch});
    return dumped({{"epoch", r.epoch},
                   {"primary", to_text(r.primary)},
                   {"isr", std::move(isr)},
                   {"past", std::move(past)},
                   {"past_from", r.past_from}});
}

result<shard_record> decode_record(std::string_view key, std::string_view value) {
    return decoded(key, value, [](const json& j) {
        shard_record r;
        r.epoch = j.at("epoch").get<std::uint64_t>();
        r.primary = id_of(j.at("primary"));
        for (const json& s : j.at("isr")) r.isr.push_back(id_of(s));
        // One that an earlier version wrote tells of nothing before.
        r.past_from = j.value("past_from", shard_record::all_before(r.epoch));
        if (const auto past = j.find("past"); past != j.end())
            for (const json& p : *past)
                r.past.push_back({id_of(p.at(0)), p.at(1).get<std::uint64_t>()});
        return r;
    });
}

// The whole.

namespace {

result<void> add(kept_view& into, const kept_value& kept) {
    cluster_view& v = into.view;
    if (after(kept.key, stores)) {
        auto s = decode_store(kept.key, kept.value);
        if (!s) return pass(s);

        s->rev = kept.rev;
        v.stores.push_back(*std::move(s));
    } else if (after(kept.key, members)) {
        auto m = decode_member(kept.key, kept.value);
        if (!m) return pass(m);
        v.members.push_back(std::move(m->member));
        into.os_pids.push_back(m->os_pid);
    } else if (kept.key == plan_key) {
        auto p = decode_plan(kept.value);
        if (!p) return pass(p);
        v.plan = *std::move(p);
        v.plan_rev = kept.rev;
    } else if (const auto number = after(kept.key, shards)) {
        const auto shard = number_of<std::uint32_t>(*number);
        if (!shard || *shard >= v.records.size()) return {};
        auto r = decode_record(kept.key, kept.value);
        if (!r) return pass(r);
        v.records[*shard] = {*std::move(r), kept.rev};
    }
    return {};
}

}  // namespace

result<kept_view> view_of(std::uint64_t rev, const std::vector<kept_value>& all) {
    kept_view into;
    into.view.rev = rev;
    const auto meta =
        std::find_if(all.begin(), all.end(), [](const kept_value& k) { return k.key == meta_key; });
    if (meta == all.end()) return into;
    auto m = decode_meta(meta->value);
    if (!m) return pass(m);
    into.view.meta = *std::move(m);
    into.view.records.resize(into.view.meta.shards);
    // By key: members are sorted by their node.
    std::vector<const kept_value*> sorted;
    sorted.reserve(all.size());
    for (const kept_value& k : all) sorted.push_back(&k);
    std::sort(sorted.begin(), sorted.end(),
              [](const kept_value* a, const kept_value* b) { return a->key < b->key; });
    for (const kept_value* k : sorted)
        if (auto r = add(into, *k); !r) return pass(r);
    std::stable_sort(into.view.stores.begin(), into.view.stores.end(),
                     [](const store_entry& a, const store_entry& b) { return a.order < b.order; });
    for (std::size_t s = 0; s < into.view.records.size(); ++s)
        if (into.view.records[s].rev == 0)
            return fail("corrupt", shard_key(std::uint32_t(s)) + " is missing");
    return into;
}

std::vector<kept_value> kept_of(const cluster_view& v) {
    std::vector<kept_value> all{{meta_key, encode(v.meta), v.rev},
                                {plan_key, encode(v.plan), v.plan_rev}};
    for (const store_entry& s : v.stores) all.push_back({store_key(s.id), encode(s), s.rev});
    for (const member& m : v.members)
        all.push_back({member_key(m.node), encode(kept_member{m}), v.rev});
    for (std::size_t s = 0; s < v.records.size(); ++s)
        all.push_back({shard_key(std::uint32_t(s)), encode(v.records[s].record), v.records[s].rev});
    return all;
}

std::uint64_t next_order(const std::vector<store_entry>& stores) {
    std::uint64_t last = 0;
    for (const store_entry& s : stores) last = std::max(last, s.order);
    return last + 1;
}

store_entry new_entry(const std::vector<store_entry>& stores, const join_request& request) {
    store_entry s;
    s.id = request.store;
    s.order = next_order(stores);
    s.after = request.after;
    for (const store_entry& was : stores)
        if (was.id == request.after && was.state == store_state::draining) s.state = was.state;
    return s;
}

}  // namespace kv
