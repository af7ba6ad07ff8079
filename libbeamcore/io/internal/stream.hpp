// stream: one open descriptor that bytes come from or go to; what connections and the pipes of ports are
// made of.
#pragma once

#include <asio/steady_timer.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "libbeamcore/base/unique_fd.hpp"
#include "libbeamcore/io/connection.hpp"
#include "libbeamcore/io/internal/byte_queue.hpp"
#include "libbeamcore/io/internal/poller.hpp"
#include "libbeamcore/io/internal/service.hpp"
#include "libbeamcore/io/internal/tls_session.hpp"
#include "libbeamcore/term/atoms.hpp"

namespace beam::io::detail {

class stream final : public io_object,
                     public poller::watcher,
                     public std::enable_shared_from_this<stream> {
public:
    enum class kind : std::uint8_t { socket, pipe };
    /// What a reader asks for.
    enum class want : std::uint8_t { some, exactly, line };

    stream(std::shared_ptr<service> s, kind k, token id, int number, const stream_options& options);
    ~stream();

    /// Takes the descriptor over. Afterwards: visible to the service, nothing is waited for.
    [[nodiscard]] result<void> open(connection_parts parts);

    [[nodiscard]] token id() const { return id_; }
    [[nodiscard]] int number() const { return number_; }
    /// -1 when closed.
    [[nodiscard]] int native() const;

    // Input. `owner` is told.
    void activate(pid owner, std::uint32_t n);
    void deactivate();
    void set_framing(framing f);
    void set_line_max(std::size_t bytes);
    /// What is asked for, if it is here; nothing, and a wake will come.
    [[nodiscard]] result<std::optional<std::string>> take(pid owner, want w, std::size_t n);
    /// 0: nothing yet, and `readable` will come.
    [[nodiscard]] result<std::size_t> try_read(pid owner, std::span<char> to);

    // Output.
    enum class when_full : std::uint8_t { tell, wake };
    enum class when_sent : std::uint8_t { at_once, soon };
    /// False: full, nothing taken; `how` to say when there is room.
    [[nodiscard]] result<bool> try_write(pid owner, std::string_view bytes, when_full how,
                                         when_sent when = when_sent::at_once);
    /// True: everything is written. False: a wake will come.
    [[nodiscard]] result<std::size_t> try_write_some(pid owner,
                                                     std::span<const std::string_view> pieces);
    [[nodiscard]] result<bool> try_flush(pid owner);
    void finish_output();

    /// For a connecting socket: true when it is connected, false: a wake will come.
    void set_connecting();
    [[nodiscard]] result<bool> try_connect(pid owner);

    // TLS. From begin_tls() on all is encrypted, and nothing but the handshake is possible until it is through.

    /// Errors: `closed`, `tls_begun`.
    [[nodiscard]] result<void> begin_tls(std::unique_ptr<tls_session> tls);
    /// True: it is through. False: an input wake will come. Errors: the session's, and then all that is asked has them.
    [[nodiscard]] result<bool> try_tls_handshake(pid owner);
    void give_up_tls(error why);
    [[nodiscard]] certificate peer_certificate() const;
    [[nodiscard]] std::string tls_name() const;

    /// No wake will come for that any more; one may be in the mailbox.
    void cancel_input_wake();
    void cancel_output_wake();

    void close();
    void abort();
    [[nodiscard]] connection_parts release();
    [[nodiscard]] stream_statistics statistics() const;

    // For a port. The hook runs under the stream's lock when the end of input was told or taken.
    void on_input_end(std::function<void()> hook);
    /// Nobody is left who could be waited for: when nothing is there to be read, that is the end.
    void end_when_empty();

    void abandon() noexcept override;
    void on_events(std::uint32_t events) override;
    void send_put_off() override;

private:
    using locked = std::unique_lock<std::mutex>;
    enum class phase : std::uint8_t { open, lingering, closed };

    void start_reading();
    void start_writing();
    void watch_hang_up();
    void look_again();
    void take_events(std::uint32_t events);
    void on_readable();
    void on_writable();
    void on_hang_up();

    std::ptrdiff_t read_once(char* to, std::size_t n);
    std::ptrdiff_t read_decrypted(char* to, std::size_t n);
    std::ptrdiff_t receive(char* to, std::size_t n);
    void fill();
    void read_into(char* buffer, std::size_t size);
    void note_read(std::ptrdiff_t n, std::size_t wanted);
    void end_input(atom reason);
    [[nodiscard]] atom read_failure() const;
    [[nodiscard]] tl::unexpected<error> input_failure() const;
    void deliver();
    void spend();
    void tell_end_of_input();
    void wake_reader();
    [[nodiscard]] bool wants_input() const;
    [[nodiscard]] std::optional<std::string> take_line();

    std::ptrdiff_t write_once(const char* from, std::size_t n);
    std::ptrdiff_t gather_once(std::span<const std::string_view> pieces);
    void append_output(std::string_view bytes);
    std::size_t write_encrypted(std::string_view bytes);
    void drain();
    void drain_put_off();
    void finish_tls();
    void output_failed(int number);
    void wake_writer();
    [[nodiscard]] result<void> writable_now() const;

    void begin_discarding();
    void discard();
    [[nodiscard]] bool has_unwanted_input();
    void close_now();

    const std::shared_ptr<service> service_;
    const token id_;
    const int number_;
    const kind kind_;
    mutable std::mutex mutex_;
    unique_fd fd_;
    poller::handle watched_ = 0;
    stream_options options_;
    pid owner_;
    phase phase_ = phase::open;
    bool tells_ = false;  // activate() was called: losses are told unasked

    byte_queue in_;
    std::uint32_t credit_ = 0;
    bool counted_ = false;  // credit came by activate(n > 1): its end is told
    bool reading_ = false;  // somebody wants to know when there is something
    bool readable_ = true;  // there was an edge, and not all has been read since
    bool ended_ = false;    // the peer's end was told: reading on comes to it
    bool looks_ = false;    // on_readable is under way by way of the I/O thread
    bool reader_waits_ = false;
    bool readable_message_due_ = false;
    bool input_ended_ = false;
    bool end_told_ = false;
    bool end_when_empty_ = false;
    atom end_reason_ = atoms::eof;
    std::function<void()> input_end_hook_;

    byte_queue out_;                    // for the socket: encrypted where there is TLS
    std::unique_ptr<tls_session> tls_;  // none: plain
    bool writing_ = false;
    bool put_off_ = false;  // it is sent when the poller says so
    bool connecting_ = false;
    enum class writer : std::uint8_t { none, for_room, for_all };
    writer writer_waits_ = writer::none;
    bool room_message_due_ = false;
    bool output_finished_ = false;  // by finish_output() or close()
    int output_error_ = 0;
    bool watching_ = false;
    bool hung_up_ = false;

    std::uint64_t bytes_in_ = 0;
    std::uint64_t bytes_out_ = 0;
    std::optional<asio::steady_timer> linger_timer_;
};

}  // namespace beam::io::detail
