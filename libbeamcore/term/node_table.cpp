#include "libbeamcore/term/node_table.hpp"

#include <atomic>
#include <mutex>
#include <stdexcept>
#include <unordered_map>

#include "libbeamcore/term/atoms.hpp"

namespace beam {
namespace {

constexpr std::size_t segment_size = 256;
constexpr std::size_t nodes_max = 1'048'576;

// Entries are written once and published by `count_` (release), which readers load first (acquire).
class table {
public:
    node_identity at(std::uint32_t index) const noexcept {
        if (index == 0 || index > count_.load(std::memory_order_acquire))
            return {atoms::nonode_at_nohost, 0};
        const auto* s = segments_[(index - 1) / segment_size].load(std::memory_order_relaxed);
        return s[(index - 1) % segment_size];
    }

    std::optional<std::uint32_t> find(const node_identity& node) noexcept {
        std::lock_guard lock(mutex_);
        auto found = indices_.find(key(node));
        if (found == indices_.end()) return {};
        return found->second;
    }

    std::uint32_t enter(const node_identity& node) {
        std::lock_guard lock(mutex_);
        auto [found, is_new] = indices_.try_emplace(key(node), 0);
        if (!is_new) return found->second;
        auto index = count_.load(std::memory_order_relaxed);
        if (index == nodes_max) {
            indices_.erase(found);
            throw std::length_error("system_limit: the node table is full");
        }
        auto& segment = segments_[index / segment_size];
        if (!segment.load(std::memory_order_relaxed))
            segment.store(new node_identity[segment_size], std::memory_order_relaxed);
        segment.load(std::memory_order_relaxed)[index % segment_size] = node;
        count_.store(index + 1, std::memory_order_release);
        return found->second = index + 1;
    }

private:
    static std::uint64_t key(const node_identity& node) noexcept {
        return std::uint64_t(node.name.index()) << 32 | node.creation;
    }

    std::mutex mutex_;
    std::unordered_map<std::uint64_t, std::uint32_t> indices_;
    std::atomic<std::uint32_t> count_ = 0;
    std::atomic<node_identity*> segments_[nodes_max / segment_size] = {};
};

// Never destroyed, as the atoms.
table& nodes() noexcept {
    static auto* made = new table;
    return *made;
}

}  // namespace

std::uint32_t node_index(const node_identity& node) {
    return nodes().enter(node);
}

std::optional<std::uint32_t> existing_node_index(const node_identity& node) noexcept {
    return nodes().find(node);
}

node_identity node_at(std::uint32_t index) noexcept {
    return nodes().at(index);
}

}  // namespace beam
