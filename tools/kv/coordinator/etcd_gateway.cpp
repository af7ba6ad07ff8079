#include "tools/kv/coordinator/etcd_gateway.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <nlohmann/json.hpp>

#include "libbeamcore/base/unique_fd.hpp"
#include "tools/kv/coordinator/etcd_text.hpp"
#include "tools/kv/coordinator/folders.hpp"

namespace kv {

using beam::error;
using beam::fail;
using beam::pass;
using beam::result;

namespace {

// How long one of several endpoints may keep us from asking the next.
constexpr std::chrono::milliseconds one_of_several{1200};
constexpr std::chrono::milliseconds between_rounds{50};

// gRPC's numbers.
enum grpc_code : int {
    invalid_argument = 3,
    not_found = 5,
    permission_denied = 7,
    resource_exhausted = 8,
    failed_precondition = 9,
    unauthenticated = 16,
};

struct said {
    int code = 0;
    std::string message;

    [[nodiscard]] bool has(const char* words) const {
        return message.find(words) != std::string::npos;
    }
};

/// What an answer that is no success says; a stream's has another shape.
said said_in(const json& body) {
    said s;
    if (!body.is_object()) return s;
    const auto e = body.find("error");
    const json& from = e != body.end() && e->is_object() ? *e : body;
    for (const char* name : {"code", "grpc_code"})
        if (const auto c = from.find(name); c != from.end() && c->is_number_integer())
            s.code = c->get<int>();
    for (const char* name : {"message", "error"})
        if (const auto m = from.find(name); m != from.end() && m->is_string() && s.message.empty())
            s.message = m->get<std::string>();
    return s;
}

}  // namespace

result<std::pair<std::string, std::string>> read_password_file(const std::string& file) {
    const beam::unique_fd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
    struct stat s {};
    if (!fd || ::fstat(fd.get(), &s) != 0) return tl::unexpected(system_error(errno, file));
    if ((s.st_mode & 077) != 0)
        return fail("denied", file + ": others may read it; try: chmod 600 " + file);
    char bytes[4096];
    const auto n = ::read(fd.get(), bytes, sizeof bytes);
    if (n < 0) return tl::unexpected(system_error(errno, file));
    const std::string text(bytes, std::size_t(n));
    const auto first = text.find('\n');
    if (first == std::string::npos || first == 0)
        return fail("bad_options", file + ": wants two lines, a user and a password");
    const auto second = text.find('\n', first + 1);
    return std::pair(
        text.substr(0, first),
        text.substr(first + 1, second == std::string::npos ? second : second - first - 1));
}

/// What became of one request to one endpoint.
struct etcd_gateway::attempt {
    enum class kind : std::uint8_t {
        answered,  // with `body`
        not_sent,
        no_answer,
        log_in,  // and ask again
        refused  // for good: `why`
    };
    kind what = kind::no_answer;
    json body{};
    error why{};
};

etcd_gateway::etcd_gateway(const etcd_options& options)
    : options_(options),
      http_({options.ca_file, options.certificate_file, options.key_file}),
      needs_log_in_(!options.password_file.empty()) {}

http_request etcd_gateway::request_of(const std::string& path, std::string body) const {
    return {options_.endpoints[at_] + "/v3/" + path, std::move(body), token_};
}

void etcd_gateway::turn_away() {
    at_ = (at_ + 1) % options_.endpoints.size();
    needs_log_in_ = !options_.password_file.empty();
}

http_time etcd_gateway::attempt_limit(http_time deadline) const {
    if (options_.endpoints.size() == 1) return deadline;
    return std::min(deadline, std::chrono::steady_clock::now() + one_of_several);
}

etcd_gateway::attempt etcd_gateway::try_once(const std::string& path, const std::string& body,
                                             http_time deadline) {
    using kind = attempt::kind;
    auto answer = http_.post(request_of(path, body), attempt_limit(deadline));
    if (!answer) {
        error& e = answer.error();
        if (e.is("bad_certificate")) return {kind::not_sent, {}, {"denied", e.detail}};
        const auto what = e.is("not_sent") ? kind::not_sent : kind::no_answer;
        return {what, {}, {"unreachable", std::move(e.detail)}};
    }
    json parsed = json::parse(answer->body, nullptr, false);
    const bool has_error = parsed.is_object() && parsed.contains("error");
    // All that etcd answers has one of these: else somebody else is there.
    const bool is_etcd =
        parsed.is_object() && (parsed.contains("header") || parsed.contains("result"));
    if (answer->status == 200 && is_etcd && !has_error)
        return {kind::answered, std::move(parsed), {}};
    const said s = said_in(parsed);
    const std::string words =
        options_.endpoints[at_] + ": " +
        (s.message.empty() ? "HTTP status " + std::to_string(answer->status) : s.message);
    const bool is_about_log_in = s.code == unauthenticated || answer->status == 401 ||
                                 s.has("user name is empty") || s.has("auth store is old");
    if (is_about_log_in && !options_.password_file.empty())
        return {kind::log_in, {}, {"denied", words}};
    if (is_about_log_in || s.code == permission_denied)
        return {kind::refused, {}, {"denied", words}};
    if (s.code == not_found) return {kind::refused, {}, {"not_found", words}};
    if (s.code == resource_exhausted && s.has("space exceeded"))
        return {kind::refused, {}, {"enospc", words}};
    if (s.code == invalid_argument || s.code == failed_precondition)
        return {kind::refused, std::move(parsed), {"rejected", words}};
    return {kind::no_answer, {}, {"unreachable", words}};
}

etcd_gateway::attempt etcd_gateway::log_in(http_time deadline) {
    using kind = attempt::kind;
    const auto password = read_password_file(options_.password_file);
    if (!password) return {kind::refused, {}, password.error()};
    token_.clear();
    const json body{{"name", password->first}, {"password", password->second}};
    attempt a = try_once("auth/authenticate",
                         body.dump(-1, ' ', false, json::error_handler_t::replace), deadline);
    if (a.what == kind::answered) {
        token_ = text_in(a.body, "token");
    } else if (a.why.detail.find("not enabled") != std::string::npos) {
        a = {kind::answered, {}, {}};  // an etcd that wants no password
    } else if (a.what == kind::log_in || a.why.is("rejected")) {
        a = {kind::refused, {}, {"denied", std::move(a.why.detail)}};
    }
    if (a.what == kind::answered) needs_log_in_ = false;
    return a;
}

result<json> etcd_gateway::call(const std::string& path, const json& body, effect e) {
    using kind = attempt::kind;
    const auto deadline = std::chrono::steady_clock::now() + options_.patience;
    const std::string text = body.dump(-1, ' ', false, json::error_handler_t::replace);
    bool may_be_done = false;
    bool was_refused_log_in = false;
    std::size_t silent = 0;  // endpoints without a connection, one after the other
    error last{"unreachable", "closed"};
    for (std::size_t tried = 0; !is_interrupted(); ++tried) {
        if (tried > 0 && std::chrono::steady_clock::now() >= deadline) break;
        attempt a = needs_log_in_ ? log_in(deadline) : attempt{kind::answered, {}, {}};
        if (a.what == kind::answered) {
            a = try_once(path, text, deadline);
            may_be_done |= a.what == kind::no_answer && e == effect::writes;
        }
        if (a.what == kind::answered) return std::move(a.body);
        last = std::move(a.why);
        if (a.what == kind::refused) break;
        if (a.what == kind::log_in) {
            if (std::exchange(was_refused_log_in, true)) break;
            needs_log_in_ = true;
            continue;
        }
        silent = a.what == kind::not_sent ? silent + 1 : 0;
        if (silent >= endpoints()) break;
        turn_away();
        if ((tried + 1) % endpoints() == 0 && http_.pause(between_rounds)) break;
    }
    if (may_be_done) return fail("unknown", last.detail);
    return tl::unexpected(std::move(last));
}

result<void> etcd_gateway::open_stream(const std::string& path, const json& body) {
    using kind = attempt::kind;
    if (needs_log_in_) {
        attempt a = log_in(std::chrono::steady_clock::now() + options_.patience);
        if (a.what != kind::answered) return tl::unexpected(std::move(a.why));
    }
    http_.open_stream(request_of(path, body.dump()));
    return {};
}

}  // namespace kv
