#include <algorithm>
#include <chrono>
#include <utility>

#include "libbeamcore/base/symbol.hpp"
#include "libbeamcore/node/internal/observe.hpp"
#include "libbeamcore/otp/application.hpp"
#include "libbeamcore/otp/sys.hpp"
#include "libbeamcore/runtime/link.hpp"
#include "libbeamcore/runtime/name.hpp"
#include "libbeamcore/runtime/runtime.hpp"
#include "libbeamcore/term/syntax.hpp"

namespace beam::control {

namespace {

using namespace std::chrono_literals;

const char* status_text(process_status s) {
    switch (s) {
        case process_status::waiting:
            return "waiting";
        case process_status::runnable:
            return "runnable";
        case process_status::running:
            return "running";
        case process_status::suspended:
            return "suspended";
        case process_status::exiting:
            return "exiting";
    }
    return "waiting";
}

const char* priority_text(priority p) {
    switch (p) {
        case priority::low:
            return "low";
        case priority::normal:
            return "normal";
        case priority::high:
            return "high";
        case priority::max:
            return "max";
    }
    return "normal";
}

term or_null(const std::optional<atom>& a) {
    return a ? term(*a) : term(atoms::null);
}

tl::unexpected<request_error> no_process(const std::string& typed) {
    return refuse("not_found", "no such process: " + typed, "observer processes");
}

// -- lists ----------------------------------------------------------------------------------------

// A hundred thousand processes are looked at in steps between which others run; what is answered is
// bounded, and whoever wants them all asks page after page (`from`).
constexpr std::int64_t page_max = 200, offset_max = 10'000;

struct processes_params {
    std::string sort = "memory";
    std::int64_t limit = 100;
    bool ascending = false;
    std::optional<std::string> parent;  // only its children
    std::optional<std::string> match;   // part of the name, the label or the code
    std::int64_t sample_ms = 0;         // count reductions for so long: reductions_per_s
    std::int64_t offset = 0;            // leave out so many first ones
    std::optional<std::int64_t> from;   // in the order of pids, from this number on
    BEAM_FIELDS(processes_params, sort, limit, ascending, parent, match, sample_ms, offset, from)
};

enum class sort_by { memory, reductions, queue, pid, name, rate };

std::optional<sort_by> find_sort_key(std::string_view name) {
    if (name == "memory") return sort_by::memory;
    if (name == "reductions") return sort_by::reductions;
    if (name == "queue" || name == "message_queue_len") return sort_by::queue;
    if (name == "pid") return sort_by::pid;
    if (name == "name") return sort_by::name;
    if (name == "rate") return sort_by::rate;
    return {};
}

struct candidate {
    std::uint64_t key = 0;
    std::string text;  // of those sorted by name
    beam::pid pid;
    std::uint64_t rate = 0;  // reductions a second
};

// Reductions at an earlier time, in the order of pids.
class rate_meter {
public:
    void remember(const std::vector<process_counters>& found) {
        for (const auto& c : found) before_.push_back({c.pid, c.reductions});
    }
    void start() { at_ = std::chrono::steady_clock::now(); }
    void stop() { took_ = std::chrono::steady_clock::now() - at_; }

    // Asked in the order of pids.
    std::uint64_t rate_of(const process_counters& c) {
        while (next_ < before_.size() && before_[next_].pid.id < c.pid.id) ++next_;
        const bool known = next_ < before_.size() && before_[next_].pid == c.pid;
        const std::uint64_t done = c.reductions - (known ? before_[next_].reductions : 0);
        return std::uint64_t(double(done) / std::max(1e-6, took_.count()));
    }

private:
    struct seen {
        beam::pid pid;
        std::uint64_t reductions;
    };
    std::vector<seen> before_;
    std::size_t next_ = 0;
    std::chrono::steady_clock::time_point at_;
    std::chrono::duration<double> took_{};
};

bool contains(std::string_view text, std::string_view part) {
    return text.find(part) != std::string_view::npos;
}

std::string name_or_label(const process_summary& s) {
    if (s.registered_name) return std::string(s.registered_name->name());
    if (s.label == atoms::undefined) return {};
    const term t = readable(s.label);
    return t.as_text() ? std::string(*t.as_text()) : to_string(t);
}

bool matches(const process_summary& s, std::string_view part) {
    return contains(s.initial_call, part) || contains(name_or_label(s), part);
}

// The best so far, the worst of them first: one look at each process, whatever their number.
class ranking {
public:
    ranking(sort_by by, bool ascending, std::size_t limit)
        : by_(by), ascending_(ascending), limit_(limit) {}

