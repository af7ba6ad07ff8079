// Words with commas between, as a coordinator's endpoints are said to the tool and by a node's environment.
#pragma once

#include <algorithm>
#include <string>
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

[[nodiscard]] inline std::string comma_list(const std::vector<std::string>& words) {
    std::string all;
    for (const std::string& w : words) all += (all.empty() ? "" : ",") + w;
    return all;
}

}  // namespace kv
