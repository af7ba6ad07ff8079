// kv_load: load on kv, over the control sockets of nodes.
//
//   kv_load fill KEYS SOCKET [BYTES]                puts KEYS keys, with values of BYTES (64)
//   kv_load get|put CLIENTS SECONDS KEYS SOCKET...  the clients are spread over the sockets
//
// The latter prints requests a second, and the 99th percentile, the longest and the median of the times from a
// request's sending to its answer, in microseconds. A request that failed is sent again, and its time goes on.
// SIGTERM ends it early.
#include "tests/bench/load.hpp"

namespace {

std::string request(const char* method, std::uint64_t key, const std::string& value = load::value) {
    std::string text = "{\"id\":" + std::to_string(key) + ",\"method\":\"kv." + method +
                       "\",\"params\":{\"key\":\"" + load::key(key) + "\"";
    if (method[0] == 'p') text += ",\"value\":\"" + value + "\"";
    if (method[0] == 'g') text += ",\"primary\":true";
    return text + "}}\n";
}

load::reply next_reply(std::string_view bytes) {
    const auto end = bytes.find('\n');
    if (end == std::string_view::npos) return {};
    const bool failed = bytes.substr(0, end).find("\"error\":") != std::string_view::npos;
    return {failed ? load::reply::kind::again : load::reply::kind::done, end + 1};
}

/// Of bytes that no engine makes smaller.
std::string random_value(load::random_numbers& random, std::size_t size) {
    static constexpr std::string_view digits =
        "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_";
    std::string text(size, '0');
    for (char& c : text) c = digits[random.below(digits.size())];
    return text;
}

int fill(std::uint64_t keys, const char* path, std::size_t size) {
    const int fd = load::connect_to(path);
    load::random_numbers random;
    const std::string base = random_value(random, size);
    // A connection may have so many under way.
    constexpr std::uint64_t at_once = 50;
    for (std::uint64_t n = 0; n < keys;) {
        std::string all;
        std::size_t waits_for = 0;
        for (; waits_for < at_once && n < keys; ++waits_for, ++n) {
            // Another one each time, by a turn: to make each anew takes longer than to write it.
            std::string value = base;
            std::rotate(value.begin(), value.begin() + std::ptrdiff_t(random.below(size)),
                        value.end());
            all += request("put", n, value);
        }
        load::ask(fd, all, waits_for, next_reply);
    }
    return 0;
}

int measure(const char* method, std::size_t clients, double seconds, std::uint64_t keys,
            char** paths, std::size_t path_count) {
    load::random_numbers random;
    std::vector<load::connection> all(clients);
    constexpr std::size_t prepared = 256;
    for (std::size_t i = 0; i < clients; ++i) {
        all[i].fd = load::connect_to(paths[i % path_count]);
        for (std::size_t r = 0; r < prepared; ++r)
            all[i].requests.push_back(request(method, random.below(keys)));
    }
    const load::figures f = load::run(all, 1, seconds, next_reply);
    std::printf("%.0f %.0f %.0f %.0f\n", f.rate, f.p99, f.max, f.p50);
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    const std::string what = argc > 1 ? argv[1] : "";
    const auto number = [&](int i) { return std::strtoull(argv[i], nullptr, 10); };
    if (what == "fill" && (argc == 4 || argc == 5))
        return fill(number(2), argv[3], argc == 5 ? number(4) : load::value.size());
    if ((what == "get" || what == "put") && argc >= 6)
        return measure(what.c_str(), number(2), std::atof(argv[3]), number(4), argv + 5,
                       std::size_t(argc - 5));
    std::fprintf(stderr,
                 "usage: kv_load fill KEYS SOCKET [BYTES]\n"
                 "       kv_load get|put CLIENTS SECONDS KEYS SOCKET...\n");
    return 2;
}
