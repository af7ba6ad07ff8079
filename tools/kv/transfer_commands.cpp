// export and import: keys and values as JSON lines, `{"key":K,"value":V,"expires_ms":N}`; bytes that are no UTF-8 as
// {"$b64":...}. `expires_ms` is wall time.
#include <iostream>
#include <nlohmann/json.hpp>
#include <utility>

#include "tools/common/bytes_json.hpp"
#include "tools/common/progress.hpp"
#include "tools/kv/commands.hpp"
#include "tools/kv/importer.hpp"

namespace kv::client {

using beam::client;
using beam::tool::bytes_json;
using beam::tool::exit_code;
using beam::tool::failure;
using nlohmann::json;

exit_code export_keys(client& node, const std::string& prefix) {
    auto& common = *node.common();
    beam::tool::progress progress(node.common(), "exported", "keys");
    std::uint64_t exported = 0;
    const auto on_item = [&](const json& page) {
        for (const json& item : page.at("items")) {
            if (!common.quiet) common.out.write(export_line(item).dump() + "\n");
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
