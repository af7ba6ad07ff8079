// The worker keeps the books (ledger.hpp), takes out what has expired and what there is no room for, and owns the
// tables. Nobody needs it for reading and writing (session.hpp). When it dies the next one finds the tables as they
// are and reads its books out of them, some rows at a time; what is lost is the order of use, which begins anew,
// and what `explain` knew.
//
// It never does more than `portion` entries before it looks at its mailbox: a flush of millions, or millions that
// expire at the same time, hold up nobody.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "libbeamcore/ets/select.hpp"
#include "libbeamcore/otp/gen_server.hpp"
#include "libbeamcore/runtime/link.hpp"
#include "libbeamcore/runtime/timer.hpp"
#include "tools/cache/app/keeper.hpp"
#include "tools/cache/app/session.hpp"

namespace cache {

struct statistics {
    totals counted;
    limits bounds;
    std::optional<std::int64_t> oldest_ms;  ///< how long ago the oldest entry was put
};

struct limits_change {
    std::optional<std::int64_t> max_entries, max_bytes, ttl_ms;
    std::optional<cache::policy> policy;
};

/// A part of all live keys.
struct scanned {
    std::vector<std::string> keys;
    std::uint64_t next = 0;
};

struct explained {
    std::optional<removal> last;
    std::uint64_t remembers = 0;  ///< how many removals are known
};

class worker : public beam::gen_server<worker> {
    struct ask_statistics {
        using reply = statistics;
    };
    struct ask_idle {
        using reply = void;
    };
    struct change_limits {
        using reply = limits;
        limits_change to;
    };
    struct delete_many {
        using reply = std::uint64_t;
        std::optional<std::string> tag;
    };
    struct explain_key {
        using reply = explained;
        std::string key;
    };
    struct scan_keys {
        using reply = scanned;
        std::uint64_t cursor = 0;
        std::uint64_t looks = 0;
    };
    struct go_on {};
    struct tick {};

public:
    /// What was counted, when all that was told before has been heard, and what has expired has been taken out.
    static beam::future<statistics> stats();
    /// Waits until the worker has heard all that was told before, and the cache is within its limits.
    static beam::future<void> catch_up();
    static beam::future<limits> set_limits(limits_change to);
    /// Deletes what is there now, and says how many; what is put meanwhile stays.
    static beam::future<std::uint64_t> flush();
    static beam::future<std::uint64_t> delete_tag(std::string tag);
    static beam::future<explained> explain(std::string key);
    /// See ledger::scan.
    static beam::future<scanned> scan(std::uint64_t cursor, std::uint64_t looks);

    using arguments = std::tuple<>;
    using calls = beam::messages<ask_statistics, ask_idle, change_limits, delete_many, explain_key,
                                 scan_keys>;
    using casts = beam::messages<news, go_on, keeper_is>;
    using infos = beam::messages<tick, beam::ets_transfer>;

    static beam::awaitable<beam::init_result<worker>> init();

    beam::call_result<statistics> handle_call(ask_statistics, beam::from caller);
    beam::call_result<void> handle_call(ask_idle, beam::from caller);
    limits handle_call(change_limits m);
    beam::call_result<std::uint64_t> handle_call(delete_many m, beam::from caller);
    explained handle_call(explain_key m);
    beam::call_result<scanned> handle_call(scan_keys m, beam::from caller);
    void handle_cast(news m);
    void handle_cast(go_on);
    void handle_cast(keeper_is m);
    void handle_info(tick);
    void handle_info(const beam::ets_transfer&) {}

    static constexpr std::size_t portion = 256;
    static constexpr std::size_t removals_kept = 10'000;

private:
    struct deletion {
        std::optional<std::string> tag;
        std::uint64_t last_birth = 0;
        std::uint64_t deleted = 0;
        beam::from caller;
    };
    struct waiter {
        bool wants_statistics = false;
        beam::from caller;
    };
    struct scan_waiter {
        scan_keys what;
        beam::from caller;
    };

    explicit worker(std::unique_ptr<session> s);

    void begin_reading();
    void read_row(const beam::ets::row& row);
    bool read_rows();
    void apply(news m);
    bool upkeep();
    bool expire();
    bool evict();
    bool delete_some();
    void work();
    void set_timer();
    [[nodiscard]] statistics count() const;
    void answer_waiters();

    std::unique_ptr<session> session_;
    std::unique_ptr<ledger> ledger_;
    removals removals_{removals_kept};
    std::optional<beam::ets::continuation> unread_;
    std::deque<deletion> deletions_;
    std::vector<waiter> waiters_;
    std::vector<scan_waiter> scans_;
    bool goes_on_ = false;
    std::optional<beam::ref> timer_;
    std::int64_t timer_at_ = 0;
    std::int64_t burials_forgotten_at_ = 0;
};

}  // namespace cache
