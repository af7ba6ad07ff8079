#include "libbeamcore/ets/files.hpp"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "libbeamcore/ets/rows.hpp"
#include "libbeamcore/ets/select.hpp"
#include "libbeamcore/term/syntax.hpp"
#include "tests/support/simulated.hpp"
#include "tests/support/world.hpp"

using namespace beam;

namespace {

template <class F>
void in_process(F f) {
    beam::runtime node(test::deterministic(1));
    auto r = node.execute(
        [](self, F* act) -> awaitable<void> {
            (*act)();
            co_return;
        },
        &f);
    CHECK_MESSAGE(r.has_value(), (r ? std::string() : to_string(r.error())));
}

std::string bytes_of(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}
void write(const std::string& path, const std::string& bytes) {
    std::ofstream(path, std::ios::binary) << bytes;
}

ets::table varied(ets::table_type type) {
    ets::table_options o;
    o.type = type;
    o.named = true;
    o.access = ets::table_access::public_;
    ets::table t = ets::new_table(atom("a table's name"), o);
    ets::insert(t, tuple(1, 1.5, "text\nwith \xff and \xc3\xa9"));
    ets::insert(t, tuple(atom("an atom"), this_process().id(), make_ref(), nil));
    ets::insert(t, tuple(list({1, 2}), map({{"k", tuple()}}), cons(1, 2), -123456789012345678));
    if (type == ets::table_type::duplicate_bag) ets::insert(t, tuple(1, 1.5, 2));
    return t;
}

}  // namespace

TEST_CASE("ETS-48: tab2file then file2tab: the same type and content, named again") {
    for (auto type : {ets::table_type::set, ets::table_type::ordered_set, ets::table_type::bag,
                      ets::table_type::duplicate_bag}) {
        test::folder folder;
        in_process([&] {
            ets::table t = varied(type);
            const std::string path = folder / "table";
            auto before = ets::tab2list(t);
            auto written = ets::tab2file(t, path);
            REQUIRE_MESSAGE(written.has_value(), (written ? "" : written.error().detail));
            CHECK(*written == before.size());
            auto about = ets::tabfile_info(path);
            REQUIRE(about.has_value());
            CHECK(about->size == before.size());
            CHECK(about->type == type);

            auto taken = ets::file2tab(path);
            CHECK(taken.error().is("name_taken"));
            ets::delete_table(t);
            auto again = ets::file2tab(path);
            REQUIRE_MESSAGE(again.has_value(), (again ? "" : again.error().detail));
            CHECK(ets::whereis(atom("a table's name")).has_value());
            auto i = ets::info_of(*again);
            CHECK(i->type == type);
            CHECK(i->access == ets::table_access::public_);
            auto after = ets::tab2list(*again);
            CHECK(after.size() == before.size());
            for (const term& row : before)
                CHECK(std::find(after.begin(), after.end(), row) != after.end());
        });
    }
}

TEST_CASE("a file of many blocks keeps every row") {
    test::folder folder;
    in_process([&] {
        ets::table t = ets::new_table(atom("t"));
        for (int i = 0; i < 20'000; ++i) ets::insert(t, tuple(i, std::string(40, 'x')));
        REQUIRE(ets::tab2file(t, folder / "t").has_value());
        auto again = ets::file2tab(folder / "t");
        REQUIRE(again.has_value());
        CHECK(ets::size(*again) == 20'000);
        CHECK(ets::lookup(*again, 19'999).front() == tuple(19'999, std::string(40, 'x')));
    });
}

TEST_CASE("a file that was cut or changed anywhere is damaged, and leaves no table") {
    test::folder folder;
    in_process([&] {
        const std::string path = folder / "t", hurt = folder / "hurt";
        ets::delete_table([&] {
            ets::table t = varied(ets::table_type::set);
            REQUIRE(ets::tab2file(t, path).has_value());
            return t;
        }());
        const std::string whole = bytes_of(path);
        for (std::size_t n = 0; n < whole.size(); ++n) {
            write(hurt, whole.substr(0, n));
            auto r = ets::file2tab(hurt);
            // The last newline alone may be missing.
            if (n + 1 < whole.size()) CHECK_MESSAGE(!r, n);
            if (r) ets::delete_table(*r);
            std::string changed = whole;
            changed[n] = char(changed[n] ^ 1);
            write(hurt, changed);
            r = ets::file2tab(hurt);
            if (r) ets::delete_table(*r);
            if (n + 1 < whole.size()) CHECK_MESSAGE(!r, n);
        }
        CHECK(!ets::whereis(atom("a table's name")));
    });
}

TEST_CASE("what cannot be written or read is said, and what was there stays") {
    test::folder folder;
    in_process([&] {
        ets::table t = ets::new_table(atom("t"));
        ets::insert(t, tuple(1, 1));
        auto nowhere = ets::tab2file(t, folder / "none/t");
        REQUIRE(!nowhere);
        CHECK(nowhere.error().is("io"));
        CHECK(nowhere.error().detail.find("none/t") != std::string::npos);
        CHECK(ets::file2tab(folder / "none").error().is("io"));
        write(folder / "text", "something else\n");
        CHECK(ets::file2tab(folder / "text").error().is("not_a_table"));

        REQUIRE(ets::tab2file(t, folder / "t").has_value());
        const std::string before = bytes_of(folder / "t");
        fun closure;
        closure.module = atom("m");
        closure.name = atom("f");
        ets::insert(t, tuple(2, closure));
        CHECK(ets::tab2file(t, folder / "t").error().is("unsupported"));
        CHECK(bytes_of(folder / "t") == before);
        // Nothing is left beside it.
        CHECK(std::distance(std::filesystem::directory_iterator(folder.path()), {}) == 2);
    });
}
