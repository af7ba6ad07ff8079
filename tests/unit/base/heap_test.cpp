#include "libbeamcore/base/heap.hpp"

#include <doctest/doctest.h>

#include <string>

TEST_CASE("the heap counts what is taken, and goes on after it gave back what is free") {
    const auto before = beam::count_heap();
    std::string large(std::size_t{8} << 20, 'x');
    const auto with = beam::count_heap();
    CHECK(large.back() == 'x');
// A sanitizer's heap does not count for others.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    CHECK(with.used >= before.used + large.size());
    CHECK(with.taken >= with.used);
#endif
    large = std::string();
    beam::return_free_memory();
    CHECK(beam::count_heap().used <= with.used);
}
