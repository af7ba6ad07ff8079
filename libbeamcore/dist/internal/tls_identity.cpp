#include "libbeamcore/dist/internal/tls_identity.hpp"

#include <utility>

#include "libbeamcore/base/log.hpp"
#include "libbeamcore/dist/internal/private_file.hpp"
#include "libbeamcore/io/certificate.hpp"

namespace beam::dist::detail {

namespace {

constexpr std::size_t pem_max = 1 << 20;
constexpr std::chrono::hours ends_soon{30 * 24};

bool is_same(const timespec& a, const timespec& b) {
    return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

result<void> check_dates(const io::certificate& c, const std::string& path) {
    const auto now = std::chrono::system_clock::now();
    if (c.valid_until() <= now) return fail("expired", path + " has ended; try: beamd cert init");
    if (c.valid_until() < now + ends_soon)
        log(log_level::warning, "dist", "this node's certificate ends soon; try: beamd cert init",
            {{"file", path}});
    return {};
}

error of_file(const error& why, const tls_files& files) {
    const std::string& path = why.is("bad_key")           ? files.key
                              : why.is("bad_authorities") ? files.authorities
                                                          : files.certificate;
    return {why.code, path + ": " + why.detail + "; try: beamd cert show"};
}

}  // namespace

result<tls_identity> tls_identity::load(tls_files files) {
    tls_identity made;
    made.files_ = std::move(files);
    made.seen_ = made.look();
    if (auto ok = made.read(); !ok) return pass(ok);
    return made;
}

tls_identity::stamps tls_identity::look() const {
    stamps found;
    const std::array paths{&files_.certificate, &files_.key, &files_.authorities};
    for (std::size_t i = 0; i < paths.size(); ++i) {
        struct stat s {};
        if (::stat(paths[i]->c_str(), &s) == 0) found[i] = {s.st_ino, s.st_size, s.st_mtim};
    }
    return found;
}

result<void> tls_identity::read() {
    io::tls_options o;
    // OTP 25 pins itself to 1.2.
    o.version_min = io::tls_version::v1_2;
    o.verify_peer = files_.verify_peer;
    for (const auto& [path, text] :
         {std::pair(&files_.certificate, &o.certificate),
          std::pair(&files_.authorities, &o.authorities), std::pair(&files_.key, &o.key)}) {
        auto there =
            path == &files_.key ? read_private_file(*path, pem_max) : read_file(*path, pem_max);
        if (!there) return pass(there);
        *text = *std::move(there);
    }
    const auto own = io::certificate::read(o.certificate);
    if (!own) return tl::unexpected<error>(of_file(own.error(), files_));
    if (auto ok = check_dates(*own, files_.certificate); !ok) return ok;
    auto context = io::tls_context::make(o);
    if (!context) return tl::unexpected<error>(of_file(context.error(), files_));
    use_.context = *std::move(context);
    use_.check_host = files_.verify_peer && files_.check_host;
    return {};
}

tls_use tls_identity::now() {
    if (!use_) return use_;
    const stamps found = look();
    bool same = true;
    for (std::size_t i = 0; i < found.size(); ++i)
        same = same && found[i].inode == seen_[i].inode && found[i].size == seen_[i].size &&
               is_same(found[i].changed, seen_[i].changed);
    if (same) return use_;
    seen_ = found;
    if (auto ok = read(); !ok)
        log(log_level::error, "dist", "certificates that changed cannot be used; the old ones stay",
            {{"why", ok.error().code}, {"detail", ok.error().detail}});
    else
        log(log_level::notice, "dist", "certificates were read again",
            {{"file", files_.certificate}});
    return use_;
}

result<void> check_peer_host(const io::connection& c, const tls_use& tls, std::string_view host) {
    if (!tls || !tls.check_host) return {};
    const io::certificate theirs = c.peer_certificate();
    const auto hosts = theirs.hosts();
    if (hosts.empty() || theirs.is_for(std::string(host))) return {};
    std::string list;
    for (const auto& h : hosts) list += (list.empty() ? "" : ", ") + h;
    return fail("tls_wrong_host", "its certificate is not for " + std::string(host) + ", but for " +
                                      list + "; try: beamd cert init " + std::string(host));
}

error with_hint(error why) {
    if (why.is("tls_not_spoken"))
        why.detail += "; it may run without --dist-tls, or be no node";
    else if (why.is("tls_bad_certificate") || why.is("tls_no_certificate") || why.is("tls_refused"))
        why.detail += "; try: beamd cert show on both hosts, they must be of one authority";
    return why;
}

}  // namespace beam::dist::detail
