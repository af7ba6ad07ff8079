#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "libbeamcore/base/duration.hpp"
#include "libbeamcore/base/log.hpp"
#include "libbeamcore/base/size.hpp"
#include "libbeamcore/node/child_link.hpp"
#include "libbeamcore/node/internal/boot.hpp"
#include "libbeamcore/node/node.hpp"
#include "libbeamcore/release/code_server.hpp"

namespace beam {

namespace {

using namespace std::chrono_literals;

constexpr std::size_t line_max_max = std::size_t{64} << 20;

std::optional<std::string> variable(const char* name) {
    const char* value = std::getenv(name);
    if (!value || !*value) return {};
    return value;
}

// Each client is a descriptor. Those that are left when so many clients are connected are for stores,
// modules, ports, and for telling the next client that it is one too many.
void make_room_for_clients(node_settings& settings) {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    if (limit.rlim_cur < limit.rlim_max) {
        const rlim_t before = std::exchange(limit.rlim_cur, limit.rlim_max);
        if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) limit.rlim_cur = before;
    }
    const rlim_t others = std::min<rlim_t>(limit.rlim_cur / 2, 200);
    const rlim_t room = limit.rlim_cur - others;
    if (room < settings.connections_max)
        settings.connections_max = static_cast<std::uint32_t>(room);
}

// Wakes the thread that waits for the parent.
class doorbell {
public:
    doorbell() : fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}
    void ring() {
        const std::uint64_t one = 1;
        [[maybe_unused]] auto n = ::write(fd_.get(), &one, sizeof one);
    }
    void quiet() {
        std::uint64_t count = 0;
        [[maybe_unused]] auto n = ::read(fd_.get(), &count, sizeof count);
    }
    [[nodiscard]] int fd() const { return fd_.get(); }

private:
    unique_fd fd_;
};

int run_child(const node_options& options) {
    ::signal(SIGPIPE, SIG_IGN);
    ::signal(SIGXFSZ, SIG_IGN);  // a file at its limit is an error of the write
    const node_settings settings = node_settings::from_environment(options.settings);
    set_log_threshold(*parse_log_level(settings.log_level));
    name_calls_into_purged_code();

    auto link = child_link::open(options);
    if (!link) {
        log(log_level::critical, "node", "no parent process",
            {{"reason", link.error().code}, {"detail", link.error().detail}});
        return 70;
    }
    // The stores of applications lie in it.
    if (::mkdir(options.store_folder().c_str(), 0700) != 0 && errno != EEXIST) {
        link->failed("cannot create " + options.store_folder() + ": " + std::strerror(errno));
        return 73;
    }

    doorbell bell;
    std::atomic<int> exit_code{-1};
    std::atomic<bool> link_is_read{true};
    node_context context;
    context.options = options;
    context.settings = settings;
    make_room_for_clients(context.settings);
    context.link = &*link;
    context.listen.reset(options.listen_fd);
    context.finish = [&](int code) {
        int unset = -1;
        if (exit_code.compare_exchange_strong(unset, code)) bell.ring();
    };
    context.link_read = [&] {
        link_is_read.store(true);
        bell.ring();
    };

    runtime node;
    if (auto booted = boot_node(node, context); !booted) {
        log(log_level::critical, "node", "cannot boot", {{"reason", booted.error().detail}});
        link->failed(booted.error().detail);
        return 70;
    }
    log(log_level::info, "node", "ready", {{"node", options.name}, {"reason", link->start_reason}});
    link->ready();
    while (exit_code.load() < 0) {
        // What the parent says is read by a process, so that its pings are answered only while
        // processes run.
        pollfd waits[2] = {{bell.fd(), POLLIN, 0},
                           {link_is_read.load() ? link->fd() : -1, POLLIN, 0}};
        ::poll(waits, 2, -1);
        if (waits[0].revents) bell.quiet();
        if (waits[1].revents) {
            link_is_read.store(false);
            notify_link(node);
        }
    }
    flush_suppressed_logs();
    return exit_code.load();
}

}  // namespace

node_settings node_settings::from_environment(
    const std::map<std::string, std::string>& configured) {
    node_settings s;
    if (const char* ci = std::getenv("CI"); ci && *ci) {
        s.idle = 5min;
        s.idle_max = 1h;
    }
    const auto find = [&](const char* name, const char* key) -> std::optional<std::string> {
        if (auto text = variable(name)) return text;
        const auto at = configured.find(key);
        return at == configured.end() ? std::nullopt : std::optional(at->second);
    };
    const auto refuse = [](const char* key, const std::string& text, const char* wanted) {
        log(log_level::warning, "node", wanted, {{"setting", key}, {"value", text}});
    };
    if (const auto text = find("BEAM_IDLE_EXIT", "idle_exit")) {
        const auto idle = parse_duration(*text);
        if (idle && idle->count() > 0) {
            s.idle = std::chrono::ceil<std::chrono::milliseconds>(*idle);
            s.idle_max = std::max(s.idle_max, s.idle);
        } else {
            refuse("idle_exit", *text, "not a duration");
        }
    }
    if (const auto text = find("BEAM_LINE_MAX", "line_max")) {
        const auto size = parse_size(*text);
        if (size && *size >= 1024)
            s.line_max = std::min<std::size_t>(*size, line_max_max);
        else
            refuse("line_max", *text, "not a size of at least 1K");
    }
    if (const auto text = find("BEAM_LOG", "log")) {
        if (parse_log_level(*text))
            s.log_level = *text;
        else if (*text == "trace")  // a tool's level, which shows lines of the protocol
            s.log_level = "debug";
        else
            refuse("log", *text, "no level of the log");
    }
    return s;
}

int node_main(const node_options& options) {
    return run_child(options);
}

}  // namespace beam
