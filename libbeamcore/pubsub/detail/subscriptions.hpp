// subscriptions: who is told of which topic.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

#include "libbeamcore/term/term.hpp"

namespace beam::tracker {

class subscriptions {
public:
    using id = std::uint64_t;

    /// Without a topic: all of them.
    void add(id subscriber, std::optional<term> topic) {
        list_of(topic).push_back(subscriber);
        topics_.insert_or_assign(subscriber, std::move(topic));
    }

    bool remove(id subscriber) {
        auto found = topics_.find(subscriber);
        if (found == topics_.end()) return false;
        auto& list = list_of(found->second);
        list.erase(std::find(list.begin(), list.end(), subscriber));
        if (found->second && list.empty()) by_topic_.erase(*found->second);
        topics_.erase(found);
        return true;
    }

    [[nodiscard]] bool wants(const term& topic) const {
        return !all_.empty() || by_topic_.contains(topic);
    }

    [[nodiscard]] const std::vector<id>& of_all() const { return all_; }
    [[nodiscard]] const std::vector<id>* of(const term& topic) const {
        auto found = by_topic_.find(topic);
        return found == by_topic_.end() ? nullptr : &found->second;
    }

private:
    std::vector<id>& list_of(const std::optional<term>& topic) {
        return topic ? by_topic_[*topic] : all_;
    }

    std::vector<id> all_;
    std::unordered_map<term, std::vector<id>> by_topic_;
    std::unordered_map<id, std::optional<term>> topics_;
};

}  // namespace beam::tracker
