// The words of faultlab: strategies, kinds of children and faults, as people type them. For the client too.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace faultlab {

/// What is done to a worker or a program.
enum class fault : std::uint8_t {
    crash,           ///< an exception; a program: SIGABRT
    kill,            ///< exit signal kill; a program: SIGKILL
    hang,            ///< answers nobody for a time; a program: SIGSTOP
    slow,            ///< answers late for a time; a program: stopped most of the time
    exit_normal,     ///< ends with reason normal; a program: SIGTERM
    storm,           ///< many messages at once
    heap,            ///< messages beyond the limit of what may wait: the runtime kills it
    init_fail,       ///< a crash, and no new start succeeds under this supervisor
    terminate_hang,  ///< told to stop by its supervisor, it does not
    drop,            ///< what is sent to it is lost for a time
    delay,           ///< what is sent to it comes late, in order, for a time
};

inline constexpr std::array<std::string_view, 11> fault_names{
    "crash", "kill",      "hang",           "slow", "exit-normal", "storm",
    "heap",  "init-fail", "terminate-hang", "drop", "delay"};
/// What attack can do to a process that knows nothing of faultlab.
inline constexpr std::array<std::string_view, 4> attack_names{"kill", "crash", "hang", "slow"};
/// What can be done to a program.
inline constexpr std::array<std::string_view, 5> program_fault_names{"crash", "kill", "hang",
                                                                     "slow", "exit-normal"};
inline constexpr std::array<std::string_view, 4> strategy_names{
    "one_for_one", "one_for_all", "rest_for_one", "simple_one_for_one"};
inline constexpr std::array<std::string_view, 3> restart_names{"permanent", "transient",
                                                               "temporary"};

/// Faults that people look for here, and that are none of faultlab's.
struct missing_fault {
    std::string_view name, why, instead;
};
inline constexpr std::array<missing_fault, 3> missing_faults{
    {{"partition", "it is between nodes, and a tree of faultlab lives in one",
      "faultlab run --fault drop"},
     {"clock", "time-outs and limits count on the monotonic clock, which nobody can set",
      "faultlab run -- 'NAME=faketime -f +1h CMD'"},
     {"disk-full", "a full disk is its file system's, and all who write there have it",
      "a program whose folder is a small one: mount -t tmpfs -o size=1M tmpfs FOLDER"}}};
[[nodiscard]] constexpr const missing_fault* find_missing(std::string_view name) {
    for (const missing_fault& f : missing_faults)
        if (f.name == name) return &f;
    return nullptr;
}

/// The place of a word in its list, which is the value of its enum; nothing for no such word.
template <std::size_t N>
[[nodiscard]] constexpr std::optional<std::size_t> place_of(
    const std::array<std::string_view, N>& words, std::string_view word) {
    for (std::size_t i = 0; i < N; ++i)
        if (words[i] == word) return i;
    return {};
}

/// `crash, kill, hang`: for messages, and with "," alone for completions.
template <std::size_t N>
[[nodiscard]] std::string joined(const std::array<std::string_view, N>& words,
                                 std::string_view between = ", ") {
    std::string all;
    for (const std::string_view w : words) {
        if (!all.empty()) all += between;
        all += w;
    }
    return all;
}

[[nodiscard]] constexpr std::string_view name_of(fault f) {
    return fault_names[std::size_t(f)];
}

/// Whether a fault is over after a time, and meant to be lived through.
[[nodiscard]] constexpr bool is_lasting(fault f) {
    return f == fault::hang || f == fault::slow || f == fault::storm || f == fault::drop ||
           f == fault::delay;
}

// Limits. What is larger is refused, with exit 2.
inline constexpr std::uint64_t workers_max = 1000;
inline constexpr std::uint64_t faults_max = 100'000;
inline constexpr std::uint64_t intensity_max = 10'000;
inline constexpr std::uint64_t programs_max = 64;
inline constexpr std::int64_t time_max_ms = 24 * 3600 * 1000;

}  // namespace faultlab
