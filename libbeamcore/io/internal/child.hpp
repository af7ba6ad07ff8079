// child: an OS process that leads a group, and its pipes.
//
// It goes through: running -> (its leader ends) -> emptying -> gone. The leader is watched through a pidfd.
// It is reaped when it has ended; then its group is told to end if somebody is left in it, and asked for
// every now and then until nobody is. As long as there is a leader that was not reaped, or anybody else in
// the group, the kernel gives the group's number to nobody else, so a signal reaches no stranger; between
// two looks it could be emptied and its number used again only if all numbers were used up in between.
//
// Locks: the streams' hooks come in under a stream's lock and take this one's; so nothing here calls a
// stream under its own.
#pragma once

#include <sys/types.h>

#include <asio/posix/stream_descriptor.hpp>
#include <asio/steady_timer.hpp>
#include <chrono>
#include <memory>
#include <mutex>
#include <optional>

#include "libbeamcore/io/internal/service.hpp"
#include "libbeamcore/io/internal/stream.hpp"
#include "libbeamcore/io/os_port.hpp"

namespace beam::io::detail {

class child final : public io_object, public std::enable_shared_from_this<child> {
public:
    child(std::shared_ptr<service> s, std::chrono::milliseconds grace);
    ~child();

    [[nodiscard]] result<void> start(const port_options& options);

    [[nodiscard]] token id() const { return id_; }
    [[nodiscard]] pid_t os_pid() const { return pid_; }
    [[nodiscard]] const std::shared_ptr<stream>& input() const { return input_; }
    /// 1 and 2; null if it is no pipe.
    [[nodiscard]] std::shared_ptr<stream> output(int number) const {
        return number == 1 ? output_ : number == 2 ? error_output_ : nullptr;
    }

    void activate(pid owner, int stream, std::uint32_t n);
    result<void> kill(int signal);
    [[nodiscard]] std::optional<exit_status> status() const;
    /// The status; nothing, and a wake will come.
    [[nodiscard]] result<std::optional<exit_status>> try_wait(pid owner);
    void cancel_wake();
    void close();

    void abandon() noexcept override;
    void kill_group() noexcept override;

private:
    enum class phase : std::uint8_t { running, emptying, gone };

    [[nodiscard]] result<void> spawn(const port_options& options, int in, int out, int err);
    void wait_for_end();
    void on_end(const std::error_code& ec);
    void reap(bool waits);
    void end_group();
    void look_again();
    void kill_after_grace();
    void group_is_gone();
    void output_ended();
    void tell_exited();

    const std::shared_ptr<service> service_;
    const token id_ = next_token();
    const std::chrono::milliseconds grace_;
    pid_t pid_ = -1;
    std::shared_ptr<stream> input_, output_, error_output_;

    mutable std::mutex mutex_;
    asio::posix::stream_descriptor pidfd_;
    asio::steady_timer timer_;
    std::chrono::steady_clock::time_point kill_at_;
    std::chrono::milliseconds pause_{10};
    phase phase_ = phase::running;
    std::optional<exit_status> status_;
    pid owner_;
    bool tells_ = false;
    bool told_ = false;
    bool waiter_ = false;
    bool closed_ = false;
    bool killed_ = false;   // SIGKILL was sent
    bool killing_ = false;  // close() waits for the end in the background
    int outputs_open_ = 0;
};

}  // namespace beam::io::detail
