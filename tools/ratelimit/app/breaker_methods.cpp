#include "tools/ratelimit/app/breaker_methods.hpp"

#include <algorithm>
#include <chrono>

#include "tools/ratelimit/app/breaker_answers.hpp"
#include "tools/ratelimit/app/starter.hpp"
#include "tools/ratelimit/app/tables.hpp"

namespace breakers {

namespace {

using beam::answer;
using beam::atom;
using beam::awaitable;
using beam::request;
using beam::term;
using ratelimit::fields;
using ratelimit::ms_up;
using namespace std::chrono_literals;

constexpr std::size_t page_max = 1000;

struct name_params {
    std::string name;
    BEAM_FIELDS(name_params, name)
};
struct force_params {
    std::string name;
    std::optional<std::int64_t> for_ms;
    std::string by;
    std::string reason;
    BEAM_FIELDS(force_params, name, for_ms, by, reason)
};
struct list_params {
    std::string after;
    std::uint64_t limit = page_max;
    std::string state;
    BEAM_FIELDS(list_params, after, limit, state)
};
struct set_params {
    std::string name;
    settings_text settings;
    BEAM_FIELDS(set_params, name, settings)
};

// -- status and list ---------------------------------------------------------------------------------------

awaitable<answer> status_method(request&, name_params p) {
    if (auto why = bad_name(p.name)) co_return malformed(*why);
    if (!ratelimit::has_tables()) co_return ratelimit::no_tables();
    beam::outcome<std::optional<beam::pid>> known = co_await known_breaker(p.name);
    if (!known) co_return beam::refuse_for(known.error());
    if (!*known) co_return shown(p.name, status(), false);
    co_return co_await shown_now(**known, p.name);
}

term shown(const breaker_row& row) {
    const std::int64_t left = row.until > 0 ? row.until - beam::monotonic_time().count() : 0;
    fields f;
    f.add("name", row.name);
    f.add("state", name_of(row.state));
    f.add("cooldown_ms", ms_up(nanoseconds(std::max<std::int64_t>(left, 0))));
    f.add("forced", row.forced);
    f.add("by", row.by);
    f.add("reason", row.reason);
    f.add("since_ms", row.since_ms);
    f.add("opened", row.opened);
    return f.to_term();
}

// A page of the list. One of a state may be empty, or short, and still not be the last: `next` says it.
awaitable<answer> list(request&, list_params p) {
    static constexpr state_kind kinds[] = {state_kind::closed, state_kind::open,
                                           state_kind::half_open, state_kind::disabled};
    const auto is_asked_for = [&](state_kind s) { return p.state == name_of(s); };
    if (!p.state.empty() && std::none_of(std::begin(kinds), std::end(kinds), is_asked_for))
        co_return malformed("a state is closed, open, half_open or disabled");
    if (!ratelimit::has_tables()) co_return ratelimit::no_tables();
    const std::size_t limit = std::clamp<std::uint64_t>(p.limit, 1, page_max);
    std::vector<term> found;
    const std::vector<breaker_row> page = page_after(p.after, limit);
    for (const breaker_row& row : page)
        if (p.state.empty() || is_asked_for(row.state)) found.push_back(shown(row));
    const std::string next = page.size() == limit ? page.back().name : "";
    co_return beam::map(
        {{atom("breakers"), beam::list_of(std::move(found))}, {atom("next"), next}});
}

// -- what people do ----------------------------------------------------------------------------------------

awaitable<answer> force(force_params p, force_kind what) {
    if (auto why = bad_reason(p.reason)) co_return malformed(*why);
    if (auto why = bad_reason(p.by)) co_return malformed(*why);
    const auto time = time_of(p.for_ms);
    if (!time) co_return malformed("for_ms is 0 to 366 days");
    auto b = co_await breaker_named(p.name);
    if (!b) co_return tl::unexpected<beam::request_error>(std::move(b.error()));
    auto asked = ratelimit::answered(breaker::apply_force(*b, what, *time, p.by, p.reason));
    auto done = co_await asked;
    if (!done) co_return tl::unexpected<beam::request_error>(std::move(done.error()));
    if (!*done) co_return beam::refuse_for(done->error());
    if (!**done && what == force_kind::enable)
        co_return beam::refuse("not_disabled", "it is not disabled", "breaker status " + p.name);
    if (!**done) co_return beam::refuse("disabled", "it is disabled", "breaker enable " + p.name);
    co_return co_await shown_now(*b, p.name);
}

awaitable<answer> trip(request&, force_params p) {
    return force(std::move(p), force_kind::trip);
}
awaitable<answer> reset(request&, force_params p) {
    return force(std::move(p), force_kind::reset);
}
awaitable<answer> disable(request&, force_params p) {
    return force(std::move(p), force_kind::disable);
}
awaitable<answer> enable(request&, force_params p) {
    return force(std::move(p), force_kind::enable);
}

awaitable<answer> set(request&, set_params p) {
    if (p.settings.is_empty())
        co_return beam::refuse("bad_params", "nothing is set", "breaker set --help", 2);
    auto b = co_await breaker_named(p.name);
    if (!b) co_return tl::unexpected<beam::request_error>(std::move(b.error()));
    auto asked = ratelimit::answered(breaker::change(*b, p.settings));
    auto done = co_await asked;
    if (!done) co_return tl::unexpected<beam::request_error>(std::move(done.error()));
    if (!*done) {
        const auto parts = done->error().elements();
        if (parts.size() == 2 && parts[1].as_text())
            co_return malformed(std::string(*parts[1].as_text()));
        co_return beam::refuse_for(done->error());
    }
    co_return co_await shown_now(*b, p.name);
}

awaitable<answer> delete_breaker(request&, name_params p) {
    if (auto why = bad_name(p.name)) co_return malformed(*why);
    if (!ratelimit::has_tables()) co_return ratelimit::no_tables();
    beam::outcome<std::optional<beam::pid>> known = co_await known_breaker(p.name);
    if (!known) co_return beam::refuse_for(known.error());
    if (!*known)
        co_return beam::refuse("not_found", "no breaker \"" + p.name + "\"", "breaker list");
    auto asked = ratelimit::answered(breaker::drop(**known));
    auto done = co_await asked;
    if (!done) co_return tl::unexpected<beam::request_error>(std::move(done.error()));
    if (!*done) co_return beam::refuse_for(done->error());
    co_return beam::map({{atom("name"), p.name}});
}

awaitable<answer> watch_method(request& r, name_params p) {
    if (!p.name.empty())
        if (auto why = bad_name(p.name)) co_return malformed(*why);
    beam::self me = beam::this_process();
    watch(p.name);
    r.lossy_item(beam::map({{atom("event"), "watching"}, {atom("name"), p.name}}));
    for (;;) {
        const breaker_event e = co_await me.receive<breaker_event>();
        fields f;
        f.add("name", e.name);
        f.add("from", name_of(e.from));
        f.add("to", name_of(e.to));
        f.add("at_ms", e.at_ms);
        f.add("cooldown_ms", e.cooldown_ms);
        f.add("reason", e.reason);
        f.add("by", e.by);
        r.lossy_item(f.to_term());
    }
}

}  // namespace

void add_methods(beam::application_definition& app) {
    const auto method = [&](const char* name, auto f, beam::method_options options = {}) {
        add_method(app, name, f, options);
    };
    add_call_methods(app);
    method("status", status_method, {.restartable = true});
    method("list", list, {.restartable = true});
    method("trip", trip, {.restartable = true});
    method("reset", reset, {.restartable = true});
    method("disable", disable, {.restartable = true});
    method("enable", enable);
    method("set", set, {.restartable = true});
    method("delete", delete_breaker);
    method("watch", watch_method, {.restartable = true});
}

}  // namespace breakers
