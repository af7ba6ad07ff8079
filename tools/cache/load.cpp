// cache load: many entries, from stdin.
#include <nlohmann/json.hpp>

#include "tools/cache/commands.hpp"
#include "tools/cache/transfer.hpp"
#include "tools/common/failure.hpp"

namespace cache {

using beam::client;
using beam::tool::exit_code;
using beam::tool::failure;
using nlohmann::json;

namespace {

// A request's line in the control protocol has at most 1 MiB.
constexpr std::size_t entries_a_request = 500;
constexpr std::size_t bytes_a_request = 96 << 10;
constexpr std::size_t line_max = 96 << 10;

class loader {
public:
    loader(client& node, json params) : node_(node), params_(std::move(params)) {}

    void line(std::string_view text) {
        ++line_;
        if (text.empty()) return;
        if (text.size() > line_max)
            throw failure(exit_code::bad_data,
                          "line " + std::to_string(line_) + " has more than 98304 bytes",
                          "cache put KEY - <FILE");
        const auto end = text.find_first_of(" \t");
        const std::string_view key = text.substr(0, end);
        if (key.empty())
            throw failure(exit_code::bad_data,
                          "line " + std::to_string(line_) + " begins with a blank: it has no key");
        const std::string_view value = end == std::string_view::npos ? key : text.substr(end + 1);
        entries_.push_back({{"key", bytes_json(key)}, {"value", bytes_json(value)}});
        bytes_ += text.size();
        if (entries_.size() >= entries_a_request || bytes_ >= bytes_a_request) send();
    }
    void send() {
        if (entries_.empty()) return;
        json params = params_;
        loaded_ += entries_.size();
        params["entries"] = std::exchange(entries_, json::array());
        bytes_ = 0;
        node_.ask("cache.load", params);
    }
    [[nodiscard]] std::uint64_t loaded() const { return loaded_; }

private:
    client& node_;
    json params_;
    json entries_ = json::array();
    std::size_t bytes_ = 0;
    std::uint64_t line_ = 0;
    std::uint64_t loaded_ = 0;
};

}  // namespace

exit_code load(client& node, const put_words& words, const limit_words& bounds) {
    json params = json::object();
    add_put_words(params, words);
    set_limits(node, bounds);
    loader all(node, std::move(params));
    std::string rest;
    char buffer[65536];
    while (std::size_t n = std::fread(buffer, 1, sizeof buffer, stdin)) {
        rest.append(buffer, n);
        std::size_t begin = 0;
        for (std::size_t end; (end = rest.find('\n', begin)) != std::string::npos; begin = end + 1)
            all.line(std::string_view(rest).substr(begin, end - begin));
        rest.erase(0, begin);
        if (rest.size() > line_max) all.line(rest);  // which says that it is too long
    }
    if (std::ferror(stdin)) throw failure(exit_code::io_error, "cannot read stdin");
    all.line(rest);
    all.send();
    node.common()->print("loaded=" + std::to_string(all.loaded()), json{{"loaded", all.loaded()}});
    return exit_code::done;
}

}  // namespace cache
