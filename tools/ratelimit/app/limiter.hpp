// The limiter: owns the tables (tables.hpp), changes rules, and takes out rows that are as good as none.
//
// No check waits for it. It looks at the rows some hundred at a time, and comes back when the first of them
// is due, but never so soon that it would take more than a twentieth of a core; a node without rows wakes
// for nothing.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "libbeamcore/ets/select.hpp"
#include "libbeamcore/otp/gen_server.hpp"
#include "libbeamcore/term/outcome.hpp"
#include "tools/ratelimit/app/rules.hpp"

namespace ratelimit {

/// Tells the limiter, if it sleeps, that there is a row again. Called where one was put in.
void wake_limiter();

/// Some key that has something left to be refilled, if there is one: why an idle node stays.
[[nodiscard]] beam::awaitable<std::optional<std::string>> some_spent_key();

class limiter : public beam::gen_server<limiter> {
    struct put_rule {
        using reply = beam::outcome<bool>;
        rule what;
    };
    struct erase_rule {
        using reply = beam::outcome<bool>;
        std::string name;
    };
    struct new_heir {
        beam::pid who;
    };
    struct wake {};
    struct next_page {};

public:
    /// Puts a rule in force and keeps it; rows are carried over. Errors: `too_many_rules`, the store's reason.
    static beam::future<beam::outcome<bool>> set_rule(rule r);
    /// False: there is none. Error: the store's reason.
    static beam::future<beam::outcome<bool>> delete_rule(std::string name);
    /// From now on `who` inherits the tables. Nothing happens while there is no limiter.
    static void inherits(beam::pid who);

    using arguments = std::tuple<>;
    using calls = beam::messages<put_rule, erase_rule>;
    using casts = beam::messages<new_heir, wake, next_page>;
    using infos = beam::messages<wake, beam::ets_transfer>;

    static beam::awaitable<beam::init_result<limiter>> init();
    beam::awaitable<beam::outcome<bool>> handle_call(put_rule m);
    beam::awaitable<beam::outcome<bool>> handle_call(erase_rule m);
    void handle_cast(new_heir m);
    void handle_cast(wake);
    void handle_cast(next_page);
    void handle_info(wake);
    void handle_info(beam::ets_transfer) {}

private:
    friend void wake_limiter();

    void look_at_page();
    void end_round();
    void change_rows(const std::string& rule_name, const limit& now, inheritance how);

    /// A change of a rule that rows are carried over to, page by page.
    struct change {
        std::string rule_name;
        limit now;
        inheritance how = inheritance::scale;
    };

    bool runs_ = false;                   // a round is under way
    beam::ets::continuation next_;        // of that round
    std::vector<change> changes_;         // that the round makes
    std::vector<change> new_changes_;     // for the next round
    std::int64_t began_ = 0;              // when the round began
    std::chrono::nanoseconds worked_{0};  // in it
    std::int64_t earliest_ = 0;           // when the first of the rows seen is due
    std::optional<beam::ref> timer_;
};

}  // namespace ratelimit
