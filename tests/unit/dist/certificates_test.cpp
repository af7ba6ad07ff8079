#include "libbeamcore/dist/certificates.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <map>
#include <string>

#include "libbeamcore/io/certificate.hpp"
#include "tests/support/certificates.hpp"
#include "tests/support/world.hpp"

using namespace beam;
using dist::certificate_state;
using dist::certificates_wish;

namespace {

std::string text_of(const std::string& path) {
    std::ifstream in(path);
    return {std::istreambuf_iterator<char>(in), {}};
}
void put(const std::string& path, const std::string& text) {
    std::ofstream(path, std::ios::trunc) << text;
    ::chmod(path.c_str(), 0600);
}
unsigned mode_of(const std::string& path) {
    struct stat s {};
    return ::stat(path.c_str(), &s) == 0 ? s.st_mode & 07777U : 0;
}

using states = std::map<std::string, certificate_state>;

states make(const certificates_wish& wish) {
    auto made = dist::make_certificates(wish);
    REQUIRE_MESSAGE(made.has_value(), made.error().code << ": " << made.error().detail);
    states by_name;
    for (auto& s : *made) by_name[s.of] = s;
    return by_name;
}
std::string failure(const certificates_wish& wish) {
    const auto made = dist::make_certificates(wish);
    return made ? "made" : made.error().code;
}

bool has(const std::vector<std::string>& list, const std::string& one) {
    return std::find(list.begin(), list.end(), one) != list.end();
}

/// A folder that is not there yet, in one of its own.
struct place {
    test::folder around;
    certificates_wish wish;
    dist::certificate_paths paths;
    place() {
        wish.folder = around / "deep/certs";
        paths = dist::certificates_in(wish.folder);
    }
};

}  // namespace

TEST_CASE("certificates are made once, private, and kept from then on") {
    place p;
    p.wish.others = {"b@b.example", "10.1.2.3"};
    const auto first = make(p.wish);
    REQUIRE(first.size() == 4);
    for (const auto& [of, s] : first) CHECK(s.state == "made");
    CHECK(first.at("authority").subject == "beamcore");
    for (const char* host : {"localhost", "127.0.0.1", "::1"})
        CHECK(has(first.at("node").hosts, host));
    CHECK(first.at("b.example").hosts == std::vector<std::string>{"b.example"});
    CHECK(first.at("10.1.2.3").path == p.paths.hosts + "/10.1.2.3/node.pem");
    CHECK(mode_of(p.paths.folder) == 0700);
    CHECK(mode_of(p.paths.hosts + "/b.example") == 0700);
    for (const auto& path :
         {p.paths.authority, p.paths.authority_key, p.paths.certificate, p.paths.key,
          p.paths.otp_options, p.paths.hosts + "/b.example/node.key"})
        CHECK_MESSAGE(mode_of(path) == 0600, path);
    CHECK_FALSE(text_of(p.paths.otp_options).empty());
    CHECK(text_of(p.paths.hosts + "/b.example/ca.pem") == text_of(p.paths.authority));
    const auto ca = *io::certificate::read(text_of(p.paths.authority));
    CHECK(io::certificate::read(text_of(p.paths.certificate))->is_signed_by(ca));

    p.wish.others.clear();
    const auto second = make(p.wish);
    REQUIRE(second.size() == 4);
    for (const auto& [of, s] : second) {
        CHECK(s.state == "kept");
        CHECK(s.fingerprint == first.at(of).fingerprint);
    }
    const auto files = dist::tls_files_in(p.wish.folder);
    REQUIRE(files.has_value());
    CHECK(files->verify_peer);
    CHECK(files->check_host);
    CHECK(dist::tls_files_in(p.around / "other").error().is("not_found"));
}

TEST_CASE("what will not do is made anew, and nothing else") {
    place p;
    p.wish.others = {"b.example"};
    const auto first = make(p.wish);
    p.wish.others.clear();
    const io::keyed_certificate ca{text_of(p.paths.authority), text_of(p.paths.authority_key)};
    const auto again = [&](const char* why) {
        const auto now = make(p.wish);
        CHECK(now.at("authority").fingerprint == first.at("authority").fingerprint);
        CHECK(now.at("b.example").fingerprint == first.at("b.example").fingerprint);
        CHECK(now.at("node").state == "renewed");
        CHECK_MESSAGE(now.at("node").why == why, now.at("node").why);
        CHECK(make(p.wish).at("node").state == "kept");
    };
    put(p.paths.certificate, "rubbish");
    again("it cannot be read");
    std::filesystem::remove(p.paths.key);
    again("its key is missing");
    put(p.paths.key, ca.key);
    again("its key is another certificate's");
    const std::vector<std::string> hosts = first.at("node").hosts;
    const auto sign = [&](test::days from, test::days until, const io::keyed_certificate& by) {
        const auto made = io::make_certificate(test::wish("node", hosts, from, until), by);
        REQUIRE(made.has_value());
        put(p.paths.certificate, made->certificate);
        put(p.paths.key, made->key);
    };
    sign(test::days(-30), test::days(-1), ca);
    again("it has ended");
    sign(test::days(-30), test::days(20), ca);
    again("it ends soon");
    sign(test::days(-30), test::days(300), test::authority("beamcore").own());
    again("it is of another authority");
    p.wish.names = {"me@a.example"};
    again("it was not for a.example");
    // A further name stays, although it is not given again.
    p.wish.names.clear();
    CHECK(has(make(p.wish).at("node").hosts, "a.example"));
}

