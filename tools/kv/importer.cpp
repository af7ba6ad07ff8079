#include "tools/kv/importer.hpp"

#include <utility>

#include "tools/common/json_line.hpp"
#include "tools/kv/lines.hpp"

namespace kv::client {

using beam::client;
using beam::tool::exit_code;
using beam::tool::failure;
using nlohmann::json;

namespace {

// A request's line in the control protocol has at most 1 MiB.
constexpr std::size_t entries_a_request = 500;
constexpr std::size_t bytes_a_request = 256 << 10;

}  // namespace

json export_line(const json& item) {
    json line = {{"key", item.at("key")}, {"value", item.at("value")}};
    if (item.contains("expires_ms")) line["expires_ms"] = item.at("expires_ms");
    return line;
}

importer::importer(client& node, std::uint64_t all)
    : node_(node), progress_(node.common(), "imported", "keys", all) {}

void importer::line(const std::string& text, std::uint64_t number) {
    if (text.find_first_not_of(" \t\r") == std::string::npos) return;
    auto entry = beam::tool::parse_line(text);
    if (!entry || !entry->is_object() || !entry->contains("key") || !entry->contains("value"))
        bad_line(number, "is no JSON object with key and value");
    if (bytes_ + text.size() > bytes_a_request && !entries_.empty()) send();
    if (entries_.empty()) first_line_ = number;
    entries_.push_back(*std::move(entry));
    bytes_ += text.size();
    if (entries_.size() >= entries_a_request) send();
}

void importer::send() {
    if (entries_.empty()) return;
    const std::size_t n = entries_.size();
    json params = {{"entries", std::exchange(entries_, json::array())}};
    bytes_ = 0;
    try {
        params = checked(std::move(params));
        add_timeout(node_, params);
        (void)node_.ask("kv.load", params);
    } catch (failure& error) {
        error.next = "kv import --from-line " + std::to_string(first_line_);
        throw;
    }
    imported_ += n;
    progress_.at(imported_);
}

void importer::bad_line(std::uint64_t number, const std::string& what) {
    send();
    throw failure(exit_code::bad_data,
                  "line " + std::to_string(number) + " " + what + "; the " +
                      std::to_string(imported_) + " keys before it are imported",
                  "kv import --from-line " + std::to_string(number));
}

}  // namespace kv::client
