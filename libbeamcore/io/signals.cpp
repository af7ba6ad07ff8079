#include "libbeamcore/io/signals.hpp"

#include <asio/signal_set.hpp>
#include <memory>
#include <mutex>

#include "libbeamcore/io/internal/posix_error.hpp"
#include "libbeamcore/io/internal/service.hpp"

namespace beam::io {

namespace detail {

class signal_source final : public io_object, public std::enable_shared_from_this<signal_source> {
public:
    explicit signal_source(std::shared_ptr<service> s)
        : service_(std::move(s)), set_(service_->context()) {}
    ~signal_source() { service_->remove(this); }

    [[nodiscard]] token id() const { return id_; }

    result<void> open(pid owner, const std::vector<int>& numbers) {
        std::lock_guard lock(mutex_);
        if (numbers.empty()) return fail("einval", "no signal");
        owner_ = owner;
        for (int n : numbers) {
            std::error_code ec;
            set_.add(n, ec);
            if (ec) {
                std::error_code ignored;
                set_.clear(ignored);
                return fail_posix(ec.value(), "signal " + std::to_string(n));
            }
        }
        open_ = true;
        service_->add(this, weak_from_this());
        wait();
        return {};
    }

    void close() {
        std::lock_guard lock(mutex_);
        open_ = false;
        std::error_code ignored;
        set_.cancel(ignored);
        set_.clear(ignored);
    }
    void abandon() noexcept override { close(); }

private:
    void wait() {
        set_.async_wait([self = shared_from_this()](const std::error_code& ec, int number) {
            std::lock_guard lock(self->mutex_);
            if (ec || !self->open_) return;
            self->service_->send(self->owner_, signal_received{self->id_, number});
            self->wait();
        });
    }

    const std::shared_ptr<service> service_;
    const token id_ = next_token();
    std::mutex mutex_;
    asio::signal_set set_;
    pid owner_;
    bool open_ = false;
};

}  // namespace detail

signal_watch::signal_watch() noexcept = default;
signal_watch::signal_watch(std::shared_ptr<detail::signal_source> s) noexcept
    : source_(std::move(s)) {}
signal_watch::signal_watch(signal_watch&&) noexcept = default;
signal_watch& signal_watch::operator=(signal_watch&& other) noexcept {
    std::swap(source_, other.source_);
    return *this;
}
signal_watch::~signal_watch() {
    close();
}
token signal_watch::id() const {
    return source_ ? source_->id() : token{};
}
void signal_watch::close() {
    if (auto s = std::move(source_)) s->close();
}

result<signal_watch> watch_signals(const std::vector<int>& numbers) {
    auto s = std::make_shared<detail::signal_source>(detail::service::current());
    if (auto r = s->open(this_process().id(), numbers); !r) return pass(r);
    return signal_watch(std::move(s));
}

}  // namespace beam::io
