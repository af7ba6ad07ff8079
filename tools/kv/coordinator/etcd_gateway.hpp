// etcd_gateway: requests to etcd's JSON gateway, for one thread: several endpoints, deadlines, log-in.
//
// A request goes to the endpoint that answered last, and to the next one when that gives no answer. So a write may be
// made twice: all writes here are compare-and-swaps, of which the second finds that the first was made.
#pragma once

#include <chrono>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "libbeamcore/base/result.hpp"
#include "tools/kv/coordinator/http_client.hpp"
#include "tools/kv/coordinator/open.hpp"

namespace kv {

class etcd_gateway {
public:
    explicit etcd_gateway(const etcd_options& options);

    enum class effect : std::uint8_t { reads, writes };

    /// POST `/v3/PATH`. Errors: `unreachable`; `unknown` (a write that may arrive yet); `denied`; `enospc` (etcd's
    /// quota is used up); `not_found` (a lease); `rejected`, with etcd's words.
    [[nodiscard]] beam::result<nlohmann::json> call(const std::string& path,
                                                    const nlohmann::json& body, effect e);

    // An answer without end, from one endpoint.

    /// Errors: those of a log-in, which are call()'s.
    [[nodiscard]] beam::result<void> open_stream(const std::string& path,
                                                 const nlohmann::json& body);
    /// Errors: `closed`. Nothing: no line came in time.
    [[nodiscard]] beam::result<std::optional<std::string>> read_line(http_time deadline) {
        return http_.read_line(deadline);
    }
    void close_stream() { http_.close_stream(); }
    [[nodiscard]] bool has_stream() const { return http_.has_stream(); }

    /// The next endpoint, and a new log-in.
    void turn_away();
    [[nodiscard]] std::size_t endpoints() const { return options_.endpoints.size(); }

    bool pause(std::chrono::milliseconds d) { return http_.pause(d); }
    void interrupt() { http_.interrupt(); }
    [[nodiscard]] bool is_interrupted() const { return http_.is_interrupted(); }

private:
    struct attempt;
    [[nodiscard]] http_request request_of(const std::string& path, std::string body) const;
    [[nodiscard]] attempt try_once(const std::string& path, const std::string& body,
                                   http_time deadline);
    [[nodiscard]] attempt log_in(http_time deadline);
    [[nodiscard]] http_time attempt_limit(http_time deadline) const;

    const etcd_options options_;
    http_client http_;
    std::size_t at_ = 0;  // the endpoint that is asked first
    std::string token_;
    bool needs_log_in_;
};

/// User and password. Errors: `denied` (others may read the file), the system's, `bad_options`.
[[nodiscard]] beam::result<std::pair<std::string, std::string>> read_password_file(
    const std::string& file);

}  // namespace kv
