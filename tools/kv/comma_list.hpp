// Words with commas between, as a coordinator's endpoints are said to the tool and by a node's environment, and as nodes are named
// to people.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

namespace kv {

/// Its words, without the empty ones.
[[nodiscard]] inline std::vector<std::string> words_of(const std::string& list) {
    std::vector<std::string> all;
    for (std::size_t begin = 0; begin < list.size();) {
        const std::size_t end = std::min(list.find(',', begin), list.size());
        if (end > begin) all.push_back(list.substr(begin, end - begin));
        begin = end + 1;
    }
    return all;
}

[[nodiscard]] inline std::string joined(const std::vector<std::string>& words,
                                        std::string_view between = ",") {
    std::string all;
    for (const std::string& w : words) {
        if (!all.empty()) all += between;
        all += w;
    }
    return all;
}

}  // namespace kv
