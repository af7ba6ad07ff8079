#include "tools/cache/app/resp_client.hpp"

#include <array>
#include <charconv>
#include <chrono>
#include <cstring>
#include <vector>

#include "libbeamcore/runtime/timer.hpp"

namespace cache {

namespace {

constexpr std::size_t name_max = 16;

// A table with open addressing over the names in capitals, made once a module.
class command_index {
public:
    command_index() {
        for (auto part : {value_commands(), key_commands(), server_commands()})
            all_.insert(all_.end(), part.begin(), part.end());
        for (const resp_command& c : all_) {
            std::size_t i = hash(c.name) % places;
            while (places_[i]) i = (i + 1) % places;
            places_[i] = &c;
        }
    }
    [[nodiscard]] const resp_command* find(std::string_view capitals) const {
        for (std::size_t i = hash(capitals) % places; places_[i]; i = (i + 1) % places)
            if (places_[i]->name == capitals) return places_[i];
        return nullptr;
    }
    [[nodiscard]] std::span<const resp_command> all() const { return all_; }

private:
    static constexpr std::size_t places = 256;

    static std::size_t hash(std::string_view name) {
        std::size_t h = name.size();
        for (char c : name) h = h * 31 + static_cast<unsigned char>(c);
        return h;
    }

    std::vector<resp_command> all_;
    std::array<const resp_command*, places> places_{};
};

const command_index& commands() {
    static const command_index all;
    return all;
}

char capital(char c) {
    return c >= 'a' && c <= 'z' ? char(c - 'a' + 'A') : c;
}

}  // namespace

const resp_command* find_command(std::string_view name) {
    if (name.size() > name_max) return nullptr;
    char capitals[name_max];
    for (std::size_t i = 0; i < name.size(); ++i) capitals[i] = capital(name[i]);
    return commands().find({capitals, name.size()});
}

std::span<const resp_command> all_commands() {
    return commands().all();
}

bool equals(std::string_view argument, std::string_view capitals) {
    if (argument.size() != capitals.size()) return false;
    for (std::size_t i = 0; i < capitals.size(); ++i)
        if (capital(argument[i]) != capitals[i]) return false;
    return true;
}

// As redis reads them: no plus sign, no space, no zero in front.
std::optional<std::int64_t> integer_of(std::string_view argument) {
    std::int64_t value = 0;
    const char* end = argument.data() + argument.size();
    const auto [at, ec] = std::from_chars(argument.data(), end, value);
    if (ec != std::errc() || at != end) return {};
    const std::string_view digits = argument.substr(argument.front() == '-');
    if (digits.size() > 1 && digits.front() == '0') return {};
    if (argument == "-0") return {};
    return value;
}

std::optional<std::int64_t> expiry_of(const session& s, time_unit unit, std::int64_t amount) {
    const bool seconds = unit == time_unit::s || unit == time_unit::unix_s;
    if (seconds && __builtin_mul_overflow(amount, std::int64_t{1000}, &amount)) return {};
    std::int64_t from = s.now_ms();
    if (unit == time_unit::unix_s || unit == time_unit::unix_ms) {
        // Both clocks at one moment, or the same time of day would be another time when it is said again.
        const auto apart =
            beam::monotonic_time() - std::chrono::system_clock::now().time_since_epoch();
        from = std::chrono::round<std::chrono::milliseconds>(apart).count();
    }
    std::int64_t at = 0;
    if (__builtin_add_overflow(from, amount, &at)) at = amount < 0 ? -1 : INT64_MAX;
    if (at > s.now_ms() + ttl_max_ms) return {};
    // 0 stands for never.
    return at == 0 ? 1 : std::max(at, s.now_ms() - ttl_max_ms);
}

void invalid_expire(resp_client& c, std::string_view command) {
    c.out.error("ERR invalid expire time in '" + std::string(command) + "' command");
}

}  // namespace cache
