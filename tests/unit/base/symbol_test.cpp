#include "libbeamcore/base/symbol.hpp"

#include <dlfcn.h>
#include <doctest/doctest.h>
#include <sys/mman.h>

namespace shop {
int ask_price(int n) {
    static volatile int sink = 0;
    sink = n;
    return sink;
}
template <class T>
struct shelf {
    static T take(T t) { return static_cast<T>(ask_price(int(t))); }
};
namespace {
int hidden(int n) {
    return ask_price(n) + 1;
}
}  // namespace
}  // namespace shop

using beam::short_function_name;
using beam::symbol_of;

TEST_CASE("symbol_of names functions, exported or not, by any address in them") {
    auto* f = reinterpret_cast<const char*>(&shop::ask_price);
    CHECK(symbol_of(f) == "shop::ask_price");
    CHECK(symbol_of(f + 1) == "shop::ask_price");
    int (*volatile hidden)(int) = &shop::hidden;
    CHECK(symbol_of(reinterpret_cast<const void*>(hidden)) == "shop::hidden");
    long (*volatile take)(long) = &shop::shelf<long>::take;
    CHECK(symbol_of(reinterpret_cast<const void*>(take)) == "shop::shelf<long>::take");
}

TEST_CASE(
    "symbol_of gives the place in a library where that has no name, and the address elsewhere") {
    void* page = ::mmap(nullptr, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    REQUIRE(page != MAP_FAILED);
    CHECK(symbol_of(page).starts_with("0x"));
    ::munmap(page, 4096);
    CHECK(symbol_of(page).starts_with("0x"));
    CHECK(symbol_of(nullptr) == "0x0");
    // The ELF header of a library is in the library and in no function.
    Dl_info info{};
    REQUIRE(::dladdr(reinterpret_cast<const void*>(&::mmap), &info) != 0);
    CHECK(symbol_of(info.dli_fbase).ends_with("+0x0"));
}

TEST_CASE("short_function_name leaves out parameters, return types and unnamed namespaces") {
    CHECK(short_function_name("main") == "main");
    CHECK(short_function_name("chat::room::handle_call(chat::send, beam::from)") ==
          "chat::room::handle_call");
    CHECK(short_function_name(
              "(anonymous namespace)::waiting((anonymous namespace)::waiting(beam::self)"
              "::Frame*) [clone .actor]") == "waiting");
    CHECK(short_function_name("void beam::cast<int (*)(long)>(beam::pid const&)") ==
          "beam::cast<int (*)(long)>");
    CHECK(short_function_name("shop::price::operator()(int) const") == "shop::price::operator()");
    CHECK(short_function_name(
              "shop::open(int)::{lambda(beam::self)#1}::operator()(beam::self) const") ==
          "shop::open::{lambda(beam::self)#1}::operator()");
}
