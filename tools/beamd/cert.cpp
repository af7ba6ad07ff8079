#include <unistd.h>

#include <ctime>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "tools/beamd/beamd.hpp"
#include "tools/common/config.hpp"
#include "tools/common/failure.hpp"

namespace beam::beamd {

using dist::certificate_state;
using nlohmann::json;
using tool::exit_code;
using tool::failure;

namespace {

// `2027-05-01`, in UTC.
std::string day_of(std::chrono::system_clock::time_point t) {
    const std::time_t seconds = std::chrono::system_clock::to_time_t(t);
    std::tm parts{};
    ::gmtime_r(&seconds, &parts);
    char text[16];
    return std::string(text, std::strftime(text, sizeof text, "%Y-%m-%d", &parts));
}

std::string joined(const std::vector<std::string>& words) {
    std::string text;
    for (const auto& w : words) text += (text.empty() ? "" : ",") + w;
    return text;
}

std::string line_of(const certificate_state& c) {
    std::string text = c.state + ": " + c.path;
    if (!c.subject.empty()) {
        text += c.of == "authority" ? " (authority \"" + c.subject + "\""
                                    : " (for " + (c.hosts.empty() ? c.subject : joined(c.hosts));
        text += ", until " + day_of(c.valid_until) + ")";
    }
    return text + (c.why.empty() ? "" : ": " + c.why);
}

json json_of(const certificate_state& c) {
    const auto until =
        std::chrono::duration_cast<std::chrono::milliseconds>(c.valid_until.time_since_epoch());
    return {{"of", c.of},       {"state", c.state},
            {"path", c.path},   {"subject", c.subject},
            {"hosts", c.hosts}, {"valid_until_ms", c.subject.empty() ? 0 : until.count()},
            {"why", c.why},     {"sha256", c.fingerprint}};
}

exit_code exit_of(const error& why) {
    if (why.is("bad_host") || why.is("bad_name")) return exit_code::usage;
    if (why.is("cannot_create")) return exit_code::cannot_create;
    if (why.is("cannot_read")) return exit_code::io_error;
    if (why.is("not_private") || why.is("not_owner")) return exit_code::not_permitted;
    if (why.is("no_library")) return exit_code::bug;
    return exit_code::no;
}

std::vector<certificate_state> made_by(certificates_entry make,
                                       const dist::certificates_wish& wish) {
    if (!make) throw failure(exit_code::bug, "this program has no certificates");
    auto made = make(wish);
    if (made) return *std::move(made);
    // What to try stands in the detail.
    std::string why = made.error().detail, next;
    if (const auto at = why.find("; try: "); at != std::string::npos) {
        next = why.substr(at + 7);
        why.resize(at);
    }
    throw failure(exit_of(made.error()), why, next, made.error().code);
}

dist::certificates_wish wish_of(cert_options options) {
    dist::certificates_wish wish = std::move(options.wish);
    wish.folder = options.folder.empty() ? default_certificate_folder()
                                         : std::filesystem::absolute(options.folder).string();
    return wish;
}

bool is_there(const std::string& folder) {
    return ::access((folder + "/node.pem").c_str(), F_OK) == 0;
}

bool is_loopback(const std::string& address) {
    return address.starts_with("127.") || address == "::1";
}

}  // namespace

std::string default_certificate_folder() {
    return (std::filesystem::path(tool::config_files().front()).parent_path() / "certs").string();
}

std::string certificate_folder_for(const serve_options& o) {
    if (o.dist.empty()) {
        if (o.dist_tls.empty() && !o.dist_insecure) return {};
        throw failure(exit_code::usage, "--dist-tls and --dist-insecure are about --dist",
                      "beamd --dist --dist-tls --node NAME@HOST");
    }
    if (!o.dist_tls.empty() && o.dist_insecure)
        throw failure(exit_code::usage, "either --dist-tls or --dist-insecure", "beamd --help");
    if (o.dist_insecure) return {};
    const std::string usual = default_certificate_folder();
    if (o.dist_tls.empty()) {
        if (is_loopback(o.dist)) return {};
        if (is_there(usual)) return usual;
        throw failure(exit_code::bad_config,
                      "listening at " + o.dist +
                          " for other nodes wants TLS, and there are no certificates in " + usual,
                      "beamd cert init, or --dist-insecure", "no_certificates");
    }
    const std::string folder =
        o.dist_tls == default_certificates ? usual : std::filesystem::absolute(o.dist_tls).string();
    if (is_there(folder)) return folder;
    throw failure(exit_code::bad_config, "there are no certificates in " + folder,
                  "beamd cert init" + (folder == usual ? std::string() : " --dir " + folder),
                  "no_certificates");
}

exit_code make_certificates(client& node, cert_options options, certificates_entry make) {
    const auto wish = wish_of(std::move(options));
    const std::string erlang = wish.folder + "/ssl_dist.config";
    std::string text;
    json list = json::array();
    for (const auto& c : made_by(make, wish)) {
        text += line_of(c) + "\n";
        list.push_back(json_of(c));
    }
    text += "Erlang: erl -proto_dist inet_tls -ssl_dist_optfile " + erlang;
    for (const auto& c : list)
        if (c["of"] != "node" && c["of"] != "authority" && c["state"] != "kept")
            text += "\n" + c["of"].get<std::string>() + ": take " +
                    std::filesystem::path(c["path"].get<std::string>()).parent_path().string() +
                    " there as ~/.config/beamcore/certs, then: beamd cert init";
    node.common()->print(
        text, {{"folder", wish.folder}, {"otp_options", erlang}, {"certificates", list}});
    return exit_code::done;
}

exit_code show_certificates(client& node, cert_options options, certificates_entry make) {
    auto wish = wish_of(std::move(options));
    wish.look_only = true;
    std::string text;
    json list = json::array();
    auto worst = exit_code::done;
    for (const auto& c : made_by(make, wish)) {
        text += (text.empty() ? "" : "\n") + line_of(c);
        list.push_back(json_of(c));
        if (c.state != "valid" && c.state != "ends_soon") worst = exit_code::no;
    }
    node.common()->print(text, {{"folder", wish.folder}, {"certificates", list}});
    return worst;
}

}  // namespace beam::beamd
