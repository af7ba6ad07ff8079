// The calls that a breaker has let through and has not heard of yet.
//
// Each leaves the book: by its end, by the death of the process that it was given to, or when its time is over. So
// no slot stays taken. Moments are nanoseconds of a clock that never goes back.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "libbeamcore/term/pid.hpp"
#include "libbeamcore/term/ref.hpp"

namespace breakers {

struct permit {
    std::uint64_t id = 0;
    std::int64_t began = 0;
    std::int64_t slow_at = INT64_MAX;     ///< when it has taken too long
    std::int64_t expires_at = INT64_MAX;  ///< when it is not waited for any longer
    std::uint32_t epoch = 0;              ///< the state of the breaker that it was given in
    bool counted = false;                 ///< it has been too slow: its end says nothing new
    std::optional<beam::pid> owner{};     ///< a process that it goes with
    beam::ref monitor{};                  ///< of the owner
};

enum class permit_event : std::uint8_t { slow, expired };

class permit_book {
public:
    [[nodiscard]] std::size_t size() const { return permits_.size(); }

    void add(permit p);
    /// Takes it out; nothing if there is none of that number.
    std::optional<permit> end(std::uint64_t id);
    /// Takes out the one that goes with the process of that monitor.
    std::optional<permit> end_of(const beam::ref& monitor);
    /// The oldest of that epoch that goes with no process.
    [[nodiscard]] std::optional<std::uint64_t> oldest(std::uint32_t epoch) const;
    /// How many of that epoch say something when they end.
    [[nodiscard]] std::size_t open_in(std::uint32_t epoch) const;

    /// When next_due() has something.
    [[nodiscard]] std::int64_t due_at() const;
    /// What has come to pass until `now`, one after another. One that has expired is taken out, one that
    /// is slow is marked.
    [[nodiscard]] std::optional<std::pair<permit_event, permit>> next_due(std::int64_t now);

private:
    using agenda = std::multimap<std::int64_t, std::uint64_t>;

    void drop_from_agenda(const permit& p);

    std::map<std::uint64_t, permit> permits_;
    agenda agenda_;  // when to look at which
    std::map<beam::ref, std::uint64_t> by_monitor_;
};

}  // namespace breakers
