// Certificates for tests: an authority, and what it signs.
#pragma once

#include <doctest/doctest.h>

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "libbeamcore/io/certificate.hpp"
#include "libbeamcore/io/tls.hpp"

namespace test {

using days = std::chrono::duration<int, std::ratio<86400>>;

/// Valid from yesterday, or so long ago.
inline beam::io::certificate_wish wish(std::string name, std::vector<std::string> hosts = {},
                                       days from = days(-1), days until = days(30)) {
    const auto now = std::chrono::system_clock::now();
    beam::io::certificate_wish w;
    w.name = std::move(name);
    w.hosts = std::move(hosts);
    w.valid_from = now + from;
    w.valid_until = now + until;
    return w;
}

class authority {
public:
    explicit authority(const std::string& name = "cluster") {
        auto made = beam::io::make_authority(wish(name));
        REQUIRE(made.has_value());
        own_ = *std::move(made);
    }
    beam::io::keyed_certificate sign(const beam::io::certificate_wish& w) const {
        auto made = beam::io::make_certificate(w, own_);
        REQUIRE(made.has_value());
        return *std::move(made);
    }
    const beam::io::keyed_certificate& own() const { return own_; }

    /// Of one that has a certificate of this authority, and believes it.
    beam::io::tls_options options(
        const beam::io::certificate_wish& w = wish("node", {"127.0.0.1", "localhost"})) const {
        beam::io::tls_options o;
        auto mine = sign(w);
        o.certificate = std::move(mine.certificate);
        o.key = std::move(mine.key);
        o.authorities = own_.certificate;
        return o;
    }

private:
    beam::io::keyed_certificate own_;
};

inline beam::io::tls_context context_of(const beam::io::tls_options& o) {
    auto made = beam::io::tls_context::make(o);
    REQUIRE(made.has_value());
    return *std::move(made);
}

}  // namespace test
