// Mailboxes in bad weather, over many seeds: nothing is lost, shown twice or out of order, and each rule is needed.
#include <doctest/doctest.h>

#include <optional>
#include <string>

#include "mailbox_world.hpp"
#include "tests/support/simulated.hpp"

using namespace test;

namespace {

// As many as a test may take.
std::uint64_t seeds() {
#ifdef NDEBUG
    return 1000 * seed_count();
#else
    return 50 * seed_count();
#endif
}

std::optional<std::string> run_world(std::uint64_t seed, const notice_rules& r) {
    try {
        mailbox_world world(seed, r);
        world.run();
        return {};
    } catch (const broken& b) {
        return b.what();
    }
}

/// The first seed that fails without that rule.
template <class Break>
std::uint64_t first_failing(Break without) {
    notice_rules r;
    without(r);
    for (std::uint64_t seed = 1; seed <= 100; ++seed) {
        const auto failed = run_world(seed, r);
        if (!failed) continue;
        MESSAGE(*failed);
        return seed;
    }
    return 0;
}

}  // namespace

TEST_CASE("notices are acknowledged once, none lost, shown once and in order, whatever dies") {
    for (std::uint64_t seed = 1; seed <= seeds(); ++seed) {
        const auto failed = run_world(seed, {});
        REQUIRE_MESSAGE(!failed, *failed);
    }
}

TEST_CASE("a mailbox that does not send again is found out") {
    CHECK(first_failing([](notice_rules& r) { r.mailbox.send_again = false; }) > 0);
}
TEST_CASE("a mailbox that sends newcomers only what is new is found out") {
    CHECK(first_failing([](notice_rules& r) { r.mailbox.newcomers_get_all = false; }) > 0);
}
TEST_CASE("a mailbox that closes what is closed is found out") {
    CHECK(first_failing([](notice_rules& r) { r.mailbox.close_once = false; }) > 0);
}
TEST_CASE("an owner that tells before it has written is found out") {
    CHECK(first_failing([](notice_rules& r) { r.write_first = false; }) > 0);
}
TEST_CASE("an owner that does not know what a sender has sent is found out") {
    CHECK(first_failing([](notice_rules& r) { r.know_senders = false; }) > 0);
}
TEST_CASE("a reader that takes what comes over a gap is found out") {
    CHECK(first_failing([](notice_rules& r) { r.wait_for_gaps = false; }) > 0);
}
TEST_CASE("a reader that does not know what it has shown is found out") {
    CHECK(first_failing([](notice_rules& r) { r.know_repeats = false; }) > 0);
}
