#include "libbeamcore/io/internal/child.hpp"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <map>
#include <string>
#include <vector>

#include "libbeamcore/io/internal/posix_error.hpp"

extern char** environ;

namespace beam::io::detail {

namespace {

// The number of waitid's idtype for pidfds; sys/wait.h has it as an enumerator only from glibc 2.36 on.
constexpr auto id_is_pidfd = idtype_t(3);
constexpr auto longest_pause = std::chrono::milliseconds(200);

struct pipe_ends {
    unique_fd read, write;
};

result<pipe_ends> make_pipe() {
    int fds[2];
    if (::pipe2(fds, O_CLOEXEC) != 0) return fail_posix(errno);
    return pipe_ends{unique_fd(fds[0]), unique_fd(fds[1])};
}

/// A descriptor above 2, so that putting the three in their places overwrites none of them.
result<unique_fd> above_stdio(unique_fd fd) {
    if (fd.get() > 2) return fd;
    unique_fd moved(::fcntl(fd.get(), F_DUPFD_CLOEXEC, 3));
    if (!moved) return fail_posix(errno);
    return moved;
}

std::vector<std::string> environment_of(const port_options& options) {
    std::map<std::string, std::string> all;
    if (!options.clear_env)
        for (char** e = environ; e && *e; ++e) {
            const std::string entry(*e);
            const auto at = entry.find('=');
            if (at != std::string::npos) all[entry.substr(0, at)] = entry.substr(at + 1);
        }
    for (const auto& [name, value] : options.env) {
        if (value)
            all[name] = *value;
        else
            all.erase(name);
    }
    std::vector<std::string> entries;
    entries.reserve(all.size());
    for (const auto& [name, value] : all)
        entries.push_back(std::string(name).append("=").append(value));
    return entries;
}

std::vector<char*> pointers_to(std::vector<std::string>& strings) {
    std::vector<char*> pointers;
    pointers.reserve(strings.size() + 1);
    for (auto& s : strings) pointers.push_back(s.data());
    pointers.push_back(nullptr);
    return pointers;
}

// What posix_spawn is told, destroyed with it.
struct spawn_plan {
    posix_spawn_file_actions_t files{};
    posix_spawnattr_t attributes{};
    spawn_plan() {
        ::posix_spawn_file_actions_init(&files);
        ::posix_spawnattr_init(&attributes);
    }
    ~spawn_plan() {
        ::posix_spawn_file_actions_destroy(&files);
        ::posix_spawnattr_destroy(&attributes);
    }
    spawn_plan(const spawn_plan&) = delete;
    spawn_plan& operator=(const spawn_plan&) = delete;
};

exit_status status_of(const siginfo_t& info) {
    if (info.si_code == CLD_EXITED) return {info.si_status, 0};
    return {-1, info.si_status};
}

}  // namespace

child::child(std::shared_ptr<service> s, std::chrono::milliseconds grace)
    : service_(std::move(s)),
      grace_(grace),
      pidfd_(service_->context()),
      timer_(service_->context()) {}

child::~child() {
    service_->remove(this);
}

result<void> child::start(const port_options& options) {
    if (options.argv.empty() || options.argv[0].empty()) return fail("empty_argv");

    result<unique_fd> null = unique_fd(::open("/dev/null", O_RDWR | O_CLOEXEC));
    if (!*null) return fail_posix(errno, "/dev/null");
    null = above_stdio(*std::move(null));
    if (!null) return pass(null);

    unique_fd ours[3], theirs[3];
    auto add_pipe = [&](int number) -> result<void> {
        auto p = make_pipe();
        if (!p) return pass(p);
        auto& mine = number == 0 ? p->write : p->read;
        auto child_end = above_stdio(std::move(number == 0 ? p->read : p->write));
        if (!child_end) return pass(child_end);
        ours[number] = std::move(mine);
        theirs[number] = *std::move(child_end);
        return {};
    };
    auto add_output = [&](int number, output_to to) -> result<void> {
        if (to == output_to::messages) return add_pipe(number);
        return {};
    };
    if (options.input) {
        if (auto r = add_pipe(0); !r) return r;
    }
    if (auto r = add_output(1, options.output); !r) return r;
    if (auto r = add_output(2, options.error_output); !r) return r;

    auto end_for = [&](int number, output_to to) {
        if (theirs[number]) return theirs[number].get();
        return to == output_to::inherit ? number : null->get();
    };
    const int in = theirs[0] ? theirs[0].get() : null->get();
    const int out = end_for(1, options.output);
    const int err =
        options.error_output == output_to::output ? out : end_for(2, options.error_output);

    // All of ours first: what fails must fail before there is a process.
    auto open_stream = [&](int number) -> result<std::shared_ptr<stream>> {
        if (!ours[number]) return std::shared_ptr<stream>();
        auto s =
            std::make_shared<stream>(service_, stream::kind::pipe, id_, number, options.streams);
        connection_parts parts;
        parts.fd = std::move(ours[number]);
        if (auto r = s->open(std::move(parts)); !r) return pass(r);
        return s;
    };
    auto input = open_stream(0);
    auto output = open_stream(1);
    auto error_output = open_stream(2);
    if (!input || !output || !error_output) return fail("emfile", "no descriptor for a pipe");

    if (auto r = spawn(options, in, out, err); !r) {
        for (auto* s : {&*input, &*output, &*error_output})
            if (*s) (*s)->abort();
        return r;
    }
    input_ = *std::move(input);
    output_ = *std::move(output);
    error_output_ = *std::move(error_output);
    outputs_open_ = (output_ ? 1 : 0) + (error_output_ ? 1 : 0);
    for (auto& s : {output_, error_output_})
        if (s)
            s->on_input_end([weak = weak_from_this()] {
                if (auto c = weak.lock()) c->output_ended();
            });
    service_->add(this, weak_from_this());
    std::lock_guard lock(mutex_);
    wait_for_end();
    return {};
}

// posix_spawn: the child shares our memory and our locks do not matter to it; failing to execute is an
// error here, not an exit status there.
result<void> child::spawn(const port_options& options, int in, int out, int err) {
    spawn_plan plan;
    auto* files = &plan.files;
    // `inherit` keeps a descriptor as it is: dup2 onto itself clears close-on-exec.
    ::posix_spawn_file_actions_adddup2(files, in, 0);
    ::posix_spawn_file_actions_adddup2(files, out, 1);
    ::posix_spawn_file_actions_adddup2(files, err, 2);
    ::posix_spawn_file_actions_addclosefrom_np(files, 3);
    if (!options.cwd.empty()) ::posix_spawn_file_actions_addchdir_np(files, options.cwd.c_str());

    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    ::posix_spawnattr_setsigmask(&plan.attributes, &none);
    ::posix_spawnattr_setsigdefault(&plan.attributes, &all);
    ::posix_spawnattr_setpgroup(&plan.attributes, 0);
    ::posix_spawnattr_setflags(
        &plan.attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);

    std::vector<std::string> argv = options.argv;
    std::vector<std::string> env = environment_of(options);
    const auto argv_pointers = pointers_to(argv);
    const auto env_pointers = pointers_to(env);
    pid_t started = -1;
    const int r = ::posix_spawnp(&started, argv[0].c_str(), files, &plan.attributes,
                                 argv_pointers.data(), env_pointers.data());
    if (r != 0) return fail_posix(r, options.cwd.empty() ? argv[0] : options.cwd + ", " + argv[0]);

    // It cannot have been reaped, so its number is still its own.
    unique_fd fd(int(::syscall(SYS_pidfd_open, started, 0)));
    std::error_code ec;
    const int number = fd ? 0 : errno;
    if (fd) pidfd_.assign(fd.get(), ec);
    if (number != 0 || ec) {
        ::kill(-started, SIGKILL);
        ::waitpid(started, nullptr, 0);
        return fail_posix(number != 0 ? number : ec.value(), "pidfd_open");
    }
    (void)fd.release();
    pid_ = started;
    return {};
}

void child::wait_for_end() {
    pidfd_.async_wait(asio::posix::stream_descriptor::wait_read,
                      [self = shared_from_this()](const std::error_code& ec) { self->on_end(ec); });
}

void child::on_end(const std::error_code& ec) {
    bool gone = false;
    {
        std::lock_guard lock(mutex_);
        if (ec || phase_ != phase::running) return;
        reap(false);
        if (!status_) {
            wait_for_end();
            return;
        }
        end_group();
        gone = phase_ == phase::gone;
    }
    if (gone) group_is_gone();
}

void child::reap(bool waits) {
    siginfo_t info{};
    int r;
    do
        r = ::waitid(id_is_pidfd, id_t(pidfd_.native_handle()), &info,
                     WEXITED | (waits ? 0 : WNOHANG));
    while (r != 0 && errno == EINTR);
    if (r == 0 && info.si_pid == 0) return;  // not yet
    // ECHILD: somebody else reaped it (SIGCHLD ignored, a waitpid(-1)); what it gave is not known.
    status_ = r == 0 ? status_of(info) : exit_status{-1, 0};
    std::error_code ignored;
    pidfd_.close(ignored);
    if (waiter_) {
        waiter_ = false;
        service_->send(owner_, wake{id_, 0});
    }
}

// The leader is gone; is anybody left?
void child::end_group() {
    if (::kill(-pid_, killed_ ? SIGKILL : SIGTERM) != 0 && errno == ESRCH) {
        phase_ = phase::gone;
        return;
    }
    ::kill(-pid_, SIGCONT);
    if (phase_ == phase::running) {
        phase_ = phase::emptying;
        if (!killing_) {
            killing_ = true;
            service_->linger_begin();
            kill_at_ = std::chrono::steady_clock::now() + grace_;
        }
    }
    look_again();
}

void child::look_again() {
    timer_.expires_after(pause_);
    pause_ = std::min(2 * pause_, longest_pause);
    timer_.async_wait([self = shared_from_this()](const std::error_code& ec) {
        bool gone = false;
        {
            std::lock_guard lock(self->mutex_);
            if (ec || self->phase_ != phase::emptying) return;
            const bool late = std::chrono::steady_clock::now() >= self->kill_at_;
            if (::kill(-self->pid_, late ? SIGKILL : 0) != 0 && errno == ESRCH) {
                self->phase_ = phase::gone;
                gone = true;
            } else {
                self->look_again();
            }
        }
        if (gone) self->group_is_gone();
    });
}

// Whoever still holds the pipes went away from the group on purpose: not waited for.
void child::group_is_gone() {
    for (const auto& s : {output_, error_output_})
        if (s) s->end_when_empty();
    bool lingered = false;
    {
        std::lock_guard lock(mutex_);
        lingered = std::exchange(killing_, false);
        tell_exited();
    }
    if (lingered) service_->linger_end();
}

void child::output_ended() {
    std::lock_guard lock(mutex_);
    --outputs_open_;
    tell_exited();
}

void child::tell_exited() {
    if (!tells_ || told_ || !status_ || outputs_open_ > 0) return;
    told_ = true;
    service_->send(owner_, exited{id_, *status_});
}

void child::activate(pid owner, int number, std::uint32_t n) {
    {
        std::lock_guard lock(mutex_);
        if (closed_) return;
        owner_ = owner;
        tells_ = true;
        tell_exited();
    }
    if (auto s = output(number)) s->activate(owner, n);
}

result<void> child::kill(int signal) {
    std::lock_guard lock(mutex_);
    if (status_) return fail("esrch");
    if (::kill(-pid_, signal) != 0) return fail_posix(errno);
    return {};
}

std::optional<exit_status> child::status() const {
    std::lock_guard lock(mutex_);
    return status_;
}

result<std::optional<exit_status>> child::try_wait(pid owner) {
    std::lock_guard lock(mutex_);
    if (status_) return status_;
    if (closed_) return fail("closed");
    owner_ = owner;
    waiter_ = true;
    return std::nullopt;
}

void child::cancel_wake() {
    std::lock_guard lock(mutex_);
    waiter_ = false;
}

void child::close() {
    {
        std::lock_guard lock(mutex_);
        if (closed_) return;
        closed_ = true;
        owner_ = {};
        tells_ = waiter_ = false;
        if (phase_ == phase::running) {
            killing_ = true;
            service_->linger_begin();
            kill_at_ = std::chrono::steady_clock::now() + grace_;
            ::kill(-pid_, SIGTERM);
            ::kill(-pid_, SIGCONT);  // a stopped one would not hear it
            kill_after_grace();
        }
    }
    if (input_) input_->abort();
    if (output_) output_->abort();
    if (error_output_) error_output_->abort();
}

void child::kill_after_grace() {
    timer_.expires_at(kill_at_);
    timer_.async_wait([self = shared_from_this()](const std::error_code& ec) {
        std::lock_guard lock(self->mutex_);
        if (ec || self->phase_ != phase::running) return;
        self->killed_ = true;
        ::kill(-self->pid_, SIGKILL);
    });
}

void child::kill_group() noexcept {
    std::lock_guard lock(mutex_);
    if (phase_ == phase::gone) return;
    killed_ = true;
    ::kill(-pid_, SIGKILL);
}

void child::abandon() noexcept {
    std::lock_guard lock(mutex_);
    if (phase_ != phase::gone && pid_ > 0) {
        ::kill(-pid_, SIGKILL);
        if (!status_ && pidfd_.is_open()) reap(true);
    }
    phase_ = phase::gone;
    timer_.cancel();
    std::error_code ignored;
    if (pidfd_.is_open()) pidfd_.close(ignored);
}

}  // namespace beam::io::detail
