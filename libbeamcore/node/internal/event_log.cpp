#include "libbeamcore/node/internal/event_log.hpp"

#include "libbeamcore/base/duration.hpp"
#include "libbeamcore/base/log.hpp"
#include "libbeamcore/term/syntax.hpp"

namespace beam::control {

namespace {

constexpr std::uint32_t long_mailbox = 10'000;

const char* text_of(system_event::kind k) {
    switch (k) {
        case system_event::kind::long_schedule:
            return "a process runs for long";
        case system_event::kind::long_message_queue:
            return "a mailbox grows";
        case system_event::kind::hog:
            return "a process does not give way";
        case system_event::kind::hog_limit:
            return "a process does not give way, as too many others do not";
    }
    return "";
}

std::string joined(const std::vector<std::string>& names) {
    std::string all;
    for (const auto& name : names) all += (all.empty() ? "" : " < ") + name;
    return all;
}

}  // namespace

event_log::event_log() {
    system_monitor(id(), {.long_message_queue = long_mailbox});
}

void event_log::handle_info(system_event e) {
    const std::string process = to_string(e.pid);
    const std::string name = e.registered_name.empty() ? "-" : e.registered_name;
    const std::string left_out = std::to_string(e.suppressed);
    if (e.what == system_event::kind::long_message_queue)
        log(log_level::warning, "node", text_of(e.what),
            {{"pid", process},
             {"name", name},
             {"doing", e.doing},
             {"messages", std::to_string(e.queue_length)},
             {"left_out", left_out}});
    else
        log(log_level::warning, "node", text_of(e.what),
            {{"pid", process},
             {"name", name},
             {"doing", e.doing},
             {"for", print_duration(e.ran_for)},
             {"in", joined(e.stack)},
             {"left_out", left_out}});
}

}  // namespace beam::control
