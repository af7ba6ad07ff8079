// What goes wrong with files and disks.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <random>

#include "libbeamcore/base/unique_fd.hpp"
#include "libbeamcore/runtime/runtime.hpp"
#include "tests/unit/store/helper.hpp"

using namespace beam;

namespace {

std::string code_of(const outcome<pid>& r) {
    if (r) return "ok";
    return to_string(r.error().elements()[0]);
}
std::string detail_of(const outcome<pid>& r) {
    return r ? "" : to_string(r.error().elements()[1]);
}

void fill(const std::string& path, int keys) {
    test::in_node(
        [](self, std::string p, int n) -> awaitable<void> {
            const pid s = test::start(p);
            for (int i = 0; i < n; ++i) {
                auto r = co_await store::put(s, "key" + std::to_string(i), std::string(3000, 'd'));
                CHECK(r.has_value());
            }
        },
        path, keys);
}

}  // namespace

STORE_TEST("where no folder can be, the error names it") {
    test::folder dir;
    test::in_node([&](self) -> awaitable<void> {
        auto deep = store::start_link(dir / "missing/store");
        CHECK(code_of(deep) == "enoent");
        CHECK(detail_of(deep).find("missing/store") != std::string::npos);
        std::ofstream(dir / "file") << "x";
        auto file = store::start_link(dir / "file");
        CHECK(code_of(file) == "enotdir");
        co_return;
    });
}

STORE_TEST("a folder is made for its owner alone") {
    test::folder dir;
    fill(dir / "store", 1);
    struct stat s {};
    REQUIRE(::stat((dir / "store").c_str(), &s) == 0);
    CHECK((s.st_mode & 0777) == 0700);
}

