// kv for other code: what processes of any application, and Erlang's nodes, ask the store of a node.
//
//     auto put = kv::put("user:42", "active");
//     const beam::outcome<kv::written> done = co_await put;
//     auto get = kv::get("user:42");
//     const beam::outcome<kv::found> is = co_await get;      // is->value == "active"
//
// Each function asks the process `kv` of this node, or of the node given, and gives the future of its answer. Erlang asks
// the same: `gen_server:call({kv, Node}, {put, <<"user:42">>, <<"active">>})` gives `{ok, #{version => 7, ...}}`. An options
// argument is a map in Erlang: `{get, Key, #{primary => true}}`.
//
// Reasons of failure, `{error, Reason}`:
//   not_found                  there is no such key
//   {conflict, What}           what was expected does not hold; nothing was written
//   {bad_argument, Why}        nothing was written
//   {unavailable, Why}         nothing was written: no usable copy of the shard within the time given
//   {busy, Why}                nothing was written: try again
//   {unknown, Why}             the write may or may not have been done
// A future exits the caller when the store does not run here (`noproc`) or its router dies meanwhile. A write goes on
// though its caller dies. What `ok` promises is in kv(1).
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "libbeamcore/release/method.hpp"
#include "libbeamcore/release/node_facts.hpp"
#include "libbeamcore/runtime/call.hpp"
#include "libbeamcore/runtime/groups.hpp"
#include "libbeamcore/runtime/nodes.hpp"
#include "libbeamcore/runtime/send.hpp"
#include "libbeamcore/term/fields.hpp"
#include "libbeamcore/term/outcome.hpp"
#include "libbeamcore/term/term.hpp"

namespace kv {

struct found {
    std::string value;
    std::uint64_t version = 0;           ///< grows with each change of the key
    std::optional<std::int64_t> ttl_ms;  ///< nothing: it stays
    std::string from;  ///< who answered: `primary`, `replica` (of the node asked), `remote`
    BEAM_FIELDS(found, value, version, ttl_ms, from)
};
struct written {
    std::uint64_t version = 0;
    BEAM_FIELDS(written, version)
};
struct counted_to {
    std::int64_t value = 0;
    std::uint64_t version = 0;
    BEAM_FIELDS(counted_to, value, version)
};

struct get_options {
    bool primary = false;              ///< ask the primary, wherever it is
    bool stale = false;                ///< take a replica's answer however old it is
    std::int64_t timeout_ms = 10'000;  ///< then `unavailable`
    BEAM_FIELDS(get_options, primary, stale, timeout_ms)
};

/// One change of one key.
struct change_options {
    std::optional<std::int64_t> ttl_ms;           ///< of a value that is written; nothing: it stays
    bool if_absent = false;                       ///< only if there is no such key
    std::optional<std::string> expect;            ///< only if it has this value
    std::optional<std::uint64_t> expect_version;  ///< only if it has this version
    std::int64_t timeout_ms = 10'000;             ///< then `unavailable` or `unknown`
    BEAM_FIELDS(change_options, ttl_ms, if_absent, expect, expect_version, timeout_ms)
};

/// A part of a transaction: `op` is put, delete, incr or expire.
struct transaction_part {
    std::string op = "put";
    std::string key;
    std::optional<std::string> value;
    std::int64_t by = 1;
    std::optional<std::int64_t> ttl_ms;
    bool if_absent = false;
    std::optional<std::string> expect;
    std::optional<std::uint64_t> expect_version;
    BEAM_FIELDS(transaction_part, op, key, value, by, ttl_ms, if_absent, expect, expect_version)
};

/// The options of a request: a struct here, in Erlang a map, of which what is absent has its default.
template <class T>
struct options_of {
    T is{};
    std::string wrong{};  ///< why a map is not one of options
};

}  // namespace kv

namespace beam {

/// Reads what a map says, or notes why it cannot: whoever asked is to be told.
template <class T>
struct field_codec<kv::options_of<T>> {
    static term to(const kv::options_of<T>& options) { return to_term(options.is); }
    static result<void> from(const term& t, kv::options_of<T>& options) {
        auto read = read_parameters<T>(t);
        if (read)
            options.is = *std::move(read);
        else
            options.wrong = std::move(read.error().detail);
        return {};
    }
    template <class Root>
    static constexpr std::uint64_t fingerprint() {
        return field_codec<T>::template fingerprint<Root>();
    }
};

}  // namespace beam

