// POSIX signals as messages.
#pragma once

#include <initializer_list>
#include <memory>
#include <vector>

#include "libbeamcore/base/export.hpp"
#include "libbeamcore/base/result.hpp"
#include "libbeamcore/io/messages.hpp"

namespace beam::io {

namespace detail {
class signal_source;
}

/// The OS process was sent a signal. Several of one kind in short order may come as one.
struct signal_received {
    token from;
    int number = 0;  ///< SIGTERM, ...
    BEAM_FIELDS(signal_received, from, number)
};

/// Takes signals as long as it lives. Destroying it gives them their default action back, unless
/// another watch has them.
class BEAM_EXPORT signal_watch {
public:
    signal_watch() noexcept;
    signal_watch(signal_watch&&) noexcept;
    signal_watch& operator=(signal_watch&& other) noexcept;
    ~signal_watch();

    explicit operator bool() const { return source_ != nullptr; }
    [[nodiscard]] token id() const;
    void close();

    /// For this layer.
    explicit signal_watch(std::shared_ptr<detail::signal_source> s) noexcept;

private:
    std::shared_ptr<detail::signal_source> source_;
};

/// From now on these signals come to the calling process as signal_received and do nothing else. Not
/// for SIGCHLD, which ports do without, and what the program itself does wrong (SIGSEGV, ...).
///
/// Errors: `einval` (SIGKILL, SIGSTOP, no signal at all).
[[nodiscard]] BEAM_EXPORT result<signal_watch> watch_signals(const std::vector<int>& numbers);

}  // namespace beam::io

BEAM_EXPORTED_DESCRIPTOR(beam::io::signal_received);
