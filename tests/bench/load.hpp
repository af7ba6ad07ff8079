// A client of many connections in one thread, for measuring servers. Requests are made beforehand and answers only
// counted, so that the client costs less than any server does.
#pragma once

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace load {

using clock_type = std::chrono::steady_clock;

inline const std::string value(64, 'v');

[[noreturn]] inline void die(const char* what) {
    std::perror(what);
    std::exit(1);
}

inline int connect_to(const char* path) {
    const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un a{};
    a.sun_family = AF_UNIX;
    std::strncpy(a.sun_path, path, sizeof a.sun_path - 1);
    if (::connect(fd, reinterpret_cast<sockaddr*>(&a), sizeof a) != 0) die(path);
    return fd;
}

inline std::string key(std::uint64_t n) {
    char text[32];
    std::snprintf(text, sizeof text, "key:%012llu", static_cast<unsigned long long>(n));
    return text;
}

struct random_numbers {
    std::uint64_t state = 88172645463325252u;
    std::uint64_t below(std::uint64_t n) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        return state % n;
    }
};

/// What some bytes begin with. `again`: an answer that says to send the requests once more.
struct reply {
    enum class kind { incomplete, done, again } what = kind::incomplete;
    std::size_t size = 0;
};

inline void write_all(int fd, std::string_view all) {
    while (!all.empty()) {
        const auto put = ::send(fd, all.data(), all.size(), MSG_NOSIGNAL);
        if (put <= 0) die("send");
        all.remove_prefix(std::size_t(put));
    }
}

/// Sends `all`, and waits for so many answers.
template <class Next>
void ask(int fd, std::string_view all, std::size_t answers, Next next) {
    write_all(fd, all);
    std::string unread;
    char buffer[65536];
    while (answers > 0) {
        const auto got = ::read(fd, buffer, sizeof buffer);
        if (got <= 0) die("read");
        unread.append(buffer, std::size_t(got));
        std::size_t used = 0;
        for (;;) {
            const reply r = next(std::string_view(unread).substr(used));
            if (r.what == reply::kind::incomplete) break;
            if (r.what == reply::kind::again) {
                std::fprintf(stderr, "%.*s\n", int(r.size), unread.data() + used);
                std::exit(1);
            }
            used += r.size;
            --answers;
        }
        unread.erase(0, used);
    }
}

struct connection {
    int fd = -1;
    std::vector<std::string> requests;  // each a pipeline
    std::size_t at = 0;
    std::string unread;
    std::size_t waits_for = 0;
    clock_type::time_point sent;

    void send(std::size_t pipeline) {
        waits_for = pipeline;
        write_all(fd, requests[at]);
    }
};

struct figures {
    double rate = 0;                   // requests a second
    double p50 = 0, p99 = 0, max = 0;  // microseconds from the sending to the answer
};

inline volatile std::sig_atomic_t was_terminated = 0;

/// Each connection sends its requests in turn, the next as the last one is answered, until the time is over or SIGTERM comes.
template <class Next>
figures run(std::vector<connection>& all, std::size_t pipeline, double seconds, Next next) {
    std::signal(SIGTERM, [](int) { was_terminated = 1; });
    const int poll = ::epoll_create1(EPOLL_CLOEXEC);
    for (std::size_t i = 0; i < all.size(); ++i) {
        epoll_event e{};
        e.events = EPOLLIN;
        e.data.u64 = i;
        ::epoll_ctl(poll, EPOLL_CTL_ADD, all[i].fd, &e);
    }
    std::vector<float> times;
    times.reserve(1 << 22);
    const auto begin = clock_type::now();
    const auto end = begin + std::chrono::duration<double>(seconds);
    std::uint64_t answered = 0;
    for (connection& c : all) {
        c.sent = clock_type::now();
        c.send(pipeline);
    }
    epoll_event events[256];
    char buffer[65536];
    const auto take = [&](connection& c) {
        const auto got = ::read(c.fd, buffer, sizeof buffer);
        if (got <= 0) die("the server closed a connection");
        std::string_view bytes(buffer, std::size_t(got));
        if (!c.unread.empty()) bytes = c.unread.append(bytes);
        bool again = false;
        for (reply r = next(bytes); r.what != reply::kind::incomplete; r = next(bytes)) {
            bytes.remove_prefix(r.size);
            --c.waits_for;
            if (r.what == reply::kind::again)
                again = true;
            else
                ++answered;
        }
        std::string rest(bytes);
        c.unread = std::move(rest);
        if (c.waits_for > 0) return;
        if (!again) {
            const auto now = clock_type::now();
            times.push_back(std::chrono::duration<float, std::micro>(now - c.sent).count());
            c.at = (c.at + 1) % c.requests.size();
            c.sent = now;
        }
        c.send(pipeline);
    };
    for (auto now = begin; now < end && !was_terminated; now = clock_type::now()) {
        const int n = ::epoll_wait(poll, events, 256, 1000);
        for (int i = 0; i < n; ++i) take(all[events[i].data.u64]);
    }
    const auto finish = clock_type::now();
    // Who still waits has waited that long at least.
    for (const connection& c : all)
        times.push_back(std::chrono::duration<float, std::micro>(finish - c.sent).count());
    std::sort(times.begin(), times.end());
    figures f;
    f.rate = double(answered) / std::chrono::duration<double>(finish - begin).count();
    f.p50 = times[times.size() / 2];
    f.p99 = times[times.size() * 99 / 100];
    f.max = times.back();
    return f;
}

}  // namespace load