namespace kv {

/// What is sent to `kv`. Of Erlang the tuples without options are taken, too.
namespace request {

struct get {
    using reply = beam::outcome<found>;
    std::string key;
    options_of<get_options> options{};
    BEAM_FIELDS(get, key, options)
};
struct put {
    using reply = beam::outcome<written>;
    std::string key, value;
    options_of<change_options> options{};
    BEAM_FIELDS(put, key, value, options)
};
struct erase {
    using reply = beam::outcome<written>;
    std::string key;
    options_of<change_options> options{};
    BEAM_FIELDS(erase, key, options)
};
struct incr {
    using reply = beam::outcome<counted_to>;
    std::string key;
    std::int64_t by = 1;
    options_of<change_options> options{};
    BEAM_FIELDS(incr, key, by, options)
};
/// Without a ttl among the options: for ever.
struct expire {
    using reply = beam::outcome<written>;
    std::string key;
    options_of<change_options> options{};
    BEAM_FIELDS(expire, key, options)
};
struct transaction {
    using reply = beam::outcome<written>;
    std::vector<beam::term> parts;
    options_of<change_options> options{};
    BEAM_FIELDS(transaction, parts, options)
};

namespace plain {

struct get {
    using reply = beam::outcome<found>;
    std::string key;
    BEAM_FIELDS(get, key)
};
struct put {
    using reply = beam::outcome<written>;
    std::string key, value;
    BEAM_FIELDS(put, key, value)
};
struct erase {
    using reply = beam::outcome<written>;
    std::string key;
    BEAM_FIELDS(erase, key)
};
struct incr {
    using reply = beam::outcome<counted_to>;
    std::string key;
    std::int64_t by = 1;
    BEAM_FIELDS(incr, key, by)
};
struct transaction {
    using reply = beam::outcome<written>;
    std::vector<beam::term> parts;
    BEAM_FIELDS(transaction, parts)
};

}  // namespace plain

}  // namespace request

/// The store of this node; `at(node)` for another's.
[[nodiscard]] inline beam::server_ref here() {
    return beam::atom("kv");
}
[[nodiscard]] inline beam::server_ref at(beam::atom node) {
    return {beam::atom("kv"), node};
}

/// Errors: `not_found`, `unavailable`, `busy`, `bad_argument`.
[[nodiscard]] inline beam::future<beam::outcome<found>> get(
    std::string key, const get_options& o = {}, const beam::server_ref& store = here()) {
    return beam::send_request(store, request::get{std::move(key), {o}},
                              beam::timeout(beam::infinity{}));
}
/// Errors of this and the next ones: all but `not_found`, unless said; a put that expects something of a key that is not
/// there: `not_found` as well.
[[nodiscard]] inline beam::future<beam::outcome<written>> put(
    std::string key, std::string value, const change_options& o = {},
    const beam::server_ref& store = here()) {
    return beam::send_request(store, request::put{std::move(key), std::move(value), {o}},
                              beam::timeout(beam::infinity{}));
}
/// That there is no such key is no error. One that expects something and finds none: `not_found`.
[[nodiscard]] inline beam::future<beam::outcome<written>> erase(
    std::string key, const change_options& o = {}, const beam::server_ref& store = here()) {
    return beam::send_request(store, request::erase{std::move(key), {o}},
                              beam::timeout(beam::infinity{}));
}
/// Adds to a decimal number; a missing key counts as 0. Also: `{conflict, What}` for a value that is none.
[[nodiscard]] inline beam::future<beam::outcome<counted_to>> incr(
    std::string key, std::int64_t by = 1, const change_options& o = {},
    const beam::server_ref& store = here()) {
    return beam::send_request(store, request::incr{std::move(key), by, {o}},
                              beam::timeout(beam::infinity{}));
}
/// Another ttl (`o.ttl_ms`) for what is there; nothing: for ever. Also: `not_found`.
[[nodiscard]] inline beam::future<beam::outcome<written>> expire(
    std::string key, const change_options& o, const beam::server_ref& store = here()) {
    return beam::send_request(store, request::expire{std::move(key), {o}},
                              beam::timeout(beam::infinity{}));
}
/// All of it or nothing, in this order; the keys are of one shard (a common `{tag}`), else `bad_argument`.
[[nodiscard]] inline beam::future<beam::outcome<written>> transact(
    std::vector<transaction_part> parts, const beam::server_ref& store = here()) {
    request::transaction r;
    for (const transaction_part& p : parts) r.parts.push_back(beam::to_term(p));
    return beam::send_request(store, std::move(r), beam::timeout(beam::infinity{}));
}

// -- for applications that keep something of their own in the store ----------------------------------

/// The scope, and its one group, of those who wait for a cluster.
[[nodiscard]] inline beam::atom cluster_scope() {
    static const beam::atom a("kv_cluster");
    return a;
}
/// The file by which a node's disk says so, in its store folder.
inline constexpr const char* cluster_mark = "kv.seen";
/// Whether this node has been of a cluster, in this life or an earlier one, as its disk says: one look, in which kv need
/// not run. It never becomes false again by itself.
[[nodiscard]] inline bool has_cluster_here() {
    const std::filesystem::path folder = beam::this_node_facts().store_folder;
    std::error_code none;
    return !folder.empty() && std::filesystem::exists(folder / cluster_mark, none);
}

/// has_cluster_here() has become true.
struct cluster_noted {
    BEAM_FIELDS(cluster_noted)
};
/// cluster_noted to a process of this node, once has_cluster_here() is true or at once; it may come twice.
inline void tell_of_cluster(beam::pid who) {
    beam::pg::join(cluster_scope(), cluster_scope(), who);
    if (has_cluster_here()) beam::send(who, cluster_noted{});
}
/// By who was told: no more of them are sent. False: it had stopped before.
inline bool stop_waiting_for_cluster(beam::pid who) {
    return beam::pg::leave(cluster_scope(), cluster_scope(), who);
}

/// transact() that waits as long as `o.timeout_ms` says; of the other options none may be set.
[[nodiscard]] inline beam::future<beam::outcome<written>> transact(
    std::vector<transaction_part> parts, const change_options& o,
    const beam::server_ref& store = here()) {
    request::transaction r;
    for (const transaction_part& p : parts) r.parts.push_back(beam::to_term(p));
    r.options = {o};
    return beam::send_request(store, std::move(r), beam::timeout(beam::infinity{}));
}

/// Where requests for a key go to.
struct leader {
    std::uint32_t shard = 0;
    beam::atom node;  ///< whose copy is the primary, as far as this node knows
    BEAM_FIELDS(leader, shard, node)
};
struct scan_options {
    std::string after;           ///< beyond this key; empty: from the first one
    std::uint64_t limit = 1000;  ///< 1 to 1000; values count: a page is one message
    bool keys_only = false;
    std::int64_t timeout_ms = 10'000;
    BEAM_FIELDS(scan_options, after, limit, keys_only, timeout_ms)
};
struct scanned_key {
    std::string key;
    std::string value;
    std::uint64_t version = 0;
    std::optional<std::int64_t> expires_ms;  ///< Unix time; nothing: it stays
    BEAM_FIELDS(scanned_key, key, value, version, expires_ms)
};
struct scanned_page {
    std::vector<scanned_key> items;  ///< in the order of the keys
    bool is_end = false;             ///< else there may be more after the last one
    BEAM_FIELDS(scanned_page, items, is_end)
};
/// Another node may lead some shard, or there is a cluster now.
struct leaders_changed {
    BEAM_FIELDS(leaders_changed)
};

namespace request {

struct find_leader {
    using reply = beam::outcome<leader>;
    std::string key;
    BEAM_FIELDS(find_leader, key)
};
struct scan {
    using reply = beam::outcome<scanned_page>;
    std::string prefix;
    scan_options options;
    BEAM_FIELDS(scan, prefix, options)
};
struct watch_leaders {
    beam::pid who;
    BEAM_FIELDS(watch_leaders, who)
};

}  // namespace request

/// Answers what follows.
[[nodiscard]] inline beam::server_ref finder() {
    return beam::atom("kv_finder");
}
/// Errors: `no_cluster`; `unavailable`: the primary's node is down, and no other has taken over yet. Asks no other node.
[[nodiscard]] inline beam::future<beam::outcome<leader>> find_leader(std::string key) {
    return beam::call<request::find_leader>(finder(), std::move(key));
}
/// A page of the keys that begin so, as the primaries have them. With a whole {tag} in the prefix it is of one shard, and of
/// one moment; else it is merged of all shards. Errors: `no_cluster`, `unavailable`, `bad_argument`.
[[nodiscard]] inline beam::future<beam::outcome<scanned_page>> scan(std::string prefix,
                                                                    const scan_options& o = {}) {
    return beam::send_request(finder(), request::scan{std::move(prefix), o},
                              beam::timeout(beam::infinity{}));
}
/// `leaders_changed` comes to that process after each change, until it dies or kv ends.
inline void watch_leaders(beam::pid who) {
    beam::cast<request::watch_leaders>(finder(), who);
}

}  // namespace kv
