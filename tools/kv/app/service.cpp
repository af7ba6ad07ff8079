// router: what other code asks (kv.hpp), and how it is answered.
#include <chrono>
#include <utility>
#include <vector>

#include "libbeamcore/release/method.hpp"
#include "libbeamcore/runtime/nodes.hpp"
#include "tools/kv/app/limits.hpp"
#include "tools/kv/app/router.hpp"

namespace kv {

namespace {

using beam::atom;
using beam::term;

term because(const char* what, std::string why) {
    return beam::tuple(atom(what), beam::binary(why));
}

/// Of an answer that is neither a value nor a write that was done.
term failure_of(const routed_answer& a) {
    const std::string shard = "shard " + std::to_string(a.shard);
    switch (a.what.what) {
        case answer::kind::refused: {
            const std::string& detail = a.what.result.detail;
            if (detail == "no such key") return atom("not_found");
            if (detail == several_shards)
                return because("bad_argument", "the keys are not of one shard");
            return because("conflict", detail);
        }
        case answer::kind::busy:
            return because("busy", "too many requests are under way");
        case answer::kind::unknown:
            return because("unknown", "no answer from " + shard);
        default:
            if (a.what.why == too_few_copies)
                return because("unavailable", shard + " has fewer copies in sync than min_isr");
            return because("unavailable", "no usable copy of " + shard);
    }
}

void answer_get(const beam::from& to, routed_answer a) {
    if (a.what.what != answer::kind::found)
        return beam::reply(to, beam::outcome<found>(beam::fail_term(failure_of(a))));
    if (!a.what.found)
        return beam::reply(to, beam::outcome<found>(beam::fail_term(atom("not_found"))));
    found f;
    f.value = std::move(a.what.found->bytes);
    f.version = a.what.found->version;
    if (a.what.found->expires_ms != 0) f.ttl_ms = a.what.found->expires_ms - wall_ms();
    f.from = a.node != beam::node().name() ? "remote" : a.what.by_primary ? "primary" : "replica";
    beam::reply(to, beam::outcome<found>(std::move(f)));
}

void answer_write(const beam::from& to, routed_answer a) {
    if (a.what.what != answer::kind::done)
        return beam::reply(to, beam::outcome<written>(beam::fail_term(failure_of(a))));
    beam::reply(to, beam::outcome<written>(written{a.what.result.version}));
}

void answer_incr(const beam::from& to, routed_answer a) {
    if (a.what.what != answer::kind::done)
        return beam::reply(to, beam::outcome<counted_to>(beam::fail_term(failure_of(a))));
    beam::reply(to, beam::outcome<counted_to>(
                        counted_to{std::stoll(a.what.result.detail), a.what.result.version}));
}

change_params one(const char* op, std::string key) {
    change_params p;
    p.op = op;
    p.key = std::move(key);
    return p;
}

/// Adds what the options say. Why not; nothing: it is done.
std::optional<term> take_options(change_params& p, options_of<change_options> options) {
    if (!options.wrong.empty()) return because("bad_argument", std::move(options.wrong));
    change_options& o = options.is;
    p.ttl_ms = o.ttl_ms;
    p.if_absent = o.if_absent;
    p.expect = std::move(o.expect);
    p.expect_version = o.expect_version;
    p.timeout_ms = o.timeout_ms;
    auto why = bad_patience(p.timeout_ms);
    if (!why) why = bad_change(p);
    if (why) return because("bad_argument", *why);
    return std::nullopt;
}

}  // namespace

std::optional<term> router::change(const beam::from& to, answer_in_words answers, change_params p,
                                   options_of<change_options> options) {
    if (auto why = take_options(p, std::move(options))) return why;
    const std::chrono::milliseconds patience(p.timeout_ms);
    std::vector<operation> operations;
    operations.push_back(operation_of(std::move(p)));
    begin_write(to, answers, std::move(operations), patience);
    return std::nullopt;
}

beam::call_result<beam::outcome<found>> router::handle_call(request::get m, beam::from from) {
    const get_options& o = m.options.is;
    std::optional<std::string> why;
    if (!m.options.wrong.empty()) why = std::move(m.options.wrong);
    if (!why) why = bad_key(m.key);
    if (!why) why = bad_patience(o.timeout_ms);
    if (why) return beam::outcome<found>(beam::fail_term(because("bad_argument", *why)));
    read_request r;
    r.key = std::move(m.key);
    r.primary_only = o.primary;
    r.stale = o.stale;
    r.patience = std::chrono::milliseconds(o.timeout_ms);
    begin_read(from, &answer_get, std::move(r));
    return beam::noreply{};
}

beam::call_result<beam::outcome<written>> router::handle_call(request::put m, beam::from from) {
    change_params p = one("put", std::move(m.key));
    p.value = std::move(m.value);
    if (auto why = change(from, &answer_write, std::move(p), std::move(m.options)))
        return beam::outcome<written>(beam::fail_term(*std::move(why)));
    return beam::noreply{};
}

beam::call_result<beam::outcome<written>> router::handle_call(request::erase m, beam::from from) {
    if (auto why =
            change(from, &answer_write, one("delete", std::move(m.key)), std::move(m.options)))
        return beam::outcome<written>(beam::fail_term(*std::move(why)));
    return beam::noreply{};
}

beam::call_result<beam::outcome<counted_to>> router::handle_call(request::incr m, beam::from from) {
    change_params p = one("incr", std::move(m.key));
    p.by = m.by;
    if (auto why = change(from, &answer_incr, std::move(p), std::move(m.options)))
        return beam::outcome<counted_to>(beam::fail_term(*std::move(why)));
    return beam::noreply{};
}

beam::call_result<beam::outcome<written>> router::handle_call(request::expire m, beam::from from) {
    if (auto why =
            change(from, &answer_write, one("expire", std::move(m.key)), std::move(m.options)))
        return beam::outcome<written>(beam::fail_term(*std::move(why)));
    return beam::noreply{};
}

beam::call_result<beam::outcome<written>> router::handle_call(request::transaction m,
                                                              beam::from from) {
    const auto refuse = [](std::string why) {
        return beam::outcome<written>(beam::fail_term(because("bad_argument", std::move(why))));
    };
    if (!m.options.wrong.empty()) return refuse(std::move(m.options.wrong));
    const std::int64_t timeout_ms = m.options.is.timeout_ms;
    if (auto why = bad_patience(timeout_ms)) return refuse(*why);
    if (m.parts.size() > operations_max) return refuse("a transaction has 1 to 1000 operations");
    std::vector<change_params> all;
    for (const term& part : m.parts) {
        auto p = beam::read_parameters<change_params>(part);
        if (!p) return refuse(p.error().detail);
        all.push_back(*std::move(p));
    }
    auto operations = operations_of(std::move(all));
    if (!operations) return refuse(std::move(operations.error().detail));
    begin_write(from, &answer_write, *std::move(operations), std::chrono::milliseconds(timeout_ms));
    return beam::noreply{};
}

// Without options.

beam::call_result<beam::outcome<found>> router::handle_call(request::plain::get m,
                                                            beam::from from) {
    request::get r;
    r.key = std::move(m.key);
    return handle_call(std::move(r), from);
}
beam::call_result<beam::outcome<written>> router::handle_call(request::plain::put m,
                                                              beam::from from) {
    request::put r;
    r.key = std::move(m.key);
    r.value = std::move(m.value);
    return handle_call(std::move(r), from);
}
beam::call_result<beam::outcome<written>> router::handle_call(request::plain::erase m,
                                                              beam::from from) {
    request::erase r;
    r.key = std::move(m.key);
    return handle_call(std::move(r), from);
}
beam::call_result<beam::outcome<counted_to>> router::handle_call(request::plain::incr m,
                                                                 beam::from from) {
    request::incr r;
    r.key = std::move(m.key);
    r.by = m.by;
    return handle_call(std::move(r), from);
}
beam::call_result<beam::outcome<written>> router::handle_call(request::plain::transaction m,
                                                              beam::from from) {
    request::transaction r;
    r.parts = std::move(m.parts);
    return handle_call(std::move(r), from);
}

void router::handle_call(beam::message /*m*/, beam::from from) {
    beam::reply(from, beam::outcome<written>(
                          beam::fail_term(because("bad_argument", "this is no request of kv's"))));
}

}  // namespace kv
