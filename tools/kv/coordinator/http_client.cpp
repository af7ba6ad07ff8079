#include "tools/kv/coordinator/http_client.hpp"

#include <curl/curl.h>

#include <algorithm>
#include <mutex>
#include <utility>

namespace kv {

using beam::fail;
using beam::result;

namespace {

constexpr std::size_t answer_max = std::size_t{64} << 20;
constexpr std::chrono::milliseconds connect_limit{800};

struct easy_deleter {
    void operator()(CURL* e) const { ::curl_easy_cleanup(e); }
};
struct multi_deleter {
    void operator()(CURLM* m) const { ::curl_multi_cleanup(m); }
};
struct list_deleter {
    void operator()(curl_slist* l) const { ::curl_slist_free_all(l); }
};
using easy_handle = std::unique_ptr<CURL, easy_deleter>;
using header_list = std::unique_ptr<curl_slist, list_deleter>;

std::chrono::milliseconds time_until(http_time t) {
    return std::chrono::ceil<std::chrono::milliseconds>(t - std::chrono::steady_clock::now());
}

std::size_t append(char* bytes, std::size_t size, std::size_t n, void* to) {
    auto& text = *static_cast<std::string*>(to);
    if (text.size() + size * n > answer_max) return 0;
    text.append(bytes, size * n);
    return size * n;
}

/// One request on its way.
struct transfer {
    easy_handle easy;
    header_list headers;
    std::string body;
    std::string got;
    bool is_done = false;
    CURLcode code = CURLE_OK;

    [[nodiscard]] long status() const {
        long s = 0;
        ::curl_easy_getinfo(easy.get(), CURLINFO_RESPONSE_CODE, &s);
        return s;
    }
    /// Whether the request, or a part of it, has been sent.
    [[nodiscard]] bool was_sent() const {
        long bytes = 0;
        ::curl_easy_getinfo(easy.get(), CURLINFO_REQUEST_SIZE, &bytes);
        return bytes > 0;
    }
};

bool is_about_certificates(CURLcode code) {
    return code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE ||
           code == CURLE_SSL_CERTPROBLEM;
}

}  // namespace

class http_handles {
public:
    explicit http_handles(const http_options& options) : options_(options) {
        static std::once_flag once;
        std::call_once(once, [] { ::curl_global_init(CURL_GLOBAL_DEFAULT); });
        multi_.reset(::curl_multi_init());
    }
    ~http_handles() {
        end(call_);
        end(stream_);
    }
    http_handles(const http_handles&) = delete;
    http_handles& operator=(const http_handles&) = delete;

    /// `connection` is used again, with what it has open.
    [[nodiscard]] std::unique_ptr<transfer> begin(const http_request& r, easy_handle connection) {
        auto t = std::make_unique<transfer>();
        t->easy = connection ? std::move(connection) : easy_handle(::curl_easy_init());
        t->body = r.body;
        CURL* e = t->easy.get();
        ::curl_easy_reset(e);
        t->headers.reset(::curl_slist_append(nullptr, "Content-Type: application/json"));
        if (!r.authorization.empty())
            ::curl_slist_append(t->headers.get(), ("Authorization: " + r.authorization).c_str());
        ::curl_slist_append(t->headers.get(), "Expect:");
        ::curl_easy_setopt(e, CURLOPT_URL, r.url.c_str());
        ::curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
        ::curl_easy_setopt(e, CURLOPT_HTTP_VERSION, long{CURL_HTTP_VERSION_1_1});
        ::curl_easy_setopt(e, CURLOPT_PROXY, "");
        ::curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
        ::curl_easy_setopt(e, CURLOPT_TCP_KEEPALIVE, 1L);
        ::curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, long(connect_limit.count()));
        ::curl_easy_setopt(e, CURLOPT_HTTPHEADER, t->headers.get());
        ::curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE, curl_off_t(t->body.size()));
        ::curl_easy_setopt(e, CURLOPT_POSTFIELDS, t->body.c_str());
        ::curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, &append);
        ::curl_easy_setopt(e, CURLOPT_WRITEDATA, &t->got);
        ::curl_easy_setopt(e, CURLOPT_PRIVATE, t.get());
        const auto file = [&](CURLoption option, const std::string& path) {
            if (!path.empty()) ::curl_easy_setopt(e, option, path.c_str());
        };
        file(CURLOPT_CAINFO, options_.ca_file);
        file(CURLOPT_SSLCERT, options_.certificate_file);
        file(CURLOPT_SSLKEY, options_.key_file);
        ::curl_multi_add_handle(multi_.get(), e);
        return t;
    }

    void end(std::unique_ptr<transfer>& t) {
        if (!t) return;
        ::curl_multi_remove_handle(multi_.get(), t->easy.get());
        t.reset();
    }
    [[nodiscard]] easy_handle end_and_keep(std::unique_ptr<transfer>& t) {
        ::curl_multi_remove_handle(multi_.get(), t->easy.get());
        easy_handle kept = std::move(t->easy);
        t.reset();
        return kept;
    }

    /// Moves what can be moved, and notes what has ended.
    void perform() {
        int running = 0, left = 0;
        ::curl_multi_perform(multi_.get(), &running);
        while (const CURLMsg* m = ::curl_multi_info_read(multi_.get(), &left)) {
            if (m->msg != CURLMSG_DONE) continue;
            char* of = nullptr;
            ::curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &of);
            auto* t = reinterpret_cast<transfer*>(of);
            t->is_done = true;
            t->code = m->data.result;
        }
    }
    /// Waits for something to move, or a wake-up.
    void wait(std::chrono::milliseconds limit) {
        const auto ms = std::clamp<std::int64_t>(limit.count(), 0, 60'000);
        ::curl_multi_poll(multi_.get(), nullptr, 0, int(ms), nullptr);
    }
    void wake() { ::curl_multi_wakeup(multi_.get()); }

    std::unique_ptr<transfer> call_, stream_;
    easy_handle idle_;  // of the last call

private:
    const http_options& options_;
    std::unique_ptr<CURLM, multi_deleter> multi_;
};