    void add(candidate c) {
        const auto before = [this](const auto& a, const auto& b) { return is_before(a, b); };
        if (best_.size() >= limit_) {
            if (limit_ == 0 || !is_before(c, best_.front())) return;
            std::pop_heap(best_.begin(), best_.end(), before);
            best_.pop_back();
        }
        best_.push_back(std::move(c));
        std::push_heap(best_.begin(), best_.end(), before);
    }
    std::vector<candidate> take() {
        std::sort(best_.begin(), best_.end(),
                  [this](const auto& a, const auto& b) { return is_before(a, b); });
        return std::move(best_);
    }

    bool is_before(const candidate& a, const candidate& b) const {
        if (by_ == sort_by::name) {
            // Those without a name come last either way.
            if (a.text.empty() != b.text.empty()) return b.text.empty();
            if (a.text != b.text) return ascending_ ? a.text < b.text : a.text > b.text;
        } else if (a.key != b.key) {
            return ascending_ ? a.key < b.key : a.key > b.key;
        }
        return a.pid < b.pid;
    }

private:
    sort_by by_;
    bool ascending_;
    std::size_t limit_;
    std::vector<candidate> best_;
};

// Of process_counters, and of the process_summary that is shown.
template <class Numbers>
std::uint64_t key_of(sort_by by, const Numbers& c, std::uint64_t rate) {
    switch (by) {
        case sort_by::memory:
            return c.memory;
        case sort_by::reductions:
            return c.reductions;
        case sort_by::queue:
            return c.message_queue_len;
        case sort_by::rate:
            return rate;
        case sort_by::pid:
            return std::uint64_t(c.pid.serial) << 32 | c.pid.id;
        case sort_by::name:
            break;
    }
    return 0;
}

constexpr int places_at_once = 128;
// What a place costs in reductions: a look at counters, or also texts made of them.
constexpr int look_cost = 1, text_cost = 8;
// Some of those that were ranked may have ended before they are shown; then so many others take their place.
constexpr std::size_t ranked_more = 8;

awaitable<void> remember_all(rate_meter& meter, std::chrono::milliseconds during) {
    self me = this_process();
    process_walk walk;
    std::vector<process_counters> found;
    meter.start();
    while (walk.next(found, places_at_once)) {
        meter.remember(found);
        found.clear();
        if (me.bump_reductions(places_at_once * look_cost)) co_await me.yield();
    }
    co_await me.sleep_for(during);
    meter.stop();
}

term row(const process_summary& s, const candidate& c, bool with_rate) {
    auto e = summary_entries(s);
    if (with_rate) e.push_back(entry("reductions_per_s", std::int64_t(c.rate)));
    return map_of(std::move(e));
}

awaitable<answer> processes_method(request&, processes_params p) {
    const auto by = find_sort_key(p.sort);
    if (!by)
        co_return refuse("bad_params",
                         "cannot sort by \"" + p.sort +
                             "\": it is one of memory, reductions, rate, queue, name, pid",
                         {}, 2);
    std::optional<pid> parent;
    if (p.parent) {
        parent = pid_of(*p.parent);
        if (!parent) co_return no_process(*p.parent);
    }
    const std::size_t limit = std::size_t(std::clamp<std::int64_t>(p.limit, 0, page_max));
    const bool in_pages = p.from.has_value();
    self me = this_process();

    rate_meter meter;
    const bool with_rate = p.sample_ms > 0 || *by == sort_by::rate;
    if (with_rate) {
        const std::int64_t asked = p.sample_ms > 0 ? p.sample_ms : 1000;
        auto counting = remember_all(
            meter, std::chrono::milliseconds(std::clamp<std::int64_t>(asked, 1, 10'000)));
        co_await counting;
    }

    const std::size_t offset =
        in_pages ? 0 : std::size_t(std::clamp<std::int64_t>(p.offset, 0, offset_max));
    const std::size_t spare = in_pages || limit == 0 ? 0 : ranked_more;
    ranking best(in_pages ? sort_by::pid : *by, p.ascending || in_pages, offset + limit + spare);
    const bool wants_text = p.match || *by == sort_by::name;
    const std::int64_t first = std::clamp<std::int64_t>(p.from.value_or(1), 1, UINT32_MAX);
    process_walk walk{std::uint32_t(first)};
    std::vector<process_counters> found;
    std::uint64_t alive = 0, matching = 0;
    std::optional<std::uint32_t> next;
    while (!next && walk.next(found, places_at_once)) {
        for (const auto& c : found) {
            const std::uint64_t rate = with_rate ? meter.rate_of(c) : 0;
            candidate one{0, {}, c.pid, rate};
            one.key = in_pages ? c.pid.id : key_of(*by, c, rate);
            if (parent && c.parent != *parent) {
                ++alive;
                continue;
            }
            if (wants_text) {
                const auto info = process_info(c.pid);
                if (!info) continue;
                one.text = name_or_label(*info);
                if (p.match && !matches(*info, *p.match)) {
                    ++alive;
                    continue;
                }
            }
            if (in_pages && matching == limit) {
                next = c.pid.id;
                break;
            }
            ++alive;
            ++matching;
            best.add(std::move(one));
        }
        found.clear();
        if (me.bump_reductions(places_at_once * (wants_text ? text_cost : look_cost)))
            co_await me.yield();
    }

    std::vector<std::pair<candidate, process_summary>> rows;
    std::vector<candidate> ranked = best.take();
    for (std::size_t i = offset; i < ranked.size(); ++i) {
        candidate& c = ranked[i];
        if (auto s = process_info(c.pid)) {
            if (!in_pages) c.key = key_of(*by, *s, c.rate);
            rows.emplace_back(std::move(c), *std::move(s));
        }
        if (me.bump_reductions(text_cost * 4)) co_await me.yield();
    }
    // They went on since they were ranked: what is shown is in the order of what is shown.
    std::sort(rows.begin(), rows.end(),
              [&](const auto& a, const auto& b) { return best.is_before(a.first, b.first); });
    if (rows.size() > limit) rows.erase(rows.begin() + std::ptrdiff_t(limit), rows.end());
    std::vector<term> list;
    list.reserve(rows.size());
    for (const auto& [c, s] : rows) list.push_back(row(s, c, with_rate));
    // A page's own numbers say nothing of the whole.
    const std::int64_t total = in_pages ? me.node().statistics().processes : std::int64_t(alive);
    const auto shown = std::int64_t(list.size());
    std::vector<map_entry> e{entry("total", total), entry("shown", shown),
                             entry("processes", list_of(std::move(list)))};
    e.push_back(entry("offset", std::int64_t(offset)));
    if (in_pages)
        e.push_back(entry("next", next ? term(std::int64_t(*next)) : term(atoms::null)));
    else
        e.push_back(entry("matching", std::int64_t(matching)));
    co_return map_of(std::move(e));
}

// -- one process ----------------------------------------------------------------------------------

struct process_params {
    std::string pid;
    bool state = false;
    BEAM_FIELDS(process_params, pid, state)
};

// What a process told of itself, asked by a process of its own: one that never gives way tells nothing, and
// who asks must not wait for it.
struct told {
    std::optional<process_details> details;
    std::optional<atom> application;
};

constexpr auto patience = 1s;

process ask_details(self, pid asker, pid target) {
    told t;
    auto asking = process_info_details(target);
    t.details = co_await asking;
    auto asking_application = application::get_application(target);
    t.application = co_await asking_application;
    send(asker, std::move(t));
}

term pids(const std::vector<pid>& list) {
    std::vector<term> made(list.begin(), list.end());
    return list_of(std::move(made));
}

term texts(const std::vector<term>& list) {
    std::vector<term> made;
    made.reserve(list.size());
    for (const term& t : list) made.emplace_back(to_string(t, {.max_bytes = 1000}));
    return list_of(std::move(made));
}

void add_details(std::vector<map_entry>& e, const told& t) {
    const process_details& d = *t.details;
    e.push_back(entry("trap_exit", d.trap_exit));
    e.push_back(entry("links", pids(d.links)));
    e.push_back(entry("monitors", texts(d.monitors)));
    e.push_back(entry("monitored_by", pids(d.monitored_by)));
    e.push_back(entry("group_leader", d.group_leader ? term(d.group_leader) : term(atoms::null)));
    e.push_back(entry("messages", texts(d.messages)));
    std::vector<term> stack;
    for (const void* at : d.stack) stack.emplace_back(symbol_of(at));
    e.push_back(entry("stack", list_of(std::move(stack))));
    std::vector<term> dictionary;
    for (const auto& [key, value] : d.dictionary)
        dictionary.push_back(map({entry("key", to_string(key, {.max_bytes = 200})),
                                  entry("value", to_string(value, {.max_bytes = 1000}))}));
    e.push_back(entry("dictionary", list_of(std::move(dictionary))));
    e.push_back(entry("application", or_null(t.application)));
}

awaitable<answer> process_info_method(request&, process_params p) {
    const auto target = pid_of(p.pid);
    const auto summary = target ? process_info(*target) : std::nullopt;
    if (!summary) co_return no_process(p.pid);
    self me = this_process();
    const pid asking = spawn_link(ask_details, me.id(), *target);
    auto t = co_await me.receive_for<told>(patience);
    if (!t) {
        unlink(asking);
        exit(asking, atoms::kill);
    } else if (!t->details) {
        co_return no_process(p.pid);
    }
    // The process's own word if it spoke, since it was woken for it.
    std::vector<map_entry> e = summary_entries(t ? t->details->summary : *summary);
    e.push_back(entry("answers", t.has_value()));
    if (t) add_details(e, *t);
    if (p.state) {
        // Only a behaviour's process is asked: another would keep the question in its mailbox.
        term state = atoms::null;
        if (t && t->details->is_behaviour && *target != me.id()) {
            try {
                auto asking_state = sys::get_state(*target, patience);
                const term s = co_await asking_state;
                state = to_string(s, {.max_bytes = 16'000});
            } catch (const exit_exception&) {
            }
        }
        e.push_back(entry("state", std::move(state)));
    }
    co_return map_of(std::move(e));
}

// -- changes --------------------------------------------------------------------------------------

struct exit_params {
    std::string pid;
    std::string reason = "kill";
    BEAM_FIELDS(exit_params, pid, reason)
};

awaitable<answer> exit_process_method(request&, exit_params p) {
    if (p.reason != "kill" && p.reason != "shutdown")
        co_return refuse("bad_params", "the reason is kill or shutdown", {}, 2);
    const auto target = pid_of(p.pid);
    const auto info = target ? process_info(*target) : std::nullopt;
    if (!info) co_return no_process(p.pid);
    self me = this_process();
    if (*target == me.id())
        co_return refuse("bad_params", "that process would be the one to do it", {}, 2);
    const ref watching = monitor(*target);
    exit(*target, term(atom(std::string_view(p.reason))));
    auto down = co_await me.receive_if<down_message>(
        [watching](const down_message& d) { return d.monitor == watching; }, 2s);
    const std::string reason = down ? to_string(down->reason, {.max_bytes = 300}) : std::string();
    co_return map({
        entry("pid", *target),
        entry("name", or_null(info->registered_name)),
        entry("ended", down.has_value()),
        entry("reason", reason),
    });
}

awaitable<answer> hold_process(std::string typed, bool suspend) {
    const auto target = pid_of(typed);
    if (!target || !process_info(*target)) co_return no_process(typed);
    if (*target == this_process().id())
        co_return refuse("bad_params", "that process would be the one to do it", {}, 2);
    auto doing = suspend ? suspend_process(*target) : resume_process(*target);
    const bool done = co_await doing;
    if (!done) co_return no_process(typed);
    co_return map({entry("pid", *target), entry("state", suspend ? "suspended" : "resumed")});
}

awaitable<answer> suspend_process_method(request&, process_params p) {
    return hold_process(std::move(p.pid), true);
}
awaitable<answer> resume_process_method(request&, process_params p) {
    return hold_process(std::move(p.pid), false);
}

}  // namespace

term readable(const term& t) {
    return t.as_text() || t.is_atom() ? t : term(to_string(t, {.max_bytes = 200}));
}

term label_of(const process_summary& s) {
    return s.label == atoms::undefined ? term(atoms::null) : readable(s.label);
}

std::vector<map_entry> summary_entries(const process_summary& s) {
    return {
        entry("pid", s.pid),
        entry("name", or_null(s.registered_name)),
        entry("label", label_of(s)),
        entry("initial_call", s.initial_call),
        entry("doing", s.doing),
        entry("status", status_text(s.status)),
        entry("message_queue_len", std::int64_t(s.message_queue_len)),
        entry("message_bytes", std::int64_t(s.message_bytes)),
        entry("memory_bytes", std::int64_t(s.memory)),
        entry("reductions", std::int64_t(s.reductions)),
        entry("priority", priority_text(s.priority)),
        entry("parent", s.parent ? term(s.parent) : term(atoms::null)),
    };
}

std::optional<pid> pid_of(std::string_view text) {
    const bool is_bare =
        !text.empty() && text.find_first_not_of("0123456789.") == std::string_view::npos;
    const std::string typed = is_bare ? "<" + std::string(text) + ">" : std::string(text);
    if (auto t = parse_term(typed, {.create_atoms = false}); t && t->as_pid()) return t->as_pid();
    if (auto name = existing_atom(text)) return whereis(*name);
    return {};
}

void add_process_methods(method_table& table) {
    add_method(table, "node.processes", &processes_method);
    add_method(table, "node.process_info", &process_info_method);
    add_method(table, "node.exit_process", &exit_process_method);
    add_method(table, "node.suspend_process", &suspend_process_method);
    add_method(table, "node.resume_process", &resume_process_method);
}

}  // namespace beam::control
