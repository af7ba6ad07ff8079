#include "libbeamcore/dist/certificates.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <optional>
#include <utility>

#include "libbeamcore/base/unique_fd.hpp"
#include "libbeamcore/dist/internal/own_hosts.hpp"
#include "libbeamcore/dist/internal/private_file.hpp"
#include "libbeamcore/io/certificate.hpp"

namespace beam::dist {

using detail::read_file;
using detail::read_private_file;
using detail::write_private_file;

namespace {

using clock = std::chrono::system_clock;
using days = std::chrono::duration<int, std::ratio<86400>>;

constexpr days authority_life{3650}, certificate_life{730};
constexpr days renewed_before{30};
constexpr days backdated{1};  // clocks of other hosts may be behind
constexpr std::size_t file_max = 1 << 20;
constexpr std::string_view default_cluster = "beamcore";
constexpr std::size_t common_name_max = 64;

result<void> make_folder(const std::string& path) {
    std::error_code ec;
    const auto parent = std::filesystem::path(path).parent_path();
    if (!parent.empty()) std::filesystem::create_directories(parent, ec);
    if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST)
        return fail("cannot_create", path + ": " + detail::words_of(errno));
    struct stat s {};
    if (::stat(path.c_str(), &s) != 0)
        return fail("cannot_read", path + ": " + detail::words_of(errno));
    if (!S_ISDIR(s.st_mode)) return fail("cannot_create", path + " is no folder");
    if (s.st_uid != ::geteuid()) return fail("not_owner", path + " belongs to another user");
    if ((s.st_mode & 0077) != 0)
        return fail("not_private", "others have access to " + path + "; try: chmod 700 " + path);
    return {};
}

// Two at once would make two authorities.
result<unique_fd> lock_folder(const std::string& path) {
    const std::string file = path + "/.lock";
    unique_fd fd(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    if (!fd || ::flock(fd.get(), LOCK_EX) != 0)
        return fail("cannot_create", file + ": " + detail::words_of(errno));
    return fd;
}

io::certificate_wish wish_of(std::string name, std::vector<std::string> hosts, days life) {
    io::certificate_wish w;
    w.name = std::move(name);
    w.hosts = std::move(hosts);
    w.valid_from = clock::now() - backdated;
    w.valid_until = clock::now() + life;
    return w;
}

void tell_facts(certificate_state& of, const io::certificate& c) {
    of.subject = c.subject();
    of.hosts = c.hosts();
    of.fingerprint = c.fingerprint();
    of.valid_until = c.valid_until();
}

// The host behind the @.
std::string host_of(const std::string& node) {
    const auto at = node.find('@');
    return at == std::string::npos ? node : node.substr(at + 1);
}

// Erlang's strings know these two.
std::string quoted(const std::string& text) {
    std::string out = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') out += '\\';
        out += c;
    }
    return out + '"';
}

std::string otp_options_of(const certificate_paths& p) {
    const std::string files = "{certfile, " + quoted(p.certificate) + "},\n  {keyfile, " +
                              quoted(p.key) + "},\n  {cacertfile, " + quoted(p.authority) +
                              "},\n  {verify, verify_peer}";
    return "%% For erl -proto_dist inet_tls -ssl_dist_optfile " + p.otp_options +
           "\n[{server,\n [" + files + ",\n  {fail_if_no_peer_cert, true}]},\n {client,\n [" +
           files + "]}].\n";
}

/// One run.
class maker {
public:
    explicit maker(const certificates_wish& wish)
        : wish_(wish), top_(certificates_in(wish.folder)) {}

    result<std::vector<certificate_state>> run();

private:
    result<void> authority();
    result<void> read_authority(io::keyed_certificate found);
    result<void> new_authority(certificate_state s);
    result<void> node(const std::string& of, const certificate_paths& at,
                      std::vector<std::string> hosts);
    [[nodiscard]] std::string fault(const io::keyed_certificate& have, const io::certificate& c,
                                    const std::vector<std::string>& hosts) const;
    result<void> write(const certificate_paths& at, const io::keyed_certificate& made) const;
    result<void> other(const std::string& host);
    result<void> otp_options();
    void look(certificate_state s, const io::certificate& c, std::string why);
    [[nodiscard]] bool signs() const { return !authority_.key.empty(); }

