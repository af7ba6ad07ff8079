#include "tools/presence/app/watching.hpp"

#include <memory>
#include <string>

#include "tests/support/simulated.hpp"

using namespace beam;
using namespace presence;

namespace {

tracker::presence entry(const char* user, std::uint64_t counter, const char* node = "a@h",
                        const char* session = "web") {
    tracker::presence p;
    p.key = user;
    p.session = session;
    p.meta = beam::map({});
    p.ref = {atom(node), 1, counter};
    return p;
}

tracker::news news(std::vector<tracker::presence> joins, std::vector<tracker::presence> leaves,
                   bool whole = false) {
    auto d = std::make_shared<tracker::topic_diff>();
    d->joins = std::move(joins);
    d->leaves = std::move(leaves);
    tracker::news n;
    n.whole = whole;
    n.topics.push_back(std::move(d));
    return n;
}

/// `join ann, leave bob`
std::string told(watching& w, const tracker::news& n) {
    std::string text;
    for (const term& event : w.take(n))
        text += (text.empty() ? "" : ", ") +
                std::string(*event.map_find(atom("event"))->as_text()) + " " +
                std::string(*event.map_find(atom("user"))->as_text());
    return text;
}

}  // namespace

TEST_CASE("a watcher is told who is here, and then who comes, changes and goes") {
    test::simulated([](self) -> awaitable<void> {
        watching w;
        CHECK(told(w, news({entry("ann", 1), entry("bob", 2)}, {}, true)) == "here ann, here bob");
        CHECK(told(w, news({entry("eve", 3)}, {})) == "join eve");
        CHECK(told(w, news({entry("ann", 4)}, {entry("ann", 1)})) == "update ann");
        CHECK(told(w, news({}, {entry("bob", 2)})) == "leave bob");
        // The same session on another node is another one.
        CHECK(told(w, news({entry("eve", 9, "b@h")}, {entry("eve", 3)})) == "leave eve, join eve");
        co_return;
    });
}

TEST_CASE("after a restart of the tracker a watcher is told what is different, and nothing twice") {
    test::simulated([](self) -> awaitable<void> {
        watching w;
        (void)w.take(news({entry("ann", 1), entry("bob", 2)}, {}, true));
        (void)w.take(news({entry("eve", 3)}, {}));
        CHECK(told(w, news({entry("ann", 1), entry("dan", 5)}, {}, true)) ==
              "join dan, leave bob, leave eve");
        CHECK(told(w, news({entry("bob", 6)}, {})) == "join bob");
        CHECK(told(w, news({entry("ann", 1), entry("dan", 5), entry("bob", 6)}, {}, true)) == "");
        co_return;
    });
}
