// resp_load: load on a server that speaks RESP.
//
//   resp_load SOCKET fill KEYS [TTL_MS_MAX]     sets KEYS keys, each with a random time up to TTL_MS_MAX
//   resp_load SOCKET[,SOCKET...] get|set CLIENTS PIPELINE SECONDS KEYS
//
// The latter prints requests a second, and the 99th percentile, the longest and the median of the times from a
// request's sending to its answer, in microseconds.
#include "tests/bench/load.hpp"

namespace {

void add_argument(std::string& to, std::string_view argument) {
    to += "$" + std::to_string(argument.size()) + "\r\n";
    to.append(argument).append("\r\n");
}

// Simple strings, integers, bulk strings.
load::reply next_reply(std::string_view bytes) {
    const auto end = bytes.find('\n');
    if (end == std::string_view::npos) return {};
    std::size_t size = end + 1;
    if (bytes[0] == '-') {
        std::fprintf(stderr, "%.*s\n", int(end), bytes.data());
        std::exit(1);
    }
    if (bytes[0] == '$' && bytes[1] != '-') {
        size += std::size_t(std::strtoul(bytes.data() + 1, nullptr, 10)) + 2;
        if (bytes.size() < size) return {};
    }
    return {load::reply::kind::done, size};
}

int fill(const char* path, std::uint64_t keys, std::uint64_t ttl_ms) {
    const int fd = load::connect_to(path);
    load::random_numbers random;
    constexpr std::uint64_t at_once = 500;
    for (std::uint64_t n = 0; n < keys;) {
        std::string all;
        std::size_t waits_for = 0;
        for (; waits_for < at_once && n < keys; ++waits_for, ++n) {
            all += ttl_ms > 0 ? "*5\r\n" : "*3\r\n";
            add_argument(all, "SET");
            add_argument(all, load::key(n));
            add_argument(all, load::value);
            if (ttl_ms == 0) continue;
            add_argument(all, "PX");
            add_argument(all, std::to_string(1000 + random.below(ttl_ms)));
        }
        load::ask(fd, all, waits_for, next_reply);
    }
    return 0;
}

std::vector<std::string> split(const std::string& text) {
    std::vector<std::string> all;
    for (std::size_t at = 0; at <= text.size();) {
        const auto comma = std::min(text.find(',', at), text.size());
        all.push_back(text.substr(at, comma - at));
        at = comma + 1;
    }
    return all;
}

/// The clients are spread over the sockets.
int measure(const std::vector<std::string>& paths, bool sets, std::size_t clients,
            std::size_t pipeline, double seconds, std::uint64_t keys) {
    load::random_numbers random;
    std::vector<load::connection> all(clients);
    constexpr std::size_t prepared = 64;
    for (std::size_t i = 0; i < all.size(); ++i) {
        load::connection& c = all[i];
        c.fd = load::connect_to(paths[i % paths.size()].c_str());
        for (std::size_t r = 0; r < prepared; ++r) {
            std::string text;
            for (std::size_t p = 0; p < pipeline; ++p) {
                text += sets ? "*3\r\n" : "*2\r\n";
                add_argument(text, sets ? "SET" : "GET");
                add_argument(text, load::key(random.below(keys)));
                if (sets) add_argument(text, load::value);
            }
            c.requests.push_back(std::move(text));
        }
    }
    const load::figures f = load::run(all, pipeline, seconds, next_reply);
    std::printf("%.0f %.0f %.0f %.0f\n", f.rate, f.p99, f.max, f.p50);
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    const std::string what = argc > 2 ? argv[2] : "";
    const auto number = [&](int i) { return std::strtoull(argv[i], nullptr, 10); };
    if (what == "fill" && argc >= 4) return fill(argv[1], number(3), argc > 4 ? number(4) : 0);
    if ((what == "get" || what == "set") && argc == 7)
        return measure(split(argv[1]), what == "set", number(3), number(4), std::atof(argv[5]),
                       number(6));
    std::fprintf(stderr,
                 "usage: resp_load SOCKET fill KEYS [TTL_MS_MAX]\n"
                 "       resp_load SOCKET[,SOCKET...] get|set CLIENTS PIPELINE SECONDS KEYS\n");
    return 2;
}
