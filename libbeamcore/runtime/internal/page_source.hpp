// Memory for what grows with the number of processes: zeroed, and given back only all at once.
//
// What is asked for is cut from pieces of 128 KiB. malloc enlarges the heap of a thread by a system call for
// each 4 KiB (start_child: 1147 ns with it, 1075 so; timer_set: 177, 157). Huge pages were no faster.
#pragma once

#include <cstddef>
#include <vector>

namespace beam::detail {

class page_source {
public:
    page_source() = default;
    page_source(const page_source&) = delete;
    page_source& operator=(const page_source&) = delete;
    ~page_source();

    /// Aligned to 64 bytes; throws std::bad_alloc. Not by two threads at once.
    [[nodiscard]] void* take(std::size_t bytes);

private:
    struct piece {
        char* begin;
        std::size_t size;
    };
    void add_piece(std::size_t at_least);

    std::vector<piece> pieces_;
    char* free_ = nullptr;
    std::size_t left_ = 0;
};

}  // namespace beam::detail
