#include "libbeamcore/base/unique_fd.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>

#include <utility>

using beam::unique_fd;

namespace {

bool is_open(int fd) {
    return ::fcntl(fd, F_GETFD) != -1;
}

unique_fd open_null() {
    return unique_fd{::open("/dev/null", O_RDONLY | O_CLOEXEC)};
}

}  // namespace

TEST_CASE("a descriptor is closed when its owner goes") {
    int fd = -1;
    {
        auto owner = open_null();
        REQUIRE(owner);
        fd = owner.get();
        CHECK(is_open(fd));
    }
    CHECK_FALSE(is_open(fd));
}

TEST_CASE("moving hands a descriptor over and closes the one it replaces") {
    auto a = open_null();
    auto b = open_null();
    int of_a = a.get(), of_b = b.get();
    b = std::move(a);
    CHECK(b.get() == of_a);
    CHECK(is_open(of_a));
    CHECK_FALSE(is_open(of_b));
    unique_fd c{std::move(b)};
    CHECK(c.get() == of_a);
    CHECK(is_open(of_a));
}

TEST_CASE("release gives the descriptor away") {
    auto owner = open_null();
    unique_fd other{owner.release()};
    CHECK_FALSE(owner);
    CHECK(is_open(other.get()));
    other.reset();
    CHECK_FALSE(other);
}
