#include "tools/faultlab/app/targets.hpp"

#include <fnmatch.h>

#include <algorithm>
#include <chrono>

#include "libbeamcore/otp/application.hpp"
#include "libbeamcore/runtime/name.hpp"
#include "libbeamcore/runtime/process_info.hpp"
#include "libbeamcore/term/syntax.hpp"
#include "tools/faultlab/app/application.hpp"

namespace faultlab {

namespace {

using namespace std::chrono_literals;

constexpr auto patience = 1s;
constexpr int depth_max = 25;
constexpr std::size_t targets_max = 100'000;

std::string readable(const beam::term& t) {
    if (t == beam::atoms::undefined) return {};
    if (const auto text = t.as_text()) return std::string(*text);
    return beam::to_string(t, {.max_bytes = 200});
}

struct place {
    std::string application;
    bool is_system = false;
    int depth = 0;
};

std::optional<target> target_of(beam::pid pid, const beam::term& id, const place& at) {
    const auto info = beam::process_info(pid);
    if (!info) return {};
    target t;
    t.pid = pid;
    t.application = at.application;
    t.is_system = at.is_system;
    if (info->registered_name) t.names.emplace_back(info->registered_name->name());
    for (const std::string& name : {readable(info->label), readable(id)})
        if (!name.empty()) t.names.push_back(name);
    // A number is no name, but may be typed.
    const bool is_named = info->registered_name || info->label != beam::atoms::undefined ||
                          id.is_atom() || id.as_text();
    t.name = t.names.empty() || !is_named ? info->initial_call : t.names.front();
    t.names.push_back(beam::to_string(pid));
    return t;
}

beam::awaitable<void> gather(std::vector<target>& all, beam::pid supervisor, place below) {
    const auto info = beam::process_info(supervisor);
    if (!info || info->initial_call != "supervisor" || below.depth > depth_max) co_return;
    auto asking = beam::supervisor::which_children(supervisor);
    const bool answered = co_await asking.wait_for(patience);
    if (!answered) co_return;
    beam::outcome<std::vector<beam::child_info>> children = co_await asking.outcome();
    if (!children) co_return;
    ++below.depth;
    for (auto c = children->rbegin(); c != children->rend() && all.size() < targets_max; ++c) {
        if (!c->pid || c->restarting) continue;
        if (beam::this_process().bump_reductions(20)) co_await beam::this_process().yield();
        if (auto t = target_of(*c->pid, c->id, below)) all.push_back(*std::move(t));
        if (c->type != beam::child_type::supervisor) continue;
        auto gathering = gather(all, *c->pid, below);
        co_await gathering;
    }
}

}  // namespace

beam::awaitable<std::vector<target>> all_targets(bool with_system) {
    std::vector<target> all;
    auto running = beam::application::which_applications();
    std::reverse(running.begin(), running.end());
    for (const beam::application_info& a : running) {
        const auto top = beam::application::top_process(a.name);
        if (!top) continue;
        place at;
        at.application = std::string(a.name.name());
        at.is_system = true;  // its end is the end of the application
        if (with_system)
            if (auto t = target_of(*top, a.name, at)) all.push_back(*std::move(t));
        at.is_system = a.name == application_name();
        if (at.is_system && !with_system) continue;
        auto gathering = gather(all, *top, at);
        co_await gathering;
    }
    if (!with_system) co_return all;
    place at;
    at.application = "node";
    at.is_system = true;
    if (const auto top = beam::whereis(beam::atom("node_sup"))) {
        if (auto t = target_of(*top, beam::term("node"), at)) all.push_back(*std::move(t));
        auto gathering = gather(all, *top, at);
        co_await gathering;
    }
    co_return all;
}

bool matches(const target& t, const std::string& pattern) {
    return std::any_of(t.names.begin(), t.names.end(), [&](const std::string& name) {
        return name == pattern || ::fnmatch(pattern.c_str(), name.c_str(), 0) == 0;
    });
}

}  // namespace faultlab
