#include "libbeamcore/store/internal/lmdb/page_check.hpp"

#include <fcntl.h>
#include <lmdb.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <optional>
#include <vector>

#include "libbeamcore/base/unique_fd.hpp"
#include "libbeamcore/store/internal/failure.hpp"

namespace beam::store::detail {

namespace {

// What lies where, from LMDB 0.9's mdb.c (MDB_page, MDB_node, MDB_db, MDB_meta), on 64 bit little endian.
constexpr std::size_t header_size = 16, node_size = 8, record_size = 48;
constexpr std::uint16_t branch_page = 1, leaf_page = 2, overflow_page = 4, meta_page = 8;
constexpr std::uint16_t kind_mask = branch_page | leaf_page | overflow_page | meta_page;
constexpr std::uint16_t big_data = 1, sub_database = 2, duplicates = 4;
constexpr std::uint64_t no_page = ~std::uint64_t{0};
constexpr unsigned depth_max = 32;  // CURSOR_STACK

using page_bytes = std::vector<char>;

template <class T>
T read_at(const char* at) {
    T value;
    std::memcpy(&value, at, sizeof value);
    return value;
}

struct database_record {
    std::uint16_t flags, depth;
    std::uint64_t root;

    static database_record at(const char* p) {
        return {read_at<std::uint16_t>(p + 4), read_at<std::uint16_t>(p + 6),
                read_at<std::uint64_t>(p + 40)};
    }
};

struct meta {
    std::uint32_t page_size;
    database_record free, names;
    std::uint64_t last_page, transaction;
};

struct damage {
    std::uint64_t page;
    const char* what;
};

class reader {
public:
    reader(int fd, std::uint64_t size) : fd_(fd), size_(size) {}

    [[nodiscard]] std::optional<meta> read_meta(std::uint64_t offset) const {
        std::array<char, header_size + 24 + 2 * record_size + 16> b{};
        if (::pread(fd_, b.data(), b.size(), off_t(offset)) != ssize_t(b.size())) return {};
        const char* m = b.data() + header_size;
        if ((read_at<std::uint16_t>(b.data() + 10) & meta_page) == 0) return {};
        if (read_at<std::uint32_t>(m) != 0xBEEFC0DE) return {};
        const char* databases = m + 24;
        return meta{read_at<std::uint32_t>(databases), database_record::at(databases),
                    database_record::at(databases + record_size),
                    read_at<std::uint64_t>(databases + 2 * record_size),
                    read_at<std::uint64_t>(databases + 2 * record_size + 8)};
    }

    std::optional<damage> check(const meta& m) {
        page_size_ = m.page_size;
        last_ = m.last_page;
        seen_.assign(size_ / page_size_ + 1, false);
        if (auto d = walk(m.names, tree::names)) return d;
        if (auto d = walk(m.free, tree::free)) return d;
        for (const auto page : free_) {
            if (page < 2 || page > last_) return damage{page, "is free, and not in the file"};
            if (page < seen_.size() && seen_[page]) return damage{page, "is free, and in use"};
        }
        return {};
    }

private:
    enum class tree { names, values, free };

    /// The pages are in the file, and nobody else's.
    std::optional<damage> claim(std::uint64_t page, std::uint64_t count) {
        const std::uint64_t whole = size_ / page_size_;
        if (page < 2 || page > last_ || page >= whole || count > whole - page)
            return damage{page, "is not in the file"};
        for (std::uint64_t i = page; i < page + count; ++i) {
            if (seen_[i]) return damage{i, "is led to twice"};
            seen_[i] = true;
        }
        return {};
    }

    /// The page is read, or its damage is told.
    std::optional<damage> load(std::uint64_t page, std::uint64_t count, page_bytes& into) {
        if (auto d = claim(page, count)) return d;
        if (::pread(fd_, into.data(), page_size_, off_t(page * page_size_)) != ssize_t(page_size_))
            return damage{page, "cannot be read"};
        if (read_at<std::uint64_t>(into.data()) != page)
            return damage{page, "has another's number"};
        return {};
    }

    std::optional<damage> walk(const database_record& db, tree what) {
        if (db.root == no_page) return {};
        if (db.depth == 0 || db.depth > depth_max) return damage{db.root, "is a root of no depth"};
        return walk(db.root, db.depth, what);
    }

