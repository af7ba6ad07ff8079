#include "libbeamcore/io/os_port.hpp"

#include "libbeamcore/io/internal/child.hpp"
#include "libbeamcore/io/internal/wait.hpp"

namespace beam::io {

using detail::child;
using detail::stream;

os_port::os_port() noexcept = default;
os_port::os_port(std::shared_ptr<child> c) noexcept : child_(std::move(c)) {}
os_port::os_port(os_port&&) noexcept = default;
os_port& os_port::operator=(os_port&& other) noexcept {
    std::swap(child_, other.child_);
    return *this;
}
os_port::~os_port() {
    close();
}

token os_port::id() const {
    return child_ ? child_->id() : token{};
}
pid_t os_port::os_pid() const {
    return child_ ? child_->os_pid() : -1;
}

void os_port::activate(std::uint32_t n) {
    activate_stream(1, n);
    activate_stream(2, n);
}
void os_port::activate_stream(int number, std::uint32_t n) {
    if (child_) child_->activate(this_process().id(), number, n);
}
void os_port::deactivate() {
    if (!child_) return;
    for (int number : {1, 2})
        if (auto s = child_->output(number)) s->deactivate();
}

awaitable<result<std::string>> os_port::read(timeout limit, int number) {
    return detail::read_from(child_ ? child_->output(number) : nullptr, stream::want::some, 0,
                             limit);
}
awaitable<result<std::string>> os_port::read_line(timeout limit, int number) {
    return detail::read_from(child_ ? child_->output(number) : nullptr, stream::want::line, 0,
                             limit);
}
awaitable<result<void>> os_port::write(std::string bytes, timeout limit) {
    return detail::write_to(child_ ? child_->input() : nullptr, std::move(bytes), limit);
}
result<bool> os_port::try_write(std::string_view bytes) {
    if (!child_ || !child_->input()) return fail("closed");
    return child_->input()->try_write(this_process().id(), bytes, stream::when_full::tell);
}
void os_port::close_input() {
    if (child_ && child_->input()) child_->input()->finish_output();
}

result<void> os_port::kill(int signal) {
    if (!child_) return fail("esrch");
    return child_->kill(signal);
}

namespace {
awaitable<result<exit_status>> wait_for_exit(std::shared_ptr<child> c, timeout limit) {
    if (!c) co_return fail("closed");
    const detail::deadline until(limit);
    for (;;) {
        auto status = c->try_wait(this_process().id());
        if (!status) co_return pass(status);
        if (*status) co_return **status;
        auto woken = co_await detail::wait_for_wake(c->id(), 0, until.left());
        if (woken) continue;
        c->cancel_wake();
        (void)co_await detail::wait_for_wake(c->id(), 0, std::chrono::milliseconds(0));
        co_return fail("timeout");
    }
}
}  // namespace

awaitable<result<exit_status>> os_port::wait(timeout limit) {
    return wait_for_exit(child_, limit);
}
std::optional<exit_status> os_port::status() const {
    return child_ ? child_->status() : std::nullopt;
}
void os_port::close() {
    if (auto c = std::move(child_)) c->close();
}

result<os_port> open_port(const port_options& options) {
    auto c = std::make_shared<child>(detail::service::current(), options.grace);
    if (auto r = c->start(options); !r) return pass(r);
    return os_port(std::move(c));
}

}  // namespace beam::io
