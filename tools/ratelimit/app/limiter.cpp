#include "tools/ratelimit/app/limiter.hpp"

#include <algorithm>

#include "libbeamcore/base/log.hpp"
#include "libbeamcore/ets/rows.hpp"
#include "libbeamcore/runtime/name.hpp"
#include "libbeamcore/runtime/timer.hpp"
#include "tools/ratelimit/app/breaker.hpp"
#include "tools/ratelimit/app/counting.hpp"
#include "tools/ratelimit/app/kept.hpp"
#include "tools/ratelimit/app/names.hpp"
#include "tools/ratelimit/app/tables.hpp"

namespace ratelimit {

namespace {

namespace ets = beam::ets;
using namespace std::chrono_literals;

constexpr std::size_t page_rows = 512;
constexpr nanoseconds pause_min = 1s;
constexpr int pause_factor = 20;  // times as long as the round took
constexpr std::size_t idle_place = 4, span_place = 6;

beam::atom asleep() {
    return beam::atom("limiter_sleeps");
}

const beam::match_spec& every_row() {
    static const beam::match_spec spec = *beam::match_spec::compile(
        beam::list({beam::tuple(beam::atom("_"), beam::nil, beam::list({beam::atom("$_")}))}));
    return spec;
}

ets::selection first_page(const ets::table& t) {
    ets::select_limit limit;
    limit.cost_max = page_rows;
    return ets::select(t, every_row(), limit);
}

std::int64_t idle_at(const beam::term& row) {
    return row.elements()[idle_place].as_int64().value_or(0);
}

bool is_durable(const beam::term& row) {
    return (row.elements()[span_place].as_int64().value_or(0) & 1) != 0;
}

std::int64_t idle_of(const ets::table& usages, const std::string& name) {
    const auto row = find_row(usages, name);
    return row ? row->idle_at : 0;
}

void make_marks_table() {
    ets::table_options options;
    options.access = ets::table_access::public_;
    options.named = true;
    ets::new_table(marks_name(), options);
}

void make_missing_tables() {
    if (!ets::whereis(rules_name())) {
        const ets::typed_table<rule> rules(make_rules_table());
        for (const rule& r : kept::rules()) rules.insert(r);
    }
    if (!ets::whereis(usage_name())) {
        const ets::typed_table<usage_row> usages(make_usage_table());
        for (const usage_row& row : kept::usages()) usages.insert(row);
    }
    if (!ets::whereis(marks_name())) make_marks_table();
    if (!ets::whereis(breakers_name())) {
        breakers::make_breakers_table();
        // Those that live have lost their rows.
        if (beam::whereis(breaker_registry()))
            for (const beam::pid& p : breakers::all_breakers()) breakers::breaker::write_row(p);
    }
}

}  // namespace

void wake_limiter() {
    const auto marks = ets::whereis(marks_name());
    if (marks && !ets::take(*marks, asleep()).empty()) beam::cast<limiter::wake>(limiter_name());
}

beam::awaitable<std::optional<std::string>> some_spent_key() {
    beam::self me = beam::this_process();
    const std::int64_t now = clock_now();
    for (ets::selection page = first_page(usage_name());; page = ets::select(page.next)) {
        for (const beam::term& row : page.found)
            if (idle_at(row) > now) co_return std::string(key_in(row.elements()[0].bytes()));
        if (!page.next) co_return std::nullopt;
        co_await me.yield();
    }
}

// -- what others see -----------------------------------------------------------------------------------

beam::future<beam::outcome<bool>> limiter::set_rule(rule r) {
    return beam::call<put_rule>(limiter_name(), std::move(r));
}
beam::future<beam::outcome<bool>> limiter::delete_rule(std::string name) {
    return beam::call<erase_rule>(limiter_name(), std::move(name));
}
void limiter::inherits(beam::pid who) {
    if (beam::whereis(limiter_name())) beam::cast<new_heir>(limiter_name(), who);
}

// -- what it does --------------------------------------------------------------------------------------

beam::awaitable<beam::init_result<limiter>> limiter::init() {
    if (!beam::try_register_name(limiter_name(), beam::this_process().id()))
        co_return beam::stop_with{beam::atom("name_taken")};
    // Without a keeper there is nothing to be had from it; the next one makes itself known.
    auto claiming = keeper::claim();
    beam::outcome<beam::pid> heir = co_await claiming.outcome();
    make_missing_tables();
    if (heir) set_heirs(*heir);
    beam::cast<wake>(beam::this_process().id());
    co_return limiter();
}

void limiter::handle_cast(new_heir m) {
    set_heirs(m.who);
}

beam::awaitable<beam::outcome<bool>> limiter::handle_call(put_rule m) {
    if (!ets::member(rules_name(), m.what.name) && ets::size(rules_name()) >= rules_max)
        co_return beam::fail_term(beam::atom("too_many_rules"));
    beam::outcome<void> saved = co_await kept::save_rule(m.what);
    if (!saved) co_return beam::pass_term(saved);
    ets::typed_table<rule>(rules_name()).insert(m.what);
    change_rows(m.what.name, m.what.limit(), m.what.inherit);
    co_return true;
}

beam::awaitable<beam::outcome<bool>> limiter::handle_call(erase_rule m) {
    if (!ets::member(rules_name(), m.name)) co_return false;
    beam::outcome<void> erased = co_await kept::erase_rule(m.name);
    if (!erased) co_return beam::pass_term(erased);
    ets::erase(rules_name(), m.name);
    if (m.name == default_rule) change_rows(m.name, limit(), inheritance::scale);
    co_return true;
}

void limiter::change_rows(const std::string& rule_name, const limit& now, inheritance how) {
    std::erase_if(new_changes_, [&](const change& c) { return c.rule_name == rule_name; });
    new_changes_.push_back({rule_name, now, how});
    handle_cast(wake{});
}

void limiter::handle_info(wake) {
    timer_.reset();
    handle_cast(wake{});
}

void limiter::handle_cast(wake) {
    if (runs_) return;
    if (timer_) beam::cancel_timer(*std::exchange(timer_, std::nullopt));
    runs_ = true;
    next_ = {};
    changes_ = std::exchange(new_changes_, {});
    began_ = 0;
    worked_ = {};
    earliest_ = INT64_MAX;
    beam::cast<next_page>(id());
}

void limiter::handle_cast(next_page) {
    const auto begin = beam::monotonic_time();
    look_at_page();
    worked_ += beam::monotonic_time() - begin;
    if (next_)
        beam::cast<next_page>(id());
    else
        end_round();
}

void limiter::look_at_page() {
    const std::int64_t now = clock_now();
    const ets::table usages = usage_name();
    ets::selection page;
    if (began_ == 0) {
        began_ = std::max<std::int64_t>(now, 1);
        page = first_page(usages);
    } else {
        page = ets::select(next_);
    }
    for (const beam::term& row : page.found) {
        const std::string name(row.elements()[0].bytes());
        for (const change& c : changes_)
            if (rule_in(name) == c.rule_name) carry_over(usages, name, c.now, c.how);
        // A row that was carried over just now is another one, which the next round takes.
        const std::int64_t due = changes_.empty() ? idle_at(row) : idle_of(usages, name);
        if (due > now) {
            earliest_ = std::min(earliest_, due);
            continue;
        }
        ets::delete_object(usages, row);  // unless somebody has changed it meanwhile
        if (ets::member(usages, name))
            earliest_ = std::min(earliest_, now);
        else if (is_durable(row))
            kept::writer::save_soon(name);
    }
    next_ = page.next;
}

void limiter::end_round() {
    runs_ = false;
    if (!new_changes_.empty()) {
        handle_cast(wake{});
        return;
    }
    if (ets::size(usage_name()) == 0) {
        // From now on whoever puts the first row in sends wake. It may have done so just before.
        ets::insert(marks_name(), beam::tuple(asleep()));
        if (ets::size(usage_name()) == 0 || ets::take(marks_name(), asleep()).empty()) return;
    }
    const nanoseconds due(earliest_ == INT64_MAX ? 0 : earliest_ - clock_now());
    timer_ = beam::send_after(std::max({due, pause_min, worked_ * pause_factor}), id(), wake{});
}

}  // namespace ratelimit
