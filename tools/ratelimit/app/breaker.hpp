// A breaker: one process that lets calls through, or refuses them when they keep failing.
//
//   closed     calls go through; their ends are counted (call_window.hpp). For the time of its ramp only a growing
//              share of them, evenly: whom it stood before has just recovered
//   open       no call goes through, until the cooldown is over
//   half_open  so many calls at once go through as probes; enough that succeed close it, one that fails opens it
//   disabled   all calls go through and nothing is counted, until somebody enables it
//
// Every call that is let through has a permit (permit_book.hpp), which ends by itself if it is not heard of: with
// the process that it was given to, or after a time; both count as a failure. So it never stays half open for want of
// an answer. What ends that began before the last change of state says nothing about the new one.
//
// Asking for the status changes nothing. When the process dies its supervisor starts it again; it goes on in the
// state and with the cooldown that its row of the table `breakers` says, with an empty window and no permits. When
// the node ends, only what people have set is kept: settings, and a breaker that was tripped or disabled.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <tuple>

#include "libbeamcore/base/random.hpp"
#include "libbeamcore/otp/gen_statem.hpp"
#include "libbeamcore/term/fields.hpp"
#include "libbeamcore/term/outcome.hpp"
#include "tools/ratelimit/app/breaker_settings.hpp"
#include "tools/ratelimit/app/breaker_table.hpp"
#include "tools/ratelimit/app/call_window.hpp"
#include "tools/ratelimit/app/permit_book.hpp"

namespace breakers {

/// The answer to who asks to call.
struct admission {
    bool allowed = false;
    std::uint64_t permit = 0;
    std::string state;           ///< as the breaker is
    nanoseconds retry_after{0};  ///< refused: when to ask again; 0: when somebody resets it
    std::uint64_t probes = 0;    ///< refused for as many that are under way
    bool is_full = false;        ///< refused for the number of calls under way
    std::uint64_t share_ppm = 1'000'000;  ///< calls a million that go through: less in a ramp
};

/// To the process that a permit was given to: it has ended, and the process is watched no longer.
struct permit_ended {
    std::uint64_t permit = 0;
};

/// What a call came to. `unexecuted`: there was none, the permit is given back.
enum class result_kind : std::uint8_t { success, failure, unexecuted };

/// What is told about a breaker.
struct status {
    state_kind state = state_kind::closed;
    bool forced = false;            ///< somebody has tripped or disabled it
    nanoseconds left{0};            ///< until an open one is half open; 0: when somebody resets it
    std::string reason;             ///< why it is not closed
    std::string by;                 ///< who forced it
    std::int64_t since_ms = 0;      ///< Unix time of the last change of state
    call_counts counts;             ///< in the window
    std::uint64_t permits = 0;      ///< calls under way
    std::uint64_t probes = 0;       ///< of them, probes
    std::uint64_t successes = 0;    ///< of probes, since it is half open
    std::uint64_t opened = 0;       ///< how often it has opened
    std::int64_t opened_at_ms = 0;  ///< Unix time of the last of these
    std::uint64_t rejected = 0;     ///< calls refused, since the process began
    std::uint64_t calls = 0;        ///< and let through
    std::uint64_t share_ppm = 1'000'000;  ///< as that of an admission; of a closed one
    settings in_force;
    bool own_settings = false;
};

/// What people do to a breaker.
enum class force_kind : std::uint8_t { trip, reset, disable, enable };

class breaker : public beam::gen_statem<breaker> {
    struct ask {
        using reply = admission;
        std::optional<beam::pid> owner;
        nanoseconds slow;
    };
    struct told {
        using reply = bool;
        std::uint64_t permit = 0;
        result_kind result = result_kind::success;
        nanoseconds took;
        std::string reason;
    };
    struct look {
        using reply = status;
    };
    struct force {
        using reply = beam::outcome<bool>;
        force_kind what = force_kind::trip;
        nanoseconds time;
        std::string by;
        std::string reason;
    };
    struct set {
        using reply = beam::outcome<bool>;
        settings_text changes;
    };
    struct forget {
        using reply = beam::outcome<bool>;
    };
    struct publish {};

public:
    struct closed {
        BEAM_FIELDS(closed)
    };
    struct open {
        std::uint64_t number = 0;  ///< a new one each time, also when it is tripped again
        BEAM_FIELDS(open, number)
        friend bool operator==(const open&, const open&) = default;
    };
    struct half_open {
        BEAM_FIELDS(half_open)
    };
    struct disabled {
        BEAM_FIELDS(disabled)
    };

    // -- what others see: functions, to a breaker's process ---------------------------------------------

    /// May a call be made? With `owner` the permit goes with that process, which is sent permit_ended when it has
    /// ended otherwise. A call that takes longer than `slow` (0: as the settings say) counts as a failure.
    static beam::future<admission> allow(beam::pid p, std::optional<beam::pid> owner,
                                         nanoseconds slow);
    /// What the call of that permit came to (0: of the oldest that goes with no process, else of one that nobody
    /// asked for), and how long it took (0: since the permit). False: there is no such permit (any more).
    static beam::future<bool> tell(beam::pid p, std::uint64_t permit, result_kind result,
                                   nanoseconds took, std::string reason);
    static beam::future<status> look_at(beam::pid p);
    /// False: it cannot be done in its state (trip or reset one that is disabled). `time` (0: until it is reset) is
    /// how long it stays tripped. On disk when it is answered. Error: the store's reason.
    static beam::future<beam::outcome<bool>> apply_force(beam::pid p, force_kind what,
                                                         nanoseconds time, std::string by,
                                                         std::string reason);
    /// Changes its settings and empties its window. On disk when it is answered. Errors: `{Code, Text}` as
    /// changed(), the store's reason.
    static beam::future<beam::outcome<bool>> change(beam::pid p, settings_text changes);
    /// Ends it and forgets all that was set. Error: the store's reason.
    static beam::future<beam::outcome<bool>> drop(beam::pid p);
    /// Has it write its row anew.
    static void write_row(beam::pid p);

