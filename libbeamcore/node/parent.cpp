#include "libbeamcore/node/parent.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <map>
#include <optional>

#include "libbeamcore/node/child_process.hpp"
#include "libbeamcore/node/handover.hpp"
#include "libbeamcore/node/log_file.hpp"
#include "libbeamcore/node/node_files.hpp"
#include "libbeamcore/node/parent_protocol.hpp"
#include "libbeamcore/node/ready_pipe.hpp"
#include "libbeamcore/node/restart_pace.hpp"
#include "libbeamcore/node/sd_notify.hpp"
#include "libbeamcore/node/startup_pages.hpp"

namespace beam {
namespace {

using clock = std::chrono::steady_clock;
using parent_protocol::io;
using std::chrono::milliseconds;

constexpr int code_done = 0;
constexpr int code_already_running = 1;
constexpr int code_unavailable = 69;
constexpr int code_bug = 70;
constexpr int code_cannot_create = 73;
constexpr int code_bad_configuration = 78;

constexpr std::size_t kept_max = 1000;
constexpr std::size_t unsent_max = 1000;

std::int64_t unix_ms() {
    timespec now{};
    ::clock_gettime(CLOCK_REALTIME, &now);
    return std::int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1'000'000;
}

std::string sender_of(const signalfd_siginfo& info) {
    return "pid " + std::to_string(info.ssi_pid) + " of uid " + std::to_string(info.ssi_uid);
}

class parent {
public:
    explicit parent(const parent_options& options)
        : options_(options),
          log_(options.node.log_path(), options.foreground),
          handed_over_(handover::take()),
          // After an execve that number is stale, and may be another descriptor by now.
          ready_(handed_over_ ? -1 : options.ready_fd),
          service_(sd_notify::from_environment()) {}

    int run();

private:
    // Start and end.
    std::optional<int> take_over(const handover& from);
    std::optional<int> begin_fresh();
    void start_child(const std::string& reason);
    void begin_stop(const std::string& reason);
    void begin_restart(const std::string& reason);
    void withdraw_socket();
    void finish(int code, const std::string& why);
    void reexec();

    // Events.
    void step();
    void on_signal(const signalfd_siginfo& info);
    void reread();
    void on_packet(parent_protocol::packet& packet);
    void on_child_exit(int status);
    void on_crash(const std::string& how);
    void reap();
    void read_link();
    void read_output();
    void check_files();
    void on_time();

    void send(std::string_view verb, const std::vector<std::string>& arguments = {}, int fd = -1);
    void flush_unsent();
    [[nodiscard]] int poll_timeout() const;

    struct unsent {
        std::string bytes;
        unique_fd fd;
    };

    parent_options options_;
    log_file log_;
    std::optional<handover> handed_over_;
    ready_pipe ready_;
    sd_notify service_;
    node_files files_{options_.node, log_};
    unique_fd signals_;
    std::map<std::string, unique_fd> kept_;

    child_process child_;
    std::vector<pid_t> spared_;  // children this process had before it became a parent (exec)
    std::deque<unsent> unsent_;
    std::string start_reason_;
    std::string stop_reason_;
    std::string boot_failure_;
    clock::time_point child_started_;
    clock::time_point started_ = clock::now();
    std::int64_t started_ms_ = unix_ms();
    restart_pace pace_{options_.intensity, options_.period};
    int restarts_ = 0;
    bool ever_ready_ = false;
    bool stopping_ = false;    // the node ends with this child
    bool restarting_ = false;  // this child's end was asked for, and another follows
    bool replace_self_ = false;
    std::optional<clock::time_point> kill_at_;
    std::optional<clock::time_point> start_at_;  // when the next runtime is due
    std::optional<clock::time_point> ping_at_;
    std::optional<int> code_;
};

int parent::run() {
    ::signal(SIGPIPE, SIG_IGN);
    ::signal(SIGXFSZ, SIG_IGN);  // a log at its limit (ulimit -f) is no reason to die
    sigset_t mask;
    sigemptyset(&mask);
    for (int s : {SIGCHLD, SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2}) sigaddset(&mask, s);
    ::sigprocmask(SIG_BLOCK, &mask, nullptr);
    signals_.reset(::signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK));
    ::prctl(PR_SET_CHILD_SUBREAPER, 1);