http_client::http_client(const http_options& options)
    : options_(options), handles_(std::make_unique<http_handles>(options_)) {}
http_client::~http_client() = default;

result<http_answer> http_client::post(const http_request& request, http_time deadline) {
    http_handles& h = *handles_;
    h.call_ = h.begin(request, std::move(h.idle_));
    transfer& t = *h.call_;
    for (;;) {
        h.perform();
        if (t.is_done || is_interrupted_) break;
        const auto rest = time_until(deadline);
        if (rest.count() <= 0) break;
        h.wait(rest);
    }
    const bool is_ok = t.is_done && t.code == CURLE_OK;
    const bool was_sent = t.was_sent();
    const CURLcode code = t.code;
    const bool is_done = t.is_done;
    http_answer answer{t.status(), std::move(t.got)};
    h.idle_ = h.end_and_keep(h.call_);
    if (is_ok) return answer;
    const std::string why = !is_done ? "no answer in time" : ::curl_easy_strerror(code);
    if (is_about_certificates(code)) return fail("bad_certificate", request.url + ": " + why);
    return fail(was_sent ? "no_answer" : "not_sent", request.url + ": " + why);
}

bool http_client::pause(std::chrono::milliseconds d) {
    const auto end = std::chrono::steady_clock::now() + d;
    while (!is_interrupted_) {
        const auto rest = time_until(end);
        if (rest.count() <= 0) return false;
        handles_->wait(rest);
        handles_->perform();
    }
    return true;
}

void http_client::open_stream(const http_request& request) {
    handles_->end(handles_->stream_);
    handles_->stream_ = handles_->begin(request, {});
}

void http_client::close_stream() {
    handles_->end(handles_->stream_);
}

bool http_client::has_stream() const {
    return handles_->stream_ != nullptr;
}

result<std::optional<std::string>> http_client::read_line(http_time deadline) {
    http_handles& h = *handles_;
    if (!h.stream_) return fail("closed", "there is no stream");
    transfer& t = *h.stream_;
    for (;;) {
        h.perform();
        if (const auto end = t.got.find('\n'); end != std::string::npos) {
            std::string line = t.got.substr(0, end);
            t.got.erase(0, end + 1);
            return line;
        }
        if (t.is_done) {
            const std::string why =
                t.code == CURLE_OK
                    ? "HTTP status " + std::to_string(t.status()) + ": " + t.got.substr(0, 300)
                    : ::curl_easy_strerror(t.code);
            h.end(h.stream_);
            return fail("closed", why);
        }
        const auto rest = time_until(deadline);
        if (is_interrupted_ || rest.count() <= 0) return std::optional<std::string>();
        h.wait(rest);
    }
}

void http_client::interrupt() {
    is_interrupted_ = true;
    handles_->wake();
}

}  // namespace kv
