// resp_load: a client of many connections in one thread, for measuring servers that speak RESP.
//
//   resp_load SOCKET fill KEYS [TTL_MS_MAX]     sets KEYS keys, each with a random time up to TTL_MS_MAX
//   resp_load SOCKET get|set CLIENTS PIPELINE SECONDS KEYS
//
// The latter prints requests a second, and the 99th percentile and the longest of the times from a request's sending
// to its answer, in microseconds. Requests are made beforehand and answers only counted, so that the client costs less
// than any server does.
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace {

using clock_type = std::chrono::steady_clock;

[[noreturn]] void die(const char* what) {
    std::perror(what);
    std::exit(1);
}

int connect_to(const char* path) {
    const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un a{};
    a.sun_family = AF_UNIX;
    std::strncpy(a.sun_path, path, sizeof a.sun_path - 1);
    if (::connect(fd, reinterpret_cast<sockaddr*>(&a), sizeof a) != 0) die(path);
    return fd;
}

void add_argument(std::string& to, std::string_view argument) {
    to += "$" + std::to_string(argument.size()) + "\r\n";
    to.append(argument).append("\r\n");
}

std::string key(std::uint64_t n) {
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

const std::string value(64, 'v');

// How many whole replies `bytes` begins with, and how many bytes they have. Simple strings, integers, bulk strings.
std::size_t count_replies(std::string_view bytes, std::size_t& used) {
    std::size_t count = 0;
    used = 0;
    for (;;) {
        const std::string_view rest = bytes.substr(used);
        const auto end = rest.find('\n');
        if (end == std::string_view::npos) return count;
        std::size_t size = end + 1;
        if (rest[0] == '-') {
            std::fprintf(stderr, "%.*s\n", int(end), rest.data());
            std::exit(1);
        }
        if (rest[0] == '$' && rest[1] != '-') {
            size += std::size_t(std::strtoul(rest.data() + 1, nullptr, 10)) + 2;
            if (rest.size() < size) return count;
        }
        used += size;
        ++count;
    }
}

struct connection {
    int fd = -1;
    std::vector<std::string> requests;  // each a pipeline
    std::size_t next = 0;
    std::string unread;
    std::size_t waits_for = 0;
    clock_type::time_point sent;

    void send() {
        const std::string& all = requests[next];
        next = (next + 1) % requests.size();
        sent = clock_type::now();
        // A socket's buffer holds a pipeline.
        if (::send(fd, all.data(), all.size(), MSG_NOSIGNAL) != ssize_t(all.size())) die("send");
    }
};

int fill(const char* path, std::uint64_t keys, std::uint64_t ttl_ms) {
    const int fd = connect_to(path);
    random_numbers random;
    constexpr std::uint64_t at_once = 500;
    std::string unread;
    char buffer[65536];
    for (std::uint64_t n = 0; n < keys;) {
        std::string all;
        std::size_t waits_for = 0;
        for (; waits_for < at_once && n < keys; ++waits_for, ++n) {
            all += ttl_ms > 0 ? "*5\r\n" : "*3\r\n";
            add_argument(all, "SET");
            add_argument(all, key(n));
            add_argument(all, value);
            if (ttl_ms == 0) continue;
            add_argument(all, "PX");
            add_argument(all, std::to_string(1000 + random.below(ttl_ms)));
        }
        for (std::size_t at = 0; at < all.size();) {
            const auto put = ::write(fd, all.data() + at, all.size() - at);
            if (put <= 0) die("write");
            at += std::size_t(put);
        }
        while (waits_for > 0) {
            const auto got = ::read(fd, buffer, sizeof buffer);
            if (got <= 0) die("read");
            unread.append(buffer, std::size_t(got));
            std::size_t used = 0;
            waits_for -= count_replies(unread, used);
            unread.erase(0, used);
        }
    }
    return 0;
}

int load(const char* path, bool sets, std::size_t clients, std::size_t pipeline, double seconds,
         std::uint64_t keys) {
    random_numbers random;
    std::vector<connection> all(clients);
    const int poll = ::epoll_create1(EPOLL_CLOEXEC);
    constexpr std::size_t prepared = 64;
    for (std::size_t i = 0; i < clients; ++i) {
        connection& c = all[i];
        c.fd = connect_to(path);
        for (std::size_t r = 0; r < prepared; ++r) {
            std::string text;
            for (std::size_t p = 0; p < pipeline; ++p) {
                text += sets ? "*3\r\n" : "*2\r\n";
                add_argument(text, sets ? "SET" : "GET");
                add_argument(text, key(random.below(keys)));
                if (sets) add_argument(text, value);
            }
            c.requests.push_back(std::move(text));
        }
        epoll_event e{};
        e.events = EPOLLIN;
        e.data.u64 = i;
        ::epoll_ctl(poll, EPOLL_CTL_ADD, c.fd, &e);
    }
    std::vector<float> times;
    times.reserve(1 << 22);
    const auto begin = clock_type::now();
    const auto end = begin + std::chrono::duration<double>(seconds);
    std::uint64_t answered = 0;
    for (connection& c : all) {
        c.waits_for = pipeline;
        c.send();
    }
    epoll_event events[256];
    char buffer[65536];
    for (auto now = begin; now < end;) {
        const int n = ::epoll_wait(poll, events, 256, 1000);
        now = clock_type::now();
        for (int i = 0; i < n; ++i) {
            connection& c = all[events[i].data.u64];
            const auto got = ::read(c.fd, buffer, sizeof buffer);
            if (got <= 0) die("the server closed a connection");
            std::string_view bytes(buffer, std::size_t(got));
            if (!c.unread.empty()) bytes = c.unread.append(bytes);
            std::size_t used = 0;
            const std::size_t count = count_replies(bytes, used);
            std::string rest(bytes.substr(used));
            c.unread = std::move(rest);
            answered += count;
            c.waits_for -= count;
            if (c.waits_for > 0) continue;
            times.push_back(
                std::chrono::duration<float, std::micro>(clock_type::now() - c.sent).count());
            c.waits_for = pipeline;
            c.send();
        }
    }
    const double took = std::chrono::duration<double>(clock_type::now() - begin).count();
    std::sort(times.begin(), times.end());
    std::printf("%.0f %.0f %.0f\n", double(answered) / took, double(times[times.size() * 99 / 100]),
                double(times.back()));
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    const std::string what = argc > 2 ? argv[2] : "";
    const auto number = [&](int i) { return std::strtoull(argv[i], nullptr, 10); };
    if (what == "fill" && argc >= 4) return fill(argv[1], number(3), argc > 4 ? number(4) : 0);
    if ((what == "get" || what == "set") && argc == 7)
        return load(argv[1], what == "set", number(3), number(4), std::atof(argv[5]), number(6));
    std::fprintf(stderr,
                 "usage: resp_load SOCKET fill KEYS [TTL_MS_MAX]\n"
                 "       resp_load SOCKET get|set CLIENTS PIPELINE SECONDS KEYS\n");
    return 2;
}