    const certificates_wish& wish_;
    const certificate_paths top_;
    io::keyed_certificate authority_;
    io::certificate signer_;
    std::vector<certificate_state> told_;
};

// Empty where it is not there.
result<std::string> or_empty(result<std::string> text) {
    if (!text && text.error().is("not_found")) return std::string();
    return text;
}

// Errors: as read_private_file().
result<io::keyed_certificate> read_if_there(const std::string& certificate,
                                            const std::string& key) {
    auto text = or_empty(read_file(certificate, file_max));
    if (!text) return pass(text);
    auto secret = or_empty(read_private_file(key, file_max));
    if (!secret) return pass(secret);
    return io::keyed_certificate{*std::move(text), *std::move(secret)};
}

std::string ends_text(const io::certificate& c) {
    if (c.valid_until() <= clock::now()) return "it has ended";
    if (c.valid_until() < clock::now() + renewed_before) return "it ends soon";
    return {};
}

void maker::look(certificate_state s, const io::certificate& c, std::string why) {
    s.state = !c                                ? "missing"
              : why.empty()                     ? "valid"
              : c.valid_until() <= clock::now() ? "ended"
              : why == ends_text(c)             ? "ends_soon"
                                                : "broken";
    s.why = std::move(why);
    told_.push_back(std::move(s));
}

result<void> maker::authority() {
    auto there = read_if_there(top_.authority, top_.authority_key);
    if (!there) return pass(there);
    const bool is_there = !there->certificate.empty();
    certificate_state s;
    s.of = "authority";
    s.path = top_.authority;
    if (wish_.renew_authority && !wish_.look_only) {
        s.state = is_there ? "renewed" : "made";
        s.why = is_there ? "that was asked for" : "";
        return new_authority(std::move(s));
    }
    if (is_there) return read_authority(*std::move(there));
    if (!there->key.empty() && !wish_.look_only)
        return fail(
            "authority_broken",
            top_.authority_key +
                " is there, but not its certificate ca.pem; try: bring it back, or --force");
    if (wish_.look_only) {
        look(std::move(s), {}, top_.authority + " is not there");
        return {};
    }
    s.state = "made";
    return new_authority(std::move(s));
}

result<void> maker::read_authority(io::keyed_certificate found) {
    const auto c = io::certificate::read(found.certificate);
    certificate_state s;
    s.of = "authority";
    s.path = top_.authority;
    std::string why;
    if (!c || !c->is_authority())
        why = top_.authority + " is no authority's certificate";
    else if (!found.key.empty() && !io::check_key(found))
        why = top_.authority_key + " is not the key of " + top_.authority;
    if (!why.empty() && !wish_.look_only)
        return fail("authority_broken", why + "; try: bring the right one back, or --force");
    if (c) {
        tell_facts(s, *c);
        signer_ = *c;
    }
    if (wish_.look_only) {
        const std::string ends = c ? ends_text(*c) : "";
        look(std::move(s), c ? *c : io::certificate(), why.empty() ? ends : why);
        return {};
    }
    if (c->valid_until() <= clock::now())
        return fail("authority_ended",
                    "the authority in " + top_.folder +
                        " has ended, and with it all that it signed; try: --force");
    if (!wish_.cluster.empty() && c->subject() != wish_.cluster)
        return fail("other_cluster", "the authority in " + top_.folder + " is that of \"" +
                                         c->subject() + "\"; try: another --dir, or --force");
    authority_ = std::move(found);
    s.state = "kept";
    told_.push_back(std::move(s));
    return {};
}

result<void> maker::new_authority(certificate_state s) {
    const std::string name = wish_.cluster.empty() ? std::string(default_cluster) : wish_.cluster;
    auto made = io::make_authority(wish_of(name, {}, authority_life));
    if (!made) return pass(made);
    for (const auto& path : {top_.authority, top_.authority_key})
        (void)::rename(path.c_str(), (path + ".old").c_str());
    // The key first: one without a certificate is noticed.
    if (auto written = write_private_file(top_.authority_key, made->key); !written) return written;
    if (auto written = write_private_file(top_.authority, made->certificate); !written)
        return written;
    authority_ = *std::move(made);
    signer_ = *io::certificate::read(authority_.certificate);
    tell_facts(s, signer_);
    told_.push_back(std::move(s));
    return {};
}

// Why what there is will not do; empty: it will.
std::string maker::fault(const io::keyed_certificate& have, const io::certificate& c,
                         const std::vector<std::string>& hosts) const {
    if (!c) return "it cannot be read";
    if (!c.is_signed_by(signer_)) return "it is of another authority";
    if (have.key.empty()) return "its key is missing";
    if (!io::check_key(have)) return "its key is another certificate's";
    if (auto ends = ends_text(c); !ends.empty()) return ends;
    for (const auto& h : hosts)
        if (!c.is_for(h)) return "it was not for " + h;
    return {};
}

result<void> maker::write(const certificate_paths& at, const io::keyed_certificate& made) const {
    // A crash in between leaves a key that does not fit, and the next run renews both.
    if (auto written = write_private_file(at.key, made.key); !written) return written;
    return write_private_file(at.certificate, made.certificate);
}

result<void> maker::node(const std::string& of, const certificate_paths& at,
                         std::vector<std::string> hosts) {
    auto there = read_if_there(at.certificate, at.key);
    if (!there) return pass(there);
    certificate_state s;
    s.of = of;
    s.path = at.certificate;
    const io::keyed_certificate have = *std::move(there);
    const bool is_there = !have.certificate.empty();
    const auto read = io::certificate::read(have.certificate);
    const io::certificate c = read ? *read : io::certificate();
    // Where nothing can be signed, what there is must do.
    std::string why =
        is_there ? fault(have, c, signs() ? hosts : std::vector<std::string>()) : "it is missing";
    if (c) tell_facts(s, c);
    if (wish_.look_only) {
        look(std::move(s), c, std::move(why));
        return {};
    }
    const bool ends_later = why == "it ends soon";
    if (why.empty() || (ends_later && !signs())) {
        s.state = "kept";
        s.why = std::move(why);
        told_.push_back(std::move(s));
        return {};
    }
    if (!signs())
        return fail(
            "no_authority_key",
            at.certificate + ": " + why + ", and the authority's key " + top_.authority_key +
                " is not here; try: beamd cert init HOST where it is, and bring that folder");
    if (c && c.is_signed_by(signer_))
        for (const auto& h : c.hosts())
            if (std::find(hosts.begin(), hosts.end(), h) == hosts.end()) hosts.push_back(h);
    const std::string name = hosts.front().substr(0, common_name_max);
    auto made = io::make_certificate(wish_of(name, std::move(hosts), certificate_life), authority_);
    if (!made) return pass(made);
    if (auto written = write(at, *made); !written) return written;
    tell_facts(s, *io::certificate::read(made->certificate));
    s.state = is_there ? "renewed" : "made";
    if (is_there) s.why = std::move(why);
    told_.push_back(std::move(s));
    return {};
}

result<void> maker::other(const std::string& host) {
    const auto at = certificates_in(top_.hosts + "/" + host);
    if (!wish_.look_only) {
        for (const auto& folder : {top_.hosts, at.folder})
            if (auto made = make_folder(folder); !made) return made;
        if (auto written = write_private_file(at.authority, authority_.certificate); !written)
            return written;
    }
    return node(host, at, {host});
}

result<void> maker::otp_options() {
    const std::string wanted = otp_options_of(top_);
    if (const auto there = read_file(top_.otp_options, file_max); there && *there == wanted)
        return {};
    return write_private_file(top_.otp_options, wanted);
}

std::vector<std::string> folders_in(const std::string& path) {
    std::vector<std::string> names;
    std::error_code ec;
    for (const auto& entry : std::filesystem::directory_iterator(path, ec))
        if (const auto name = entry.path().filename().string(); io::is_certificate_host(name))
            names.push_back(name);
    std::sort(names.begin(), names.end());
    return names;
}

result<std::vector<certificate_state>> maker::run() {
    std::vector<std::string> own = detail::own_hosts(), others = folders_in(top_.hosts);
    for (const auto* list : {&wish_.names, &wish_.others})
        for (const auto& h : *list)
            if (!io::is_certificate_host(host_of(h)))
                return fail("bad_host", "\"" + h + "\" is neither a host's name nor an address");
    for (const auto& n : wish_.names) own.insert(own.begin(), host_of(n));
    for (const auto& o : wish_.others) {
        const auto host = host_of(o);
        if (std::find(own.begin(), own.end(), host) == own.end() &&
            std::find(others.begin(), others.end(), host) == others.end())
            others.push_back(host);
    }
    unique_fd lock;
    if (!wish_.look_only) {
        if (auto made = make_folder(top_.folder); !made) return pass(made);
        auto locked = lock_folder(top_.folder);
        if (!locked) return pass(locked);
        lock = *std::move(locked);
    }
    if (auto ok = authority(); !ok) return pass(ok);
    if (auto ok = node("node", top_, std::move(own)); !ok) return pass(ok);
    if (!signs() && !wish_.look_only && !others.empty())
        return fail("no_authority_key", "the authority's key " + top_.authority_key +
                                            " is not here; try: beamd cert init HOST where it is");
    for (const auto& host : others)
        if (auto ok = other(host); !ok) return pass(ok);
    if (!wish_.look_only)
        if (auto ok = otp_options(); !ok) return pass(ok);
    return std::move(told_);
}

}  // namespace

certificate_paths certificates_in(const std::string& folder) {
    certificate_paths p;
    p.folder = folder;
    p.authority = folder + "/ca.pem";
    p.authority_key = folder + "/ca.key";
    p.certificate = folder + "/node.pem";
    p.key = folder + "/node.key";
    p.otp_options = folder + "/ssl_dist.config";
    p.hosts = folder + "/hosts";
    return p;
}

result<std::string> certificate_folder() {
    auto config = detail::config_home();
    if (!config) return config;
    return *config + "/beamcore/certs";
}

result<tls_files> tls_files_in(const std::string& folder) {
    const auto p = certificates_in(folder);
    for (const auto& path : {p.authority, p.certificate, p.key})
        if (::access(path.c_str(), F_OK) != 0)
            return fail("not_found", fmt::format("{} is not there; try: beamd cert init --dir {}",
                                                 path, folder));
    tls_files files;
    files.certificate = p.certificate;
    files.key = p.key;
    files.authorities = p.authority;
    return files;
}

result<std::vector<certificate_state>> make_certificates(const certificates_wish& wish) {
    return maker(wish).run();
}

}  // namespace beam::dist
