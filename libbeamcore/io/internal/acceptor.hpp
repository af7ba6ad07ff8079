// acceptor: a listening descriptor.
#pragma once

#include <sys/stat.h>

#include <asio/posix/stream_descriptor.hpp>
#include <asio/steady_timer.hpp>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "libbeamcore/io/internal/service.hpp"
#include "libbeamcore/io/listener.hpp"

namespace beam::io::detail {

class acceptor final : public io_object, public std::enable_shared_from_this<acceptor> {
public:
    acceptor(std::shared_ptr<service> s, const listen_options& options);
    ~acceptor();

    /// `path`: of the file to unlink at the end; empty: none.
    [[nodiscard]] result<void> open(unique_fd fd, std::string path);

    [[nodiscard]] token id() const { return id_; }
    [[nodiscard]] int native() const;
    void activate(pid owner, std::uint32_t n);
    void deactivate();
    /// A connection; nothing, and a wake will come; or why not.
    [[nodiscard]] result<std::optional<connection>> try_accept(pid owner);
    void cancel_wake();
    void close();
    [[nodiscard]] unique_fd release();
    void abandon() noexcept override { close(); }

private:
    void wait_for_client();
    void on_client(const std::error_code& ec);
    void accept_some();
    void pause();
    [[nodiscard]] result<std::optional<connection>> accept_one(int& number);
    void close_now();

    const std::shared_ptr<service> service_;
    const token id_;
    const listen_options options_;
    mutable std::mutex mutex_;
    asio::posix::stream_descriptor fd_;
    asio::steady_timer retry_;
    pid owner_;
    std::uint32_t credit_ = 0;
    bool waiting_ = false;
    bool paused_ = false;
    bool failure_told_ = false;
    bool accepter_waits_ = false;
    std::string path_;
    dev_t device_ = 0;
    ino_t inode_ = 0;
};

}  // namespace beam::io::detail