    std::optional<damage> walk(std::uint64_t number, unsigned depth, tree what) {
        page_bytes page(page_size_);
        if (auto d = load(number, 1, page)) return d;
        const bool is_leaf = depth == 1;
        const auto kind = read_at<std::uint16_t>(page.data() + 10) & kind_mask;
        if (kind != (is_leaf ? leaf_page : branch_page))
            return damage{number, "is of another kind"};
        const auto lower = read_at<std::uint16_t>(page.data() + 12);
        const auto upper = read_at<std::uint16_t>(page.data() + 14);
        if (lower < header_size || lower % 2 != 0 || lower > upper || upper > page_size_)
            return damage{number, "has bounds that are none"};
        const unsigned count = (lower - header_size) / 2;
        // LMDB asserts it of all but its own list of free pages.
        if (what != tree::free && count < (is_leaf ? 1U : 2U)) return damage{number, "is empty"};
        for (unsigned i = 0; i < count; ++i) {
            const std::size_t at = read_at<std::uint16_t>(page.data() + header_size + 2 * i);
            if (at < upper || at + node_size > page_size_)
                return damage{number, "has an entry outside itself"};
            const char* node = page.data() + at;
            const std::size_t room = page_size_ - at - node_size;
            const auto key_size = read_at<std::uint16_t>(node + 6);
            if (key_size > room) return damage{number, "has a key that does not end"};
            const auto low = read_at<std::uint16_t>(node), high = read_at<std::uint16_t>(node + 2);
            const auto flags = read_at<std::uint16_t>(node + 4);
            const std::uint64_t value = low | std::uint64_t(high) << 16;
            const auto d = is_leaf ? look_at_value(number, node + node_size + key_size,
                                                   room - key_size, value, flags, what)
                                   : walk(value | std::uint64_t(flags) << 32, depth - 1, what);
            if (d) return d;
        }
        return {};
    }

    std::optional<damage> look_at_value(std::uint64_t page, const char* data, std::size_t room,
                                        std::uint64_t size, std::uint16_t flags, tree what) {
        page_bytes large;
        if ((flags & big_data) != 0) {
            if (room < 8) return damage{page, "has a value that does not end"};
            const auto first = read_at<std::uint64_t>(data);
            const std::uint64_t pages = (header_size - 1 + size) / page_size_ + 1;
            large.resize(page_size_);
            if (auto d = load(first, pages, large)) return d;
            // More than it takes: it was larger before, in the same transaction.
            const auto had = read_at<std::uint32_t>(large.data() + 12);
            if ((read_at<std::uint16_t>(large.data() + 10) & kind_mask) != overflow_page ||
                had < pages)
                return damage{first, "is no large value"};
            if (had > pages) {
                if (auto d = claim(first + pages, had - pages)) return d;
            }
            if (what != tree::free) return {};
            large.resize(pages * page_size_);
            const auto bytes = ssize_t(large.size());
            if (::pread(fd_, large.data(), large.size(), off_t(first * page_size_)) != bytes)
                return damage{first, "cannot be read"};
            data = large.data() + header_size;
        } else if (size > room) {
            return damage{page, "has a value that does not end"};
        }
        if (what == tree::free) return look_at_free_pages(page, data, size);
        if (what != tree::names || (flags & sub_database) == 0) return {};
        if (size != record_size) return damage{page, "has a database that is none"};
        const auto db = database_record::at(data);
        if ((db.flags & duplicates) != 0) return {};  // no database of ours
        return walk(db, tree::values);
    }

    // A count, and as many pages.
    std::optional<damage> look_at_free_pages(std::uint64_t page, const char* data,
                                             std::uint64_t size) {
        const auto count = size < 8 ? no_page : read_at<std::uint64_t>(data);
        if (count > size / 8 - 1) return damage{page, "has a list that does not end"};
        for (std::uint64_t i = 1; i <= count; ++i)
            free_.push_back(read_at<std::uint64_t>(data + 8 * i));
        return {};
    }

    int fd_;
    std::uint64_t size_;
    std::uint64_t page_size_ = 0;
    std::uint64_t last_ = 0;
    std::vector<bool> seen_;
    std::vector<std::uint64_t> free_;
};

}  // namespace

result<void> check_pages(const std::string& file) {
    unique_fd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
    struct stat s {};
    if (!fd || ::fstat(fd.get(), &s) != 0) {
        if (errno == ENOENT) return {};
        return failed(errno, file);
    }
    reader r(fd.get(), std::uint64_t(s.st_size));
    const auto first = r.read_meta(0);
    if (!first || first->page_size < 512 || first->page_size > 65536) return {};
    const auto second = r.read_meta(first->page_size);
    if (!second || second->page_size != first->page_size) return {};
    const auto& newest = second->transaction > first->transaction ? *second : *first;
    const auto found = r.check(newest);
    if (!found) return {};
    return fail("corrupt", file + ": page " + std::to_string(found->page) + " " + found->what);
}

}  // namespace beam::store::detail
