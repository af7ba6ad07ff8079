// Memory for what grows with the number of processes: zeroed, and given back only all at once.
//
// What is asked for is cut from pieces of 128 KiB; after the first megabytes from huge pages of 2 MiB, which are
// made in one fault instead of 512 and looked up in one entry of the TLB (start_child: 568 ns without, 405
// with; timer_set 75, 67; hub_death 38, 34 ms). malloc enlarges the heap of a thread by a system call for
// each 4 KiB.
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
    std::size_t mapped_ = 0;
};

}  // namespace beam::detail
