// http_client: POST over HTTP, for one thread, with a deadline of the caller's; by libcurl.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "libbeamcore/base/result.hpp"

namespace kv {

using http_time = std::chrono::steady_clock::time_point;

struct http_options {
    std::string ca_file{}, certificate_file{}, key_file{};  ///< empty: none of our own
};

struct http_request {
    std::string url;
    std::string body;
    std::string authorization{};  ///< a header, if not empty
};

struct http_answer {
    long status = 0;
    std::string body;
};

class http_handles;  // what curl has

class http_client {
public:
    explicit http_client(const http_options& options);
    http_client(const http_client&) = delete;
    http_client& operator=(const http_client&) = delete;
    ~http_client();

    /// Errors: `not_sent` (no connection was made), `no_answer` (it may have arrived), `bad_certificate`.
    [[nodiscard]] beam::result<http_answer> post(const http_request& request, http_time deadline);
    /// Waits, unless it is interrupted. True: it was.
    bool pause(std::chrono::milliseconds d);

    // An answer that does not end, line by line; beside the others.

    void open_stream(const http_request& request);
    void close_stream();
    [[nodiscard]] bool has_stream() const;
    /// The next line; nothing when none has come in time. Errors: `closed`, with the status or what went wrong as detail.
    [[nodiscard]] beam::result<std::optional<std::string>> read_line(http_time deadline);

    /// By any thread, for good: what blocks ends, what comes later fails.
    void interrupt();
    [[nodiscard]] bool is_interrupted() const { return is_interrupted_; }

private:
    const http_options options_;
    std::unique_ptr<http_handles> handles_;
    std::atomic<bool> is_interrupted_{false};
};

}  // namespace kv
