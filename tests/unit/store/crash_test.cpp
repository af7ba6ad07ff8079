// The OS process is killed in the middle of writing: what it acknowledged is there.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>

#include "libbeamcore/base/unique_fd.hpp"
#include "libbeamcore/runtime/exit.hpp"
#include "libbeamcore/runtime/send.hpp"
#include "tests/unit/store/world.hpp"

using namespace beam;

namespace {

bool say_acknowledged(const std::string& key) {
    const std::string line = key + "\n";
    return ::write(1, line.data(), line.size()) == ssize_t(line.size());
}

store::open_options options() {
    store::open_options o;
    if (const char* ms = std::getenv("BEAM_TEST_SYNC_INTERVAL"))
        o.sync_interval = std::chrono::milliseconds(std::atoi(ms));
    return o;
}

// Sixteen batches at any time, every third of them lazy, answered by messages.
process many_under_way(self me, pid kept, std::string name) {
    for (std::uint64_t asked = 0, answered = 0;;) {
        for (; asked < answered + 16; ++asked) {
            const std::string key = name + "-" + std::to_string(asked);
            store::batch b;
            b.put(key, std::string(100, 'n')).in("index").put(key, "");
            if (asked % 3 == 0) b.lazy();
            store::notify_write(kept, std::move(b), me.id(), asked);
        }
        const auto answer = co_await me.receive<store::written>();
        if (!answer.error.empty() || answer.tag != answered) exit(atom("wrong_answer"));
        if (!say_acknowledged(name + "-" + std::to_string(answered))) co_return;
        ++answered;
    }
}

}  // namespace

// Writes for ever; says each key on stdout when it was acknowledged.
TEST_CASE("helper: write until killed" * doctest::skip()) {
    const std::string path = std::getenv("BEAM_TEST_STORE");
    const std::string life = std::getenv("BEAM_TEST_LIFE");
    test::in_node(
        [](self self, std::string p, std::string prefix) -> awaitable<void> {
            const pid s = test::start(p, options());
            for (int w = 0; w < 5; ++w)
                spawn_link(many_under_way, s, prefix + "-n" + std::to_string(w));
            for (int w = 0; w < 20; ++w)
                spawn_link(
                    [](beam::self, pid kept, std::string name) -> process {
                        for (int i = 0;; ++i) {
                            const std::string key = name + std::to_string(i);
                            store::batch b;
                            b.put(key, std::string(100 + i % 5000, 'c')).in("index").put(key, "");
                            auto r = co_await store::write(kept, std::move(b));
                            if (!r) co_return;
                            if (!say_acknowledged(key)) co_return;
                        }
                    },
                    s, prefix + "-" + std::to_string(w) + "-");
            (void)co_await self.receive<int>();
        },
        path, life);
}

static void kill_while_writing() {
    test::folder dir;
    std::vector<std::string> acknowledged;
    for (int life = 0; life < 5; ++life) {
        int fds[2];
        REQUIRE(::pipe(fds) == 0);
        const pid_t child = ::fork();
        REQUIRE(child >= 0);
        if (child == 0) {
            ::dup2(fds[1], 1);
            ::close(fds[0]);
            ::close(fds[1]);
            ::setenv("BEAM_TEST_STORE", (dir / "store").c_str(), 1);
            ::setenv("BEAM_TEST_LIFE", ("life" + std::to_string(life)).c_str(), 1);
            ::execl("/proc/self/exe", "unit_store", "--no-skip",
                    "--test-case=helper: write until killed", nullptr);
            ::_exit(127);
        }
        ::close(fds[1]);
        FILE* acks = ::fdopen(fds[0], "r");
        char line[256];
        // Killed in the middle of work, after a different number of acknowledgements each time.
        for (int n = 0; std::fgets(line, sizeof line, acks); ++n) {
            std::string key(line);
            if (key.empty() || key.back() != '\n' || key.substr(0, 4) != "life") continue;
            key.pop_back();
            acknowledged.push_back(key);
            if (n == 100 + 37 * life) ::kill(child, SIGKILL);
        }
        std::fclose(acks);
        int status = 0;
        REQUIRE(::waitpid(child, &status, 0) == child);
        REQUIRE(WIFSIGNALED(status));
    }
    CHECK(acknowledged.size() > 500);
    test::in_node([&](self) -> awaitable<void> {
        const pid s = test::start(dir / "store", options());
        CHECK(store::info(s)->loss.empty());
        int missing = 0;
        for (const auto& key : acknowledged)
            if (!store::get(s, key)->has_value()) ++missing;
        CHECK(missing == 0);
        const store::database index(s, "index");
        CHECK(store::count(s) == store::count(index));
        CHECK(*store::count(s) >= acknowledged.size());
        co_return;
    });
}

STORE_TEST("kill -9 in the middle of writing loses no acknowledged write, and half a batch never") {
    kill_while_writing();
}

TEST_CASE("RocksDB: nor does it with a sync interval, between two syncs or in one") {
    for (const char* interval : {"3600000", "5"}) {
        CAPTURE(interval);
        ::setenv("BEAM_TEST_SYNC_INTERVAL", interval, 1);
        test::run_with("rocksdb", kill_while_writing);
        ::unsetenv("BEAM_TEST_SYNC_INTERVAL");
    }
}
