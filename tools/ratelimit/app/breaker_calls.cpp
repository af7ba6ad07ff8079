// Calls through breakers, as methods: may I, and how it went.
#include <chrono>

#include "libbeamcore/base/duration.hpp"
#include "libbeamcore/runtime/link.hpp"
#include "tools/ratelimit/app/breaker_answers.hpp"

namespace breakers {

namespace {

using beam::answer;
using beam::atom;
using beam::awaitable;
using beam::request;
using beam::term;
using ratelimit::answered;
using ratelimit::fields;
using ratelimit::ms_up;
using namespace std::chrono_literals;

struct call_params {
    std::string name;
    std::uint64_t permit = 0;
    std::optional<std::int64_t> slow_ms;
    std::optional<std::int64_t> took_ms;
    std::string result;
    std::string reason;
    BEAM_FIELDS(call_params, name, permit, slow_ms, took_ms, result, reason)
};

constexpr std::uint64_t all_ppm = 1'000'000;

// Refused: `is_full` is the node's trouble, the rest an answer.
answer not_admitted(const admission& a, const std::string& name, int exit) {
    if (a.is_full)
        return beam::refuse("overloaded", "too many calls are under way", "breaker status " + name,
                            75);
    if (a.probes > 0)
        return beam::refuse("half_open", "the breaker is half open, and its probes are under way",
                            "breaker status " + name, exit);
    if (a.share_ppm < all_ppm)
        return beam::refuse("ramp",
                            "the breaker has closed, and lets " +
                                std::to_string(a.share_ppm / 10'000) +
                                "% of the calls through until its ramp is over",
                            "breaker status " + name, exit);
    if (a.retry_after == 0ns)
        return beam::refuse("open", "the breaker is open until it is reset",
                            "breaker reset " + name, exit);
    return beam::refuse("open", "the breaker is open for " + beam::print_duration(a.retry_after),
                        "breaker status " + name, exit);
}

awaitable<answer> allow(request&, call_params p) {
    auto b = co_await breaker_named(p.name);
    if (!b) co_return tl::unexpected<beam::request_error>(std::move(b.error()));
    const auto slow = time_of(p.slow_ms);
    if (!slow) co_return malformed("slow_ms is 0 to 366 days");
    auto asked = answered(breaker::allow(*b, std::nullopt, *slow));
    auto got = co_await asked;
    if (!got) co_return tl::unexpected<beam::request_error>(std::move(got.error()));
    const admission& a = *got;
    if (a.is_full) co_return not_admitted(a, p.name, 75);
    fields f;
    f.add("allowed", a.allowed);
    f.add("permit", a.permit);
    f.add("retry_after_ms", ms_up(a.retry_after));
    f.add("probes_in_flight", a.probes);
    f.add("share_percent", double(a.share_ppm) / 10'000);
    co_return f.to_term();
}

awaitable<answer> tell(call_params p, result_kind result) {
    if (auto why = bad_reason(p.reason)) co_return malformed(*why);
    const auto took = time_of(p.took_ms);
    if (!took) co_return malformed("took_ms is 0 to 366 days");
    auto b = co_await breaker_named(p.name);
    if (!b) co_return tl::unexpected<beam::request_error>(std::move(b.error()));
    auto asked = answered(breaker::tell(*b, p.permit, result, *took, p.reason));
    auto known = co_await asked;
    if (!known) co_return tl::unexpected<beam::request_error>(std::move(known.error()));
    if (!*known)
        co_return beam::refuse(
            "not_found",
            "no permit " + std::to_string(p.permit) + " is out: it has ended, or its time was over",
            "breaker allow " + p.name);
    co_return co_await shown_now(*b, p.name);
}

awaitable<answer> success(request&, call_params p) {
    return tell(std::move(p), result_kind::success);
}
awaitable<answer> failure(request&, call_params p) {
    return tell(std::move(p), result_kind::failure);
}
awaitable<answer> finish(request&, call_params p) {
    const result_kind result = p.result == "success"   ? result_kind::success
                               : p.result == "failure" ? result_kind::failure
                                                       : result_kind::unexecuted;
    return tell(std::move(p), result);
}

// A call that goes with this request's process: the permit is the stream's only item, and the stream ends when the
// call has (finish). When the client is gone the process is, too.
awaitable<answer> guard(request& r, call_params p) {
    beam::self me = beam::this_process();
    auto b = co_await breaker_named(p.name);
    if (!b) co_return tl::unexpected<beam::request_error>(std::move(b.error()));
    const auto slow = time_of(p.slow_ms);
    if (!slow) co_return malformed("slow_ms is 0 to 366 days");
    auto asked = answered(breaker::allow(*b, me.id(), *slow));
    auto got = co_await asked;
    if (!got) co_return tl::unexpected<beam::request_error>(std::move(got.error()));
    if (!got->allowed) co_return not_admitted(*got, p.name, 75);
    term permit = beam::map({{atom("permit"), got->permit}});
    const beam::ref lives = beam::monitor(*b);
    co_await r.item(permit);
    // Of a disabled breaker nobody says that the call has ended; the client just goes.
    for (;;) {
        auto m = co_await me.receive<permit_ended, beam::down_message>();
        if (std::holds_alternative<permit_ended>(m)) break;
        if (std::get<beam::down_message>(m).monitor == lives) break;
    }
    co_return permit;
}

}  // namespace

void add_call_methods(beam::application_definition& app) {
    add_method(app, "allow", allow);
    add_method(app, "success", success);
    add_method(app, "failure", failure);
    add_method(app, "guard", guard);
    add_method(app, "finish", finish);
}

}  // namespace breakers
