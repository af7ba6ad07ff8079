// export and import: keys and values as JSON lines, `{"key":K,"value":V,"expires_ms":N}`; bytes that are no UTF-8 as
// {"$b64":...}. `expires_ms` is wall time.
#include <iostream>
#include <nlohmann/json.hpp>
#include <utility>

#include "tools/common/bytes_json.hpp"
#include "tools/common/json_line.hpp"
#include "tools/common/progress.hpp"
#include "tools/kv/commands.hpp"
#include "tools/kv/lines.hpp"

namespace kv::client {

using beam::client;
using beam::tool::bytes_json;
using beam::tool::exit_code;
using beam::tool::failure;
using nlohmann::json;

namespace {

// A request's line in the control protocol has at most 1 MiB.
constexpr std::size_t entries_a_request = 500;
constexpr std::size_t bytes_a_request = 256 << 10;

class importer {
public:
    explicit importer(client& node) : node_(node), progress_(node.common(), "imported", "keys") {}

    /// Throws a failure that says which line is wrong, and how many keys are in already.
    void line(const std::string& text, std::uint64_t number) {
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
    void send() {
        if (entries_.empty()) return;
        const std::size_t n = entries_.size();
        json params = {{"entries", std::exchange(entries_, json::array())}};
        bytes_ = 0;
        add_timeout(node_, params);
        node_.set_deadline(node_.common()->until());
        try {
            (void)node_.ask("kv.load", checked(std::move(params)));
        } catch (failure& error) {
            error.next = "kv import --from-line " + std::to_string(first_line_);
            throw;
        }
        imported_ += n;
        progress_.at(imported_);
    }
    [[nodiscard]] std::uint64_t imported() const { return imported_; }

private:
    [[noreturn]] void bad_line(std::uint64_t number, const std::string& what) {
        send();
        throw failure(exit_code::bad_data,
                      "line " + std::to_string(number) + " " + what + "; the " +
                          std::to_string(imported_) + " keys before it are imported",
                      "kv import --from-line " + std::to_string(number));
    }

    client& node_;
    beam::tool::progress progress_;
    json entries_ = json::array();
    std::size_t bytes_ = 0;
    std::uint64_t first_line_ = 1, imported_ = 0;
};

}  // namespace

exit_code export_keys(client& node, const std::string& prefix) {
    auto& common = *node.common();
    beam::tool::progress progress(node.common(), "exported", "keys");
    std::uint64_t exported = 0;
    const auto on_item = [&](const json& page) {
        for (const json& item : page.at("items")) {
            json line = {{"key", item.at("key")}, {"value", item.at("value")}};
            if (item.contains("expires_ms")) line["expires_ms"] = item.at("expires_ms");
            if (!common.quiet) common.out.write(line.dump() + "\n");
        }
        progress.at(exported += page.at("items").size());
        return true;
    };
    (void)node.stream("kv.scan", {{"prefix", bytes_json(prefix)}}, on_item);
    common.notice("exported " + std::to_string(exported) + " keys");
    return exit_code::done;
}

exit_code import_keys(client& node, std::uint64_t from_line) {
    importer all(node);
    std::string text;
    for (std::uint64_t number = 1; std::getline(std::cin, text); ++number)
        if (number >= from_line) all.line(text, number);
    if (std::cin.bad()) throw failure(exit_code::io_error, "cannot read stdin");
    all.send();
    node.common()->print("imported=" + std::to_string(all.imported()),
                         {{"imported", all.imported()}});
    return exit_code::done;
}

}  // namespace kv::client
