#include "libbeamcore/runtime/internal/page_source.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <cstdint>
#include <new>

namespace beam::detail {

namespace {

constexpr std::size_t piece_size = 128 << 10;
constexpr std::size_t huge_page = 2 << 20;
// From here on huge pages are asked for: what a small node holds stays as small as it is.
constexpr std::size_t much = 4 << 20;

char* map(std::size_t size) {
    void* p = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED) throw std::bad_alloc();
    return static_cast<char*>(p);
}

/// Of whole huge pages, of which the kernel will make one each at the first touch if it has them.
char* map_huge(std::size_t size) {
    char* const wide = map(size + huge_page);
    const std::size_t before = (0 - reinterpret_cast<std::uintptr_t>(wide)) % huge_page;
    char* const begin = wide + before;
    if (before > 0) ::munmap(wide, before);
    ::munmap(begin + size, huge_page - before);
    (void)::madvise(begin, size, MADV_HUGEPAGE);
    return begin;
}

}  // namespace

page_source::~page_source() {
    for (const piece& p : pieces_) ::munmap(p.begin, p.size);
}

void* page_source::take(std::size_t bytes) {
    bytes = (bytes + 63) / 64 * 64;
    if (bytes > left_) add_piece(bytes);
    char* p = free_;
    free_ += bytes;
    left_ -= bytes;
    return p;
}

// What is left of the last one is lost.
void page_source::add_piece(std::size_t at_least) {
    const bool huge = mapped_ >= much;
    const std::size_t unit = huge ? huge_page : piece_size;
    const std::size_t size = (std::max(at_least, unit) + unit - 1) / unit * unit;
    pieces_.reserve(pieces_.size() + 1);
    char* p = huge ? map_huge(size) : map(size);
    pieces_.push_back({p, size});
    free_ = p;
    left_ = size;
    mapped_ += size;
}

}  // namespace beam::detail