TEST_CASE("a file that is no store is refused by name, and left as it is") {
    test::folder dir;
    std::filesystem::create_directory(dir / "store");
    const std::string garbage(100'000, 'g');
    std::ofstream(dir / "store/data.mdb") << garbage;
    test::in_node([&](self) -> awaitable<void> {
        auto r = store::start_link(dir / "store");
        CHECK(code_of(r) == "corrupt");
        CHECK(detail_of(r).find("store/data.mdb") != std::string::npos);
        // It can be tried again: nothing is left open.
        CHECK(code_of(store::start_link(dir / "store")) == "corrupt");
        co_return;
    });
    std::ifstream in(dir / "store/data.mdb");
    CHECK(std::string(std::istreambuf_iterator<char>(in), {}) == garbage);
}

TEST_CASE("a file that lost its end is refused by name, unless nothing of it led there") {
    test::folder dir;
    fill(dir / "store", 50);
    // So large a value lies in one piece at the end; fewer than 20 pages can follow.
    const std::string large(50 * 4096, 'l');
    test::in_node([&](self) -> awaitable<void> {
        const pid s = test::start(dir / "store");
        auto r = co_await store::put(s, "large", large);
        CHECK(r.has_value());
    });
    const auto size = std::filesystem::file_size(dir / "store/data.mdb");
    for (const auto cut : {size / 4, size / 2, size - 20 * 4096, size - 3 * 4096, size - 4096}) {
        CAPTURE(cut);
        std::filesystem::remove_all(dir / "copy");
        std::filesystem::copy(dir / "store", dir / "copy");
        std::filesystem::resize_file(dir / "copy/data.mdb", cut);
        test::in_node([&](self) -> awaitable<void> {
            auto r = store::start_link(dir / "copy");
            if (size - cut >= 20 * 4096) REQUIRE_FALSE(r);
            if (!r) {
                CHECK(code_of(r) == "corrupt");
                CHECK(detail_of(r).find("copy/data.mdb") != std::string::npos);
                CHECK(std::filesystem::file_size(dir / "copy/data.mdb") == cut);
            } else {
                // The last pages may be ones that nothing leads to: then nothing is lost.
                CHECK((store::get(*r, "large").value() == large));
                for (int i = 0; i < 50; ++i)
                    CHECK(store::get(*r, "key" + std::to_string(i)).value() ==
                          std::string(3000, 'd'));
            }
            co_return;
        });
    }
}

TEST_CASE("a value that this layer did not write is an error, not a wrong answer") {
    test::folder dir;
    fill(dir / "store", 3);
    // Overwrites the tag of a value where it lies in the file.
    {
        std::fstream f(dir / "store/data.mdb", std::ios::in | std::ios::out | std::ios::binary);
        std::string all((std::istreambuf_iterator<char>(f)), {});
        std::size_t n = 0;
        constexpr std::size_t checksum = 4;
        for (std::size_t at = 0; (at = all.find("ddddddd", at)) != std::string::npos; ++at) {
            if (at <= checksum || all[at - checksum - 1] != 'P') continue;
            f.clear();
            f.seekp(std::streamoff(at - checksum - 1));
            f.put('?');
            ++n;
        }
        REQUIRE(n >= 3);
    }
    test::in_node([&](self) -> awaitable<void> {
        const pid s = test::start(dir / "store");
        auto r = store::get(s, "key1");
        REQUIRE_FALSE(r);
        CHECK(r.error().is("corrupt"));
        CHECK(r.error().detail.find("data.mdb") != std::string::npos);
        CHECK_FALSE(store::scan(s, {}).has_value());
        co_return;
    });
}

namespace {

constexpr std::size_t page_size = 4096;

/// What a file is overwritten with where it is damaged: the damage differs from page to page.
enum class garbage { zeros, ones, random, another_page, offsets };

void damage_pages(const std::string& file, std::size_t first, std::size_t count, garbage what,
                  unsigned seed = 1) {
    std::fstream f(file, std::ios::in | std::ios::out | std::ios::binary);
    std::mt19937 random(seed);
    std::string page(page_size, '\0');
    for (std::size_t i = first; i < first + count; ++i) {
        f.seekg(std::streamoff(i * page_size));
        f.read(page.data(), page_size);
        switch (what) {
            case garbage::zeros:
                page.assign(page_size, '\0');
                break;
            case garbage::ones:
                page.assign(page_size, '\xff');
                break;
            case garbage::random:
                for (char& c : page) c = char(random());
                break;
            case garbage::another_page:
                f.seekg(std::streamoff((i + 1) * page_size));
                f.read(page.data(), page_size);
                break;
            case garbage::offsets:  // the header stays
                for (std::size_t k = 16; k < page_size; ++k) page[k] = char(random());
                break;
        }
        f.clear();
        f.seekp(std::streamoff(i * page_size));
        f.write(page.data(), page_size);
    }
    REQUIRE(f.good());
}

constexpr int refused = 3, all_read = 4;

// Lives of a node, until one does not die.
int live(const std::string& path, int lives_max) {
    for (int life = 0; life < lives_max; ++life) {
        const int status = test::run_helper("helper: read a store through", path);
        if (WIFEXITED(status) &&
            (WEXITSTATUS(status) == refused || WEXITSTATUS(status) == all_read))
            return WEXITSTATUS(status);
    }
    return -1;
}

}  // namespace

TEST_CASE("helper: read a store through" * doctest::skip()) {
    for (const int s : {SIGBUS, SIGSEGV, SIGABRT}) ::signal(s, SIG_DFL);  // not doctest's report
    const std::string path = std::getenv("BEAM_TEST_STORE");
    auto read_through = [](self, std::string p) -> awaitable<void> {
        auto s = store::start_link(p);
        if (!s) ::_exit(refused);
        for (int i = 0; i < 300; ++i) (void)store::get(*s, "key" + std::to_string(i));
        (void)store::scan(*s, {});
        auto written = co_await store::put(*s, "key150", "new");
        (void)written;
    };
    {
        runtime node;
        (void)node.execute(read_through, path);
    }
    ::_exit(all_read);
}

TEST_CASE("helper: die with a store open" * doctest::skip()) {
    test::in_node([](self) -> awaitable<void> {
        (void)test::start(std::getenv("BEAM_TEST_STORE"));
        ::raise(SIGKILL);
        co_return;
    });
}

TEST_CASE(
    "a file that is damaged in its middle kills two lives at most, and is then refused by name") {
    test::folder dir;
    fill(dir / "store", 300);
    test::in_node([&](self) -> awaitable<void> {
        const pid s = test::start(dir / "store");
        auto r = co_await store::put(s, "large", std::string(20 * page_size, 'l'));
        CHECK(r.has_value());
        r = co_await store::erase_prefix(s, "key29");  // so that there are free pages
        CHECK(r.has_value());
    });
    const auto pages = std::filesystem::file_size(dir / "store/data.mdb") / page_size;
    REQUIRE(pages > 300);
    int refusals = 0;
    for (const auto what : {garbage::zeros, garbage::ones, garbage::random, garbage::another_page,
                            garbage::offsets}) {
        std::filesystem::remove_all(dir / "copy");
        std::filesystem::copy(dir / "store", dir / "copy");
        damage_pages(dir / "copy/data.mdb", pages / 4, pages / 2, what);
        const int end = live(dir / "copy", 3);
        CAPTURE(int(what));
        CHECK((end == refused || end == all_read));
        refusals += end == refused;
        // Where the lives did not die, it is checked here. Not a page of the file is changed by that.
        std::filesystem::remove_all(dir / "copy");
        std::filesystem::copy(dir / "store", dir / "copy");
        damage_pages(dir / "copy/data.mdb", pages / 4, pages / 2, what);
        for (int i = 0; i < 2; ++i)
            REQUIRE(WIFSIGNALED(test::run_helper("helper: die with a store open", dir / "copy")));
        test::in_node([&](self) -> awaitable<void> {
            for (int i = 0; i < 2; ++i) {
                auto r = store::start_link(dir / "copy");
                CHECK(code_of(r) == "corrupt");
                CHECK(detail_of(r).find("copy/data.mdb: page ") != std::string::npos);
            }
            co_return;
        });
        // Who puts a sound file in its place has a store again.
        std::filesystem::copy_file(dir / "store/data.mdb", dir / "copy/data.mdb",
                                   std::filesystem::copy_options::overwrite_existing);
        CHECK(live(dir / "copy", 1) == all_read);
    }
    CHECK(refusals > 0);
}

TEST_CASE("a sound store is opened after however many lives that did not close it") {
    test::folder dir;
    fill(dir / "store", 50);
    // Pages that were freed, values of many pages, several databases and none, an emptied one.
    test::in_node([&](self) -> awaitable<void> {
        const pid s = test::start(dir / "store");
        const store::database other(s, "other"), emptied(s, "emptied");
        for (int i = 0; i < 200; ++i) {
            const std::string key = std::string(std::size_t(i) * 4, 'k') + std::to_string(i);
            auto r = co_await store::put(other, key, std::string(std::size_t(i) * 500, 'v'));
            CHECK(r.has_value());
            r = co_await store::put(emptied, key, key);
            CHECK(r.has_value());
        }
        for (int i = 0; i < 50; i += 2) {
            auto r = co_await store::erase(s, "key" + std::to_string(i));
            CHECK(r.has_value());
        }
        auto r = co_await store::erase_prefix(emptied, "");
        CHECK(r.has_value());
    });
    for (int i = 0; i < 4; ++i)
        REQUIRE(WIFSIGNALED(test::run_helper("helper: die with a store open", dir / "store")));
    test::in_node([&](self) -> awaitable<void> {
        const pid s = test::start(dir / "store");
        CHECK(std::filesystem::exists(dir / "store/open"));
        CHECK(store::count(s) == std::uint64_t(25));
        const store::database other(s, "other");
        CHECK(store::count(other) == std::uint64_t(200));
        auto r = co_await store::close(s);
        CHECK(r.has_value());
        CHECK_FALSE(std::filesystem::exists(dir / "store/open"));
    });
}
