// Asks the node in a thread of its own, so that keys are answered while the node is slow or away.
#pragma once

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "libbeamcore/base/unique_fd.hpp"
#include "tools/common/tool.hpp"
#include "tools/observer/rates.hpp"
#include "tools/observer/view.hpp"

namespace observer {

/// What a view needs to be told.
struct wish {
    place shown = place::processes;
    process_query query;
    std::string tree_root, pid;
    bool with_state = false, paused = false;
};
[[nodiscard]] wish wish_of(const view& v);

class poller {
public:
    /// `node` must have been attached to; from here on it is this thread's. It is never started again: when
    /// it is gone, it is waited for.
    poller(beam::client& node, std::chrono::nanoseconds every, wish first, snapshot start);
    /// Cancels what is under way.
    ~poller();
    poller(const poller&) = delete;
    poller& operator=(const poller&) = delete;

    /// Readable when there is something new.
    [[nodiscard]] int fd() const { return readable_.get(); }
    [[nodiscard]] std::shared_ptr<const snapshot> latest();

    void want(wish w, bool at_once);
    void perform(change c);

private:
    void run();
    bool ask_all(const wish& w, const change& c, snapshot& next);
    void ask_page(const wish& w, snapshot& next);
    void perform_now(const change& c, snapshot& next);

    beam::client& node_;
    const std::chrono::nanoseconds every_;
    rates process_rates_, list_rates_;

    std::mutex mutex_;
    std::condition_variable changed_;
    wish wish_;
    change change_;
    bool at_once_ = false, stop_ = false;
    std::shared_ptr<const snapshot> latest_;
    beam::unique_fd readable_;
    std::thread thread_;
};

}  // namespace observer
