// A store of RocksDB that died, and copies of it whose log is not what it was.
#pragma once

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <vector>

#include "tests/unit/store/helper.hpp"

namespace test {

class killed_store {
public:
    explicit killed_store(const char* helper) {
        REQUIRE(WIFSIGNALED(run_helper(helper, dir_ / "store")));
        for (const auto& entry : std::filesystem::directory_iterator(dir_ / "store"))
            if (entry.path().extension() == ".log" && entry.file_size() > 0)
                log_ = std::max(log_, entry.path().filename().string());
        REQUIRE_FALSE(log_.empty());
        std::ifstream in(dir_ / "store/" + log_, std::ios::binary);
        content_.assign(std::istreambuf_iterator<char>(in), {});
        room_ = content_.size();
        content_.resize(content_.find_last_not_of('\0') + 1);
    }
    /// The newest log's bytes, without the room behind them.
    [[nodiscard]] const std::string& content() const { return content_; }
    [[nodiscard]] const std::string& log_name() const { return log_; }
    [[nodiscard]] std::size_t room() const { return room_; }
    [[nodiscard]] std::size_t size_at(std::size_t at) const {
        return 7 + std::size_t(static_cast<unsigned char>(content_[at + 4])) +
               256 * std::size_t(static_cast<unsigned char>(content_[at + 5]));
    }
    /// Where its records begin.
    [[nodiscard]] std::vector<std::size_t> records() const {
        constexpr std::size_t block = 32768, header = 7;
        std::vector<std::size_t> all;
        for (std::size_t at = 0; at < content_.size(); at += size_at(at)) {
            if (block - at % block < header) at = (at / block + 1) * block;
            all.push_back(at);
        }
        return all;
    }
    /// How many writes are whole in the first `size` bytes.
    [[nodiscard]] int writes_before(std::size_t size) const {
        const auto all = records();
        return int(std::count_if(all.begin(), all.end(), [&](std::size_t at) {
            const bool ends_a_write = content_[at + 6] == 1 || content_[at + 6] == 4;
            return ends_a_write && at + size_at(at) <= size;
        }));
    }

    /// A copy of the store whose log is that; its folder. The next takes its place.
    [[nodiscard]] std::string copy_with(const std::string& log, bool with_room = true) const {
        std::string copy = dir_ / "copy";
        std::filesystem::remove_all(copy);
        std::filesystem::copy(dir_ / "store", copy);
        std::ofstream(copy + "/" + log_, std::ios::binary) << log;
        if (with_room) std::filesystem::resize_file(copy + "/" + log_, room_);
        return copy;
    }
    /// How many keys a store has whose log is that. Nothing: it is refused, and the log named.
    [[nodiscard]] std::optional<std::uint64_t> keys_with(const std::string& log,
                                                         bool with_room = true) const {
        const std::string copy = copy_with(log, with_room);
        std::optional<std::uint64_t> count;
        in_node([&](beam::self) -> beam::awaitable<void> {
            auto s = beam::store::start(copy);
            if (s) {
                count = beam::store::count(*s).value();
            } else {
                CHECK(to_string(s.error()).find("corrupt") != std::string::npos);
                CHECK(to_string(s.error()).find("copy/" + log_) != std::string::npos);
            }
            co_return;
        });
        return count;
    }

private:
    folder dir_;
    std::string log_, content_;
    std::size_t room_ = 0;
};

inline std::string with_bit(std::string log, std::size_t at, unsigned bit) {
    log[at] = char(log[at] ^ char(1U << bit));
    return log;
}

/// A sector (or a page), or what of it is in the log, was not written.
inline std::string with_hole(std::string log, std::size_t at, std::size_t size = 512) {
    const std::size_t end = std::min(log.size(), (at / size + 1) * size);
    std::fill(log.begin() + std::ptrdiff_t(at), log.begin() + std::ptrdiff_t(end), '\0');
    return log;
}

}  // namespace test
