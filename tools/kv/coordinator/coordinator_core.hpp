// coordinator_core: what a coordinator_process has and does.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "libbeamcore/runtime/call.hpp"
#include "libbeamcore/runtime/link.hpp"
#include "tools/kv/coordinator/cluster_memory.hpp"
#include "tools/kv/coordinator/coordinator_process.hpp"
#include "tools/kv/coordinator/coordinator_threads.hpp"

namespace kv {

/// All of it runs in the process.
class coordinator_core {
public:
    struct look_answer {
        beam::result<cluster_view> seen;
        bool was_believed = false;  ///< as in coordinator_reachable
    };

    /// It believes no coordinator that has gone back behind `memory`, or behind what it has said since.
    coordinator_core(std::unique_ptr<coordinator> backend, cluster_memory memory);
    coordinator_core(const coordinator_core&) = delete;
    coordinator_core& operator=(const coordinator_core&) = delete;

    void subscribe(beam::pid subscriber);
    void unsubscribe(beam::pid subscriber);
    void read(std::uint32_t shard, beam::pid to);
    void change(record_swap what, beam::pid to);

    /// `what` is called on the thread; its result is the answer. Not on a coordinator that is outdated.
    template <class T>
    void call(const beam::from& to, bool writes,
              std::function<beam::result<T>(coordinator&)> what) {
        if (is_outdated()) return beam::reply(to, beam::result<T>(tl::unexpected(reachable_->why)));
        call_anyway(to, writes, std::move(what));
    }
    template <class T>
    void call_anyway(const beam::from& to, bool writes,
                     std::function<beam::result<T>(coordinator&)> what) {
        auto answer = std::make_shared<std::optional<beam::result<T>>>();
        auto job = new_job(writes);
        job->work = [answer, what = std::move(what)](coordinator& c) { answer->emplace(what(c)); };
        job->finish = [this, to, answer, writes] {
            wants_look_ |= writes;
            beam::reply(to, std::move(**answer));
        };
        job->give_up = [to](beam::error why) {
            beam::reply(to, beam::result<T>(tl::unexpected(std::move(why))));
        };
        calls_.push_back(std::move(job));
        go_on();
    }
    void view(const beam::from& to);

    void done(const std::shared_ptr<coordinator_job>& job);
    /// There may be a later revision.
    void look();
    /// Requests may have become too old.
    void tick();
    /// It is time to say that this life goes on.
    void tend();

private:
    struct waiting_read {
        std::uint32_t shard = 0;
        beam::pid to;
        std::chrono::nanoseconds deadline{};
    };
    struct waiting_change {
        record_swap what;
        beam::pid to;
        std::chrono::nanoseconds deadline{};
    };
    enum class kind : std::uint8_t { changes, reads, calls, look };
    using looked = std::optional<look_answer>;

    [[nodiscard]] std::shared_ptr<coordinator_job> new_job(bool writes) const;
    [[nodiscard]] std::chrono::nanoseconds now() const { return node_.now(); }
    [[nodiscard]] bool is_outdated() const { return reachable_ && reachable_->why.is("outdated"); }
    [[nodiscard]] bool is_current() const { return reachable_ && reachable_->is_reachable; }
    [[nodiscard]] bool may_be_told(std::uint32_t shard, const known_record& r) const;
    void go_on();
    [[nodiscard]] std::shared_ptr<coordinator_job> next_job(kind k);
    [[nodiscard]] std::shared_ptr<coordinator_job> changes_job();
    [[nodiscard]] std::shared_ptr<coordinator_job> reads_job();
    [[nodiscard]] std::shared_ptr<coordinator_job> look_job();
    void looked_up(look_answer answer);
    void publish(cluster_view seen);
    void reachable(bool is_reachable, beam::error why, bool was_believed = false);
    void watch_again();
    void drop_old();

    beam::runtime& node_;
    const beam::pid me_;
    coordinator_threads threads_;
    std::map<beam::pid, beam::ref> subscribers_;

    std::deque<waiting_read> reads_;
    std::deque<waiting_change> changes_;
    std::deque<std::shared_ptr<coordinator_job>> calls_;
    bool wants_look_ = true;
    std::shared_ptr<coordinator_job> running_;
    unsigned turn_ = 0;
    bool is_ticking_ = false;
    bool is_watching_ = false;

    std::shared_ptr<const cluster_view> view_;
    std::shared_ptr<const cluster_memory> memory_;
    std::optional<coordinator_reachable> reachable_;
};

}  // namespace kv