    // -- what it does ---------------------------------------------------------------------------------

    using arguments = std::tuple<std::string>;
    using states = beam::states<closed, open, half_open, disabled>;
    using calls = beam::messages<ask, told, look, force, set, forget>;
    using casts = beam::messages<publish>;

    static beam::statem_init<breaker> init(std::string name);

    void handle_enter(const beam::term& old, const closed&);
    void handle_enter(const beam::term& old, const open&);
    void handle_enter(const beam::term& old, const half_open&);
    void handle_enter(const beam::term& old, const disabled&);

    beam::transition handle_call(const closed&, const ask& m, const beam::from& caller);
    beam::transition handle_call(const open&, const ask& m, const beam::from& caller);
    beam::transition handle_call(const half_open&, const ask& m, const beam::from& caller);
    beam::transition handle_call(const disabled&, const ask& m, const beam::from& caller);

    template <class State>
    beam::transition handle_call(const State& s, const told& m, const beam::from& caller) {
        bool known = true;
        beam::transition then = with_agenda(end_of_call(kind_of(s), m, known));
        then.reply(caller, known);
        return then;
    }
    template <class State>
    status handle_call(const State& s, const look&) {
        return status_in(kind_of(s));
    }
    template <class State>
    beam::awaitable<beam::transition> handle_call(State s, force m, beam::from caller) {
        return forced(kind_of(s), std::move(m), caller);
    }
    template <class State>
    beam::awaitable<beam::transition> handle_call(State, set m, beam::from caller) {
        return changed_settings(std::move(m), caller);
    }
    template <class State>
    beam::awaitable<beam::transition> handle_call(State, forget, beam::from caller) {
        return forgotten(caller);
    }
    template <class State>
    void handle_cast(const State& s, const publish&) {
        write_row(kind_of(s));
    }
    template <class State>
    beam::transition handle_info(const State& s, const beam::down_message& m) {
        return with_agenda(owner_died(kind_of(s), m.monitor));
    }
    beam::transition handle_state_timeout(const open&, std::int64_t);
    template <class State>
    beam::transition handle_timeout(const State& s, const beam::term& name, std::int64_t) {
        return timer_fired(kind_of(s), name);
    }

private:
    static state_kind kind_of(const closed&) { return state_kind::closed; }
    static state_kind kind_of(const open&) { return state_kind::open; }
    static state_kind kind_of(const half_open&) { return state_kind::half_open; }
    static state_kind kind_of(const disabled&) { return state_kind::disabled; }

    [[nodiscard]] status status_in(state_kind s) const;
    void write_row(state_kind s) const;
    void entered(const beam::term& old, state_kind s);

    permit make_permit(state_kind s, const ask& m);
    [[nodiscard]] std::uint64_t share_now() const;
    beam::transition admit(state_kind s, const ask& m, const beam::from& caller);
    beam::transition refuse(const beam::from& caller, admission a);

    beam::transition end_of_call(state_kind s, const told& m, bool& known);
    beam::transition owner_died(state_kind s, const beam::ref& monitor);
    beam::transition due_permits(state_kind s);
    beam::transition agenda_due(state_kind s);
    beam::transition timer_fired(state_kind s, const beam::term& name);
    beam::transition count(state_kind s, std::uint32_t epoch, call_end end, std::string reason);
    beam::transition open_again(std::string reason);
    beam::transition opened_for(nanoseconds time);
    beam::transition closed_now();
    beam::transition with_agenda(beam::transition t);
    [[nodiscard]] bool is_forgettable(state_kind s, std::int64_t now) const;

    beam::awaitable<beam::transition> forced(state_kind s, force m, beam::from caller);
    beam::awaitable<beam::transition> changed_settings(set m, beam::from caller);
    beam::awaitable<beam::transition> forgotten(beam::from caller);
    [[nodiscard]] kept_breaker to_keep() const;

    std::string name_;
    settings settings_;
    bool own_settings_ = false;
    call_window window_;
    permit_book permits_;
    beam::random_generator random_{0};

    std::uint32_t epoch_ = 0;        // one more at each change of state
    std::uint32_t again_ = 0;        // openings since it was last closed
    std::uint64_t successes_ = 0;    // of probes
    std::int64_t until_ = 0;         // of an open one: when it is half open; 0: never by itself
    std::int64_t ramp_from_ = 0;     // when its probes closed it; 0: no ramp is under way
    std::uint64_t ramp_credit_ = 0;  // calls a million: with a whole one the next goes through
    std::uint64_t last_permit_ = 0;
    std::int64_t agenda_at_ = INT64_MAX;  // what its timer is set to
    std::int64_t last_event_ = 0;

    bool forced_ = false;
    std::string reason_, by_;
    std::int64_t since_ms_ = 0, opened_at_ms_ = 0;
    std::uint32_t starts_ = 0;  // of its process, before this one
    std::uint64_t opened_ = 0, rejected_ = 0, calls_ = 0;
};

}  // namespace breakers
