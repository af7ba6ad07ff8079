// tls_session: the TLS of one stream. It reads from the stream's socket and writes into the stream's output; whoever uses
// it holds the stream's lock.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "libbeamcore/base/result.hpp"
#include "libbeamcore/io/certificate.hpp"
#include "libbeamcore/io/internal/byte_queue.hpp"
#include "libbeamcore/io/tls.hpp"

struct ssl_st;

namespace beam::io::detail {

class tls_session {
public:
    enum class side : std::uint8_t { server, client };
    enum class progress : std::uint8_t { done, wants_input, failed };

    /// Whom a client connects to; empty: the peer's certificate may be for any host.
    tls_session(const tls_context& context, side s, const std::string& host);
    tls_session(const tls_session&) = delete;
    tls_session& operator=(const tls_session&) = delete;
    ~tls_session();

    /// Before all else. `early` was read from the socket already.
    void attach(int fd, byte_queue& out, std::string early);

    /// Goes on with the handshake. What it says, be it why it failed, is in the output.
    [[nodiscard]] progress handshake();
    [[nodiscard]] bool is_open() const { return state_ != state::handshake && !has_failed(); }
    [[nodiscard]] bool has_failed() const { return !failure_.code.empty(); }
    [[nodiscard]] const error& failure() const { return failure_; }
    /// It is given up, for that reason.
    void give_up(error why);
    /// Nothing more will come.
    [[nodiscard]] bool input_is_over() const {
        return state_ == state::input_ended || has_failed();
    }

    /// As ::recv: 0 is the peer's orderly end; with EPROTO failure() says why.
    [[nodiscard]] std::ptrdiff_t read(char* to, std::size_t n);
    /// False: it has failed.
    [[nodiscard]] bool write(std::string_view bytes);
    /// Tells the peer that no more will come.
    void finish();

    [[nodiscard]] certificate peer() const;
    /// `TLSv1.3 TLS_AES_256_GCM_SHA384`
    [[nodiscard]] std::string name() const;

    // For OpenSSL.
    [[nodiscard]] std::ptrdiff_t receive(char* to, std::size_t n);
    void send(std::string_view bytes) { out_->append(bytes); }
    [[nodiscard]] bool is_at_end() const { return at_end_; }

private:
    enum class state : std::uint8_t { handshake, open, input_ended };
    struct freed {
        void operator()(ssl_st* s) const noexcept;
    };

    [[nodiscard]] error why();

    std::unique_ptr<ssl_st, freed> ssl_;
    int fd_ = -1;
    byte_queue* out_ = nullptr;
    std::string early_;
    state state_ = state::handshake;
    bool at_end_ = false;    // of the socket
    int receive_error_ = 0;  // of the socket
    bool finished_ = false;
    error failure_;
};

}  // namespace beam::io::detail