    if (auto code = handed_over_ ? take_over(*handed_over_) : begin_fresh()) return *code;
    handed_over_.reset();
    files_.watch();
    if (service_.watchdog()) ping_at_ = clock::now();
    if (child_.pid < 0) start_child(start_reason_);
    check_files();
    reap();  // a child may have died before SIGCHLD was blocked by this program
    while (!code_) step();
    return *code_;
}

std::optional<int> parent::begin_fresh() {
    const auto& node = options_.node;
    const auto refuse = [&](int code, const std::string& why) {
        // Not through the log when another node lives: it is that node's.
        if (code == code_already_running) {
            if (options_.foreground)
                ::dprintf(2, "beamd: start %s failed: %s\n", node.name.c_str(), why.c_str());
        } else {
            log_.line("start failed: " + why);
        }
        ready_.failed(why);
        return code;
    };

    // Who only looks whether the lock is held takes it for a moment.
    auto lock = lock_file::take(node.lock_path());
    for (int i = 0; i < 20 && !lock && lock.error().is("held"); ++i) {
        const timespec moment{0, 10'000'000};
        ::nanosleep(&moment, nullptr);
        lock = lock_file::take(node.lock_path());
    }
    if (!lock && lock.error().is("held"))
        return refuse(code_already_running, "a node \"" + node.name +
                                                "\" is already running; try: beamd status --node " +
                                                node.name);
    if (!lock) return refuse(code_cannot_create, lock.error().detail);
    files_.lock = std::move(*lock);

    const int given = sd_listen_fd();
    auto listening =
        given >= 0 ? listener::adopt(given, false) : listener::bind(node.socket_path());
    if (!listening) {
        const bool too_long = listening.error().is("path_too_long");
        return refuse(too_long ? code_bad_configuration : code_cannot_create,
                      "cannot listen: " + listening.error().detail);
    }
    files_.socket = std::move(*listening);
    log_.line("start of node " + node.name + ", version " + node.version + ": " + node.started_by);
    if (given >= 0 && files_.socket.path() != node.socket_path())
        log_.line("the service manager's socket is " + files_.socket.path() + ", not " +
                  node.socket_path());
    start_reason_ = "started";
    spared_ = children_of_this_process();
    return std::nullopt;
}

// The other half of reexec().
std::optional<int> parent::take_over(const handover& from) {
    files_.lock = lock_file::adopt(from.descriptor("lock"), options_.node.lock_path());
    auto listening = listener::adopt(from.descriptor("listen"), from.number("owns") == 1);
    if (!listening) {
        log_.line("cannot take over the socket: " + listening.error().detail);
        return code_bug;
    }
    files_.socket = std::move(*listening);
    child_.pid = static_cast<pid_t>(from.number("child"));
    child_.link.reset(from.descriptor("link"));
    child_.output.reset(from.descriptor("output"));
    restarts_ = static_cast<int>(from.number("restarts"));
    started_ms_ = from.number("started");
    started_ = clock::now() - milliseconds(unix_ms() - started_ms_);
    ever_ready_ = true;
    start_reason_ = from.text("reason");
    for (const auto& [pid, value] : from.all_of("spare"))
        spared_.push_back(static_cast<pid_t>(std::atoi(value.c_str())));
    for (const auto& [name, value] : from.all_of("keep"))
        kept_[name].reset(from.descriptor("keep " + name));
    log_.line("the parent goes on as version " + options_.node.version);
    return std::nullopt;
}

void parent::reexec() {
    if (options_.self_command.empty()) return;
    handover all;
    all.add_fd("lock", files_.lock.fd());
    all.add_fd("listen", files_.socket.fd());
    all.add("owns", files_.socket.owns_path() ? "1" : "0");
    if (child_.pid > 0) {
        all.add("child", std::to_string(child_.pid));
        all.add_fd("link", child_.link.get());
        all.add_fd("output", child_.output.get());
    }
    all.add("restarts", std::to_string(restarts_));
    all.add("started", std::to_string(started_ms_));
    all.add("reason", start_reason_);
    for (pid_t pid : spared_) all.add("spare " + std::to_string(pid), std::to_string(pid));
    for (const auto& [name, fd] : kept_) all.add_fd("keep " + name, fd.get());
    all.leave();
    service_.restore_environment();

    auto words = options_.self_command;
    std::vector<char*> arguments;
    arguments.reserve(words.size() + 1);
    for (auto& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    ::execv(arguments[0], arguments.data());
    log_.line(std::string("cannot execute ") + arguments[0] + ": " + std::strerror(errno) +
              "; going on with version " + options_.node.version);
    handover::withdraw();
    service_ = sd_notify::from_environment();
}

void parent::start_child(const std::string& reason) {
    start_reason_ = reason;
    boot_failure_.clear();
    unsent_.clear();
    kill_at_.reset();
    start_at_.reset();
    child_started_ = clock::now();
    auto child = start_child_process(options_, files_.socket.fd(), files_.lock.fd());
    if (!child) {
        on_crash("not started: " + child.error().detail);
        return;
    }
    child_ = std::move(*child);
    log_.line("runtime " + std::to_string(child_.pid) + " starts: " + reason);
}

void parent::begin_stop(const std::string& reason) {
    if (stopping_) return;
    stopping_ = true;
    stop_reason_ = reason;
    log_.line("stop: " + reason);
    service_.send("STOPPING=1");
    withdraw_socket();
    if (child_.pid < 0) return finish(code_done, reason);
    if (!restarting_) send("stop", {reason});
    kill_at_ = clock::now() + options_.drain;
}

// From now on a tool finds no socket, and waits for our lock before it starts a node of its own. Who
// is in the queue already sees the connection end unanswered, and comes back.
void parent::withdraw_socket() {
    files_.socket.unlink_if_mine();
}

void parent::begin_restart(const std::string& reason) {
    replace_self_ = true;
    if (stopping_ || restarting_) return;
    start_reason_ = reason;
    log_.line("restart: " + reason);
    if (child_.pid < 0) {  // after a crash, before the next runtime
        start_at_.reset();
        if (std::exchange(replace_self_, false)) reexec();
        return start_child(reason);
    }
    restarting_ = true;
    send("stop", {reason, "again"});
    kill_at_ = clock::now() + options_.drain;
}

void parent::finish(int code, const std::string& why) {
    if (const int n = end_orphans(spared_))
        log_.line("ended " + std::to_string(n) + " processes left behind");
    withdraw_socket();
    log_.line("end of node " + options_.node.name + ": " + why);
    ready_.failed(why);
    code_ = code;
}

void parent::step() {
    pollfd waits[4] = {
        {signals_.get(), POLLIN, 0},
        {files_.changes(), POLLIN, 0},
        {child_.link.get(), static_cast<short>(unsent_.empty() ? POLLIN : POLLIN | POLLOUT), 0},
        {child_.output.get(), POLLIN, 0}};
    if (::poll(waits, 4, poll_timeout()) < 0) return;
    if (waits[3].revents) read_output();
    if (waits[2].revents & POLLOUT) flush_unsent();
    if (waits[2].revents & ~POLLOUT) read_link();
    if (waits[1].revents) {
        files_.forget_changes();
        check_files();
    }
    if (waits[0].revents) {
        signalfd_siginfo info;
        while (!code_ && ::read(signals_.get(), &info, sizeof info) == sizeof info) on_signal(info);
    }
    if (!code_) on_time();
}

int parent::poll_timeout() const {
    std::optional<clock::time_point> next = kill_at_;
    for (const auto& other : {ping_at_, start_at_})
        if (other && (!next || *other < *next)) next = other;
    if (!next) return -1;
    const auto left = std::chrono::ceil<milliseconds>(*next - clock::now()).count();
    return static_cast<int>(std::clamp<std::int64_t>(left, 0, 1'000'000));
}

void parent::on_time() {
    const auto now = clock::now();
    if (kill_at_ && now >= *kill_at_ && child_.pid > 0) {
        log_.line("runtime " + std::to_string(child_.pid) + " did not stop in time: killed");
        ::kill(child_.pid, SIGKILL);
        kill_at_.reset();
    }
    if (start_at_ && now >= *start_at_) start_child(start_reason_);
    if (ping_at_ && now >= *ping_at_) {
        ping_at_ = now + *service_.watchdog() / 2;
        if (child_.pid > 0 && !stopping_ && !restarting_)
            send("ping");
        else
            service_.send("WATCHDOG=1");
    }
}

void parent::on_signal(const signalfd_siginfo& info) {
    switch (info.ssi_signo) {
        case SIGCHLD:
            reap();
            break;
        case SIGUSR1:
            check_files();
            break;
        case SIGUSR2:
            begin_restart("asked for by " + sender_of(info));
            break;
        case SIGHUP:
            log_.reopen();
            log_.line("reread: SIGHUP from " + sender_of(info));
            reread();
            break;
        default:
            if (stopping_ && child_.pid > 0) {
                log_.line("told twice to stop: the runtime is killed");
                ::kill(child_.pid, SIGKILL);
                break;
            }
            begin_stop(std::string(info.ssi_signo == SIGINT ? "SIGINT" : "SIGTERM") + " from " +
                       sender_of(info));
    }
}

void parent::reread() {
    if (!options_.reread) return;
    auto read = options_.reread();
    if (!read) {
        log_.line("not reread: " + read.error().detail + "; all settings stay as they are");
        return;
    }
    for (const auto& remark : read->remarks) log_.line(remark);
    options_.node.settings = std::move(read->settings);  // for later runtimes, too
    std::vector<std::string> words;
    for (const auto& [key, value] : options_.node.settings) words.insert(words.end(), {key, value});
    send("reread", words);
}

void parent::on_packet(parent_protocol::packet& p) {
    if (p.verb == "hello") {
        send("welcome", {std::to_string(parent_protocol::version), std::to_string(restarts_),
                         std::to_string(started_ms_), start_reason_});
        for (const auto& [name, fd] : kept_) send("give", {name}, fd.get());
        send("begin");
        // It was told before it could listen.
        if (stopping_)
            send("stop", {stop_reason_});
        else if (restarting_)
            send("stop", {start_reason_, "again"});
    } else if (p.verb == "ready") {
        const auto took = std::chrono::duration_cast<milliseconds>(clock::now() - child_started_);
        log_.line("runtime " + std::to_string(child_.pid) + " is ready after " +
                  std::to_string(took.count()) + "ms");
        ever_ready_ = true;
        ready_.ready();
        give_back_startup_pages();
        service_.send("READY=1");
    } else if (p.verb == "failed") {
        boot_failure_ = p.argument(0);
    } else if (p.verb == "keep" && p.fd) {
        if (kept_.size() < kept_max || kept_.count(p.argument(0)))
            kept_[p.argument(0)] = std::move(p.fd);
        else
            log_.line("keep " + p.argument(0) + " refused: " + std::to_string(kept_max) +
                      " descriptors are kept");
    } else if (p.verb == "drop") {
        kept_.erase(p.argument(0));
    } else if (p.verb == "stopping") {
        if (stopping_) return;
        stopping_ = true;
        stop_reason_ = p.argument(0);
        log_.line("stop: " + stop_reason_);
        service_.send("STOPPING=1");
        withdraw_socket();
        kill_at_ = clock::now() + options_.drain;
    } else if (p.verb == "restart") {
        if (stopping_ || restarting_) return;
        restarting_ = true;
        start_reason_ = p.argument(0);
        log_.line("restart: " + start_reason_);
        kill_at_ = clock::now() + options_.drain;
    } else if (p.verb == "reexec") {
        reexec();
    } else if (p.verb == "pong") {
        service_.send("WATCHDOG=1");
    } else if (p.verb == "status") {
        const auto up = std::chrono::duration_cast<milliseconds>(clock::now() - started_);
        send("status",
             {std::to_string(::getpid()), std::to_string(restarts_), std::to_string(up.count())});
    }
}

void parent::reap() {
    int status = 0;
    pid_t pid;
    while ((pid = ::waitpid(-1, &status, WNOHANG)) > 0) {
        if (pid != child_.pid) {
            send("exited", {std::to_string(pid), std::to_string(status)});
            continue;
        }
        // What it said last decides what its end means.
        read_link();
        read_output();
        on_child_exit(status);
        if (code_) return;
    }
}

void parent::on_child_exit(int status) {
    const auto how = describe_wait_status(status);
    const bool orderly = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    log_.line("runtime " + std::to_string(child_.pid) + " " + how);
    child_ = child_process();
    unsent_.clear();
    kill_at_.reset();
    if (const int n = end_orphans(spared_))
        log_.line("ended " + std::to_string(n) + " processes it left behind");

    if (stopping_) return finish(code_done, stop_reason_);
    if (restarting_) {
        restarting_ = false;
        ++restarts_;
        if (std::exchange(replace_self_, false)) reexec();
        return start_child(start_reason_);
    }
    if (!ever_ready_) {
        if (!boot_failure_.empty()) {
            const int code = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
            return finish(code >= 64 && code <= 78 ? code : code_unavailable, boot_failure_);
        }
        return finish(code_bug, "the runtime ended while it started (" + how +
                                    "); log: " + options_.node.log_path());
    }
    if (orderly) return finish(code_done, "the runtime ended by itself");
    on_crash(boot_failure_.empty() ? how : boot_failure_);
}

void parent::on_crash(const std::string& how) {
    const auto now = clock::now();
    const auto verdict = pace_.died(now, child_started_);
    if (verdict.give_up)
        return finish(code_bug, "gave up: the runtime died " + std::to_string(verdict.deaths) +
                                    " times within " + std::to_string(options_.period.count()) +
                                    "ms, at last: " + how);
    ++restarts_;
    start_reason_ = "crashed: " + how;
    if (verdict.pause.count() == 0) return start_child(start_reason_);
    log_.line("the next runtime starts in " + std::to_string(verdict.pause.count()) + "ms");
    start_at_ = now + verdict.pause;
}

void parent::read_link() {
    parent_protocol::packet p;
    while (child_.link && !code_) {
        const auto got = parent_protocol::receive_packet(child_.link.get(), p);
        if (got == io::would_block) return;
        if (got == io::closed) {
            // Its exit follows. If only the socket was closed, it can no longer be told anything.
            child_.link.reset();
            if (!kill_at_) kill_at_ = clock::now() + options_.drain;
            return;
        }
        on_packet(p);
    }
}

void parent::read_output() {
    char buffer[16 * 1024];
    // Bounded, so that a talkative runtime cannot keep us from its signals.
    for (int i = 0; i < 64 && child_.output; ++i) {
        const auto n = ::read(child_.output.get(), buffer, sizeof buffer);
        if (n > 0)
            log_.raw({buffer, static_cast<std::size_t>(n)});
        else if (n == 0)
            child_.output.reset();
        else if (errno != EINTR)
            return;
    }
}

void parent::check_files() {
    if (stopping_ || code_) return;
    switch (files_.check()) {
        case node_files::state::in_order:
            return;
        case node_files::state::new_socket:
            return send("listener", {}, files_.socket.fd());
        case node_files::state::lost:
            return begin_stop("its lock file was deleted, and another node holds the new one");
    }
}

void parent::send(std::string_view verb, const std::vector<std::string>& arguments, int fd) {
    if (!child_.link || unsent_.size() >= unsent_max) return;
    unsent_.push_back({parent_protocol::encode(verb, arguments),
                       unique_fd(fd >= 0 ? ::fcntl(fd, F_DUPFD_CLOEXEC, 3) : -1)});
    flush_unsent();
}

void parent::flush_unsent() {
    while (!unsent_.empty() && child_.link) {
        const auto& first = unsent_.front();
        if (parent_protocol::send_packet(child_.link.get(), first.bytes, first.fd.get()) ==
            io::would_block)
            return;
        unsent_.pop_front();
    }
}

}  // namespace

int run_parent(const parent_options& options) {
    return parent(options).run();
}

}  // namespace beam