TEST_CASE("an authority is never replaced unless that is asked for") {
    place p;
    const auto first = make(p.wish);
    p.wish.cluster = "other";
    CHECK(failure(p.wish) == "other_cluster");
    p.wish.cluster.clear();
    const std::string key = text_of(p.paths.authority_key),
                      certificate = text_of(p.paths.authority);
    put(p.paths.authority, "rubbish");
    CHECK(failure(p.wish) == "authority_broken");
    put(p.paths.authority, test::authority().own().certificate);
    CHECK(failure(p.wish) == "authority_broken");
    std::filesystem::remove(p.paths.authority);
    CHECK(failure(p.wish) == "authority_broken");
    put(p.paths.authority, certificate);
    CHECK(make(p.wish).at("authority").fingerprint == first.at("authority").fingerprint);
    const auto old =
        io::make_authority(test::wish("beamcore", {}, test::days(-30), test::days(-1)));
    put(p.paths.authority, old->certificate);
    put(p.paths.authority_key, old->key);
    CHECK(failure(p.wish) == "authority_ended");

    put(p.paths.authority, certificate);
    put(p.paths.authority_key, key);
    p.wish.renew_authority = true;
    p.wish.cluster = "new";
    const auto renewed = make(p.wish);
    CHECK(renewed.at("authority").state == "renewed");
    CHECK(renewed.at("authority").subject == "new");
    CHECK(renewed.at("node").state == "renewed");
    CHECK(text_of(p.paths.authority + ".old") == certificate);
    CHECK(text_of(p.paths.authority_key + ".old") == key);
    CHECK(mode_of(p.paths.authority_key + ".old") == 0600);
}

TEST_CASE("a folder that was taken to another host is good there, and makes nothing") {
    place p;
    p.wish.others = {"b.example"};
    (void)make(p.wish);
    certificates_wish there;
    there.folder = p.paths.hosts + "/b.example";
    const auto taken = make(there);
    CHECK(taken.at("authority").state == "kept");
    CHECK(taken.at("node").state == "kept");
    CHECK(taken.at("node").hosts == std::vector<std::string>{"b.example"});
    CHECK(mode_of(dist::certificates_in(there.folder).otp_options) == 0600);
    CHECK(dist::tls_files_in(there.folder).has_value());
    std::filesystem::remove(dist::certificates_in(there.folder).key);
    CHECK(failure(there) == "no_authority_key");
    there.others = {"c.example"};
    CHECK(failure(there) == "no_authority_key");
}

TEST_CASE("a folder or key that others can read is refused, and so is a host that is none") {
    place p;
    (void)make(p.wish);
    ::chmod(p.paths.authority_key.c_str(), 0640);
    CHECK(failure(p.wish) == "not_private");
    ::chmod(p.paths.authority_key.c_str(), 0600);
    ::chmod(p.paths.folder.c_str(), 0755);
    CHECK(failure(p.wish) == "not_private");
    ::chmod(p.paths.folder.c_str(), 0700);
    for (const char* host : {"", "a b", "../x", "x@", "a,b"}) {
        p.wish.others = {host};
        CHECK_MESSAGE(failure(p.wish) == "bad_host", host);
    }
    p.wish.others.clear();
    put(p.around / "file", "x");
    p.wish.folder = p.around / "file";
    CHECK(failure(p.wish) == "cannot_create");
}

TEST_CASE("looking makes nothing, and tells what is wrong") {
    place p;
    p.wish.look_only = true;
    auto seen = make(p.wish);
    CHECK(seen.at("authority").state == "missing");
    CHECK(seen.at("node").state == "missing");
    CHECK_FALSE(std::filesystem::exists(p.wish.folder));
    p.wish.look_only = false;
    p.wish.others = {"b.example"};
    (void)make(p.wish);
    p.wish.others.clear();
    const io::keyed_certificate ca{text_of(p.paths.authority), text_of(p.paths.authority_key)};
    p.wish.look_only = true;
    for (const auto& [of, s] : make(p.wish)) CHECK_MESSAGE(s.state == "valid", of << ": " << s.why);
    const auto ended =
        io::make_certificate(test::wish("x", {"b.example"}, test::days(-9), test::days(-1)), ca);
    put(p.paths.hosts + "/b.example/node.pem", ended->certificate);
    put(p.paths.hosts + "/b.example/node.key", ended->key);
    const auto soon =
        io::make_certificate(test::wish("x", {"localhost"}, test::days(-9), test::days(9)), ca);
    put(p.paths.certificate, soon->certificate);
    put(p.paths.key, soon->key);
    seen = make(p.wish);
    CHECK(seen.at("b.example").state == "ended");
    CHECK(seen.at("node").state == "ends_soon");
    put(p.paths.key, ended->key);
    CHECK(make(p.wish).at("node").state == "broken");
    CHECK(text_of(p.paths.key) == ended->key);
}
