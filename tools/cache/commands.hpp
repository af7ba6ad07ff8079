// The commands of cache: each asks the node and prints.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tools/common/tool.hpp"

namespace cache {

/// How an entry is put, as it was typed.
struct put_words {
    std::string ttl, stale;
    std::vector<std::string> tags;
};

/// Limits as they were typed; empty: they stay as they are.
struct limit_words {
    std::string max_entries, max_bytes, policy, ttl;

    [[nodiscard]] bool any() const {
        return !max_entries.empty() || !max_bytes.empty() || !policy.empty() || !ttl.empty();
    }
};

/// Milliseconds of a duration, rounded up. Throws a failure with exit 2 that names the option.
[[nodiscard]] std::int64_t duration_ms(std::string_view option, const std::string& text);
/// Adds `ttl_ms`, `stale_ms` and `tags` to the parameters of a request.
void add_put_words(nlohmann::json& params, const put_words& words);

/// `value` may be `-`: what stdin holds, byte for byte.
beam::tool::exit_code put(beam::client& node, const std::string& key, std::string value,
                          const put_words& words);
/// `raw`: the value's bytes and no newline. Words of how an entry is put are a mistake.
beam::tool::exit_code get(beam::client& node, const std::string& key, bool raw,
                          const put_words& words);
beam::tool::exit_code get_or_run(beam::client& node, const std::string& key, bool raw,
                                 const std::string& command, const put_words& words);
beam::tool::exit_code del(beam::client& node, const std::string& key, const std::string& tag);
beam::tool::exit_code ttl(beam::client& node, const std::string& key);
beam::tool::exit_code touch(beam::client& node, const std::string& key, const std::string& ttl);
/// Lines of stdin: a key, and what stands behind the first space or tab.
beam::tool::exit_code load(beam::client& node, const put_words& words, const limit_words& bounds);
beam::tool::exit_code flush(beam::client& node);
beam::tool::exit_code limits(beam::client& node, const limit_words& words);
beam::tool::exit_code stats(beam::client& node);
beam::tool::exit_code explain(beam::client& node, const std::string& key);
beam::tool::exit_code keys(beam::client& node, const std::string& pattern);

/// Sets limits that were typed with another command.
void set_limits(beam::client& node, const limit_words& words);
/// Prints a value: with a newline, or its bytes alone.
void print_value(beam::client& node, const std::string& key, const std::string& value, bool raw,
                 const nlohmann::json& more);

}  // namespace cache
