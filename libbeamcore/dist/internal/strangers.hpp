// Who has connected and not proved yet that it knows the cookie. There are so many at most: one more, and the one that has
// waited longest is closed, so that no number of them keeps out a node that says at once what it has to say.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>

#include "libbeamcore/base/log.hpp"
#include "libbeamcore/runtime/runtime.hpp"
#include "libbeamcore/term/atoms.hpp"
#include "libbeamcore/term/pid.hpp"

namespace beam::dist::detail {

inline constexpr std::size_t strangers_max = 1024;

class strangers {
public:
    explicit strangers(runtime& node) : node_(node) {}

    [[nodiscard]] std::uint64_t enter(const pid& p) {
        std::lock_guard lock(mutex_);
        if (here_.size() >= strangers_max) {
            const auto oldest = here_.begin();
            node_.exit(oldest->second, atoms::kill);
            here_.erase(oldest);
            log(log_level::warning, "dist",
                "too many strangers are connected, the one that has waited longest is closed");
        }
        here_.emplace(++last_, p);
        return last_;
    }
    void leave(std::uint64_t number) {
        std::lock_guard lock(mutex_);
        here_.erase(number);
    }

private:
    runtime& node_;
    std::mutex mutex_;
    std::uint64_t last_ = 0;
    std::map<std::uint64_t, pid> here_;  // who came first is first
};

/// One of them, until it leaves or ends.
class stranger {
public:
    stranger(strangers& all, const pid& p) : all_(all), number_(all.enter(p)) {}
    stranger(const stranger&) = delete;
    stranger& operator=(const stranger&) = delete;
    ~stranger() { leave(); }
    void leave() { all_.leave(number_); }

private:
    strangers& all_;
    std::uint64_t number_;
};

}  // namespace beam::dist::detail
