#include "libbeamcore/runtime/internal/page_source.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <new>

namespace beam::detail {

namespace {

constexpr std::size_t piece_size = 128 << 10;

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
    const std::size_t size =
        (std::max(at_least, piece_size) + piece_size - 1) / piece_size * piece_size;
    pieces_.reserve(pieces_.size() + 1);
    void* p = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED) throw std::bad_alloc();
    pieces_.push_back({static_cast<char*>(p), size});
    free_ = static_cast<char*>(p);
    left_ = size;
}

}  // namespace beam::detail
