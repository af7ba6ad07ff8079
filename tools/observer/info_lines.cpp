#include <nlohmann/json.hpp>

#include "tools/observer/lines.hpp"
#include "tools/observer/text.hpp"

namespace observer {

using nlohmann::json;

namespace {

class writer {
public:
    explicit writer(const json& info) : info_(info) {}

    void value(const char* name, std::string text) {
        out_.emplace_back();
        if (text.empty()) text = "none";
        out_.back().spans = {{std::string(name) + ": ", look::dim}, {std::move(text)}};
    }
    void member(const char* name, const char* key) { value(name, text_of(info_, key)); }
    void pids(const char* name, const char* key) {
        std::string all;
        if (const auto at = info_.find(key); at != info_.end())
            for (const json& one : *at) all += (all.empty() ? "" : " ") + shown_value(one);
        value(name, all);
    }
    void indented(std::string text) { out_.emplace_back("  " + std::move(text)); }
    void warning(std::string text) { out_.emplace_back(std::move(text), look::bad); }

    lines take() { return std::move(out_); }

private:
    const json& info_;
    lines out_;
};

std::string bytes_text(const json& info, const char* key) {
    const auto bytes = std::uint64_t(number_of(info, key));
    return size_text(bytes) + (bytes < 1024 ? " bytes" : "");
}

void write_messages(writer& w, const json& info) {
    w.value("messages", number_text(info, "message_queue_len") + " waiting, " +
                            bytes_text(info, "message_bytes"));
    if (const auto at = info.find("messages"); at != info.end())
        for (const json& m : *at) w.indented(shown_value(m));
}

// Of a behaviour between two messages there is none.
void write_stack(writer& w, const json& info) {
    const auto at = info.find("stack");
    if (at == info.end() || at->empty()) return;
    w.value("waits in", "the first of these, for the last");
    for (const json& function : *at) w.indented(shown_value(function));
}

void write_dictionary(writer& w, const json& info) {
    const auto at = info.find("dictionary");
    if (at == info.end() || at->empty()) return;
    w.value("dictionary", std::to_string(at->size()) + (at->size() == 1 ? " entry" : " entries"));
    for (const json& e : *at) w.indented(text_of(e, "key") + " => " + text_of(e, "value"));
}

}  // namespace

lines info_lines(const json& info) {
    writer w(info);
    w.member("pid", "pid");
    w.member("name", "name");
    w.member("label", "label");
    w.member("code", "initial_call");
    w.member("last message", "doing");
    w.member("status", "status");
    w.member("application", "application");
    w.member("parent", "parent");
    w.member("priority", "priority");
    w.value("memory", bytes_text(info, "memory_bytes") + " (control block and waiting messages)");
    const bool has_rate = info.contains("reductions_per_s");
    w.value("reductions",
            number_text(info, "reductions") +
                (has_rate ? " (" + number_text(info, "reductions_per_s") + "/s)" : std::string()));
    write_messages(w, info);
    if (info.value("answers", true)) {
        w.value("trap_exit", info.value("trap_exit", false) ? "yes" : "no");
        w.pids("links", "links");
        w.pids("monitors", "monitors");
        w.pids("monitored by", "monitored_by");
        w.member("group leader", "group_leader");
        write_stack(w, info);
        write_dictionary(w, info);
    } else {
        w.warning("it does not answer: it has not given way for a second");
    }
    if (info.contains("state"))
        w.value("state", info.at("state").is_null() ? "not told" : text_of(info, "state"));
    return w.take();
}

}  // namespace observer
