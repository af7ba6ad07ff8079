#include "libbeamcore/base/base64.hpp"

#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

using beam::base64_decode;
using beam::base64_encode;

TEST_CASE("the test vectors of RFC 4648 hold both ways") {
    const std::vector<std::pair<std::string, std::string>> vectors = {
        {"", ""},
        {"f", "Zg=="},
        {"fo", "Zm8="},
        {"foo", "Zm9v"},
        {"foob", "Zm9vYg=="},
        {"fooba", "Zm9vYmE="},
        {"foobar", "Zm9vYmFy"},
        {"\xfb\xff", "+/8="},
    };
    for (const auto& [bytes, text] : vectors) {
        CAPTURE(text);
        CHECK(base64_encode(bytes) == text);
        CHECK(base64_decode(text).value() == bytes);
    }
}

TEST_CASE("all bytes come back") {
    std::string bytes;
    for (int i = 0; i < 256; ++i) bytes += static_cast<char>(i);
    CHECK(base64_decode(base64_encode(bytes)).value() == bytes);
}

TEST_CASE("what is not strict base64 is refused") {
    for (auto bad : {"Z", "Zg", "Zg=", "Zg==Zg==", "Z===", "====", "Zm 9", "Zm9v\n",
                     "Zh==", "Zm9=", "Zm-_", "=Zg="}) {
        CAPTURE(bad);
        auto r = base64_decode(bad);
        REQUIRE_FALSE(r.has_value());
        CHECK(r.error().is("bad_base64"));
    }
}
