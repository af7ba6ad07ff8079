// The part of a state machine that is not a template: its state, its queue of events, its
// time-outs.
//
// A machine's process is a gen_core, as a server's is; what gen_core takes for the server's state
// is a statem_object: the engine and the user's data. An event goes from gen_core to the class's
// table and back to settle(), which does what OTP's loop does with a transition.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "libbeamcore/base/export.hpp"
#include "libbeamcore/otp/detail/any_value.hpp"
#include "libbeamcore/otp/detail/gen.hpp"
#include "libbeamcore/otp/transition.hpp"
#include "libbeamcore/runtime/call.hpp"
#include "libbeamcore/term/descriptor.hpp"

namespace beam::detail {

/// One event, from its arrival until it is handled for good.
struct statem_event {
    event_type type = event_type::info;
    bool begun = false;  // a call that the runtime knows to be open
    message content;
    from caller{};  // of a call
    term name{};    // of a named time-out
};

/// What wakes a machine when a time-out is due. A number that is no longer known means nothing.
struct statem_tick {
    std::uint64_t number;
};

class statem_engine;

/// A machine's class.
struct statem_table {
    /// Gives the event to its handler in the current state, and the result to settle(), now or when
    /// a handler that waits is through (it takes the event then). False: there is no handler.
    bool (*handle)(statem_engine&, gen_core&, self, statem_event&);
    /// Whether a message of the class's own is a cast.
    bool (*is_cast)(message&);
    /// Null for a class without enter calls.
    enter_result (*enter)(statem_engine&, const term& old);
    bool (*same)(const any_value& a, const any_value& b);
    bool (*is_state)(const any_value& v);
    term (*state_term)(const any_value& v);
    result<any_value> (*state_from)(const term& t);
};

class BEAM_EXPORT statem_engine {
public:
    statem_engine(const statem_table* table, void* data) : table_(table), data_(data) {}
    ~statem_engine();
    statem_engine(const statem_engine&) = delete;
    statem_engine& operator=(const statem_engine&) = delete;

    // -- for gen_core -----------------------------------------------------------------------------

    /// Before the process runs. True: go_on() has something to do first.
    bool begin(transition first);
    /// A message from the mailbox.
    void dispatch(gen_core& core, self s, message& m);
    /// What was left of the last turn, or of the start.
    void go_on(gen_core& core, self s);
    /// Goes on as a machine of another version of its class, with the other's events and time-outs.
    void take_over(statem_engine& old, module_record* old_module);

    // -- for the templates that adapt a class -----------------------------------------------------

    [[nodiscard]] void* data() const { return data_; }
    [[nodiscard]] const any_value& state() const { return state_; }
    [[nodiscard]] term state_term() const { return table_->state_term(state_); }
    [[nodiscard]] result<void> set_state(const term& t);
    /// What the handler said. The event's last turn, unless it is postponed.
    void settle(gen_core& core, self s, statem_event& e, transition t);
    /// In a catch block of a handler: what was thrown is a transition, or the end.
    void caught(gen_core& core, self s, statem_event& e) noexcept;
    /// A handler that waited is through.
    void resume(gen_core& core);

private:
    struct timer {
        event_type which;
        term name;
        ref running;
        std::uint64_t number;  // 0: its time was 0, and it is due as soon as no event waits
        message content;
    };
    // What few machines have, or at few times.
    struct extras {
        std::deque<statem_event> queue;  // to be handled before the mailbox
        std::vector<statem_event> postponed;
        std::vector<timer> timers;
        std::optional<transition> first;          // from init until the first turn
        std::vector<module_record*> old_modules;  // that events and time-outs may be of
    };

    extras& more();
    void run(gen_core& core, self s, statem_event e);
    void drain(gen_core& core, self s);
    // False: the enter call stops the machine.
    bool enter(gen_core& core, const any_value& old, std::vector<transition_action>& actions);
    void reply_now(std::vector<transition_action>& actions);
    void insert_events(std::vector<transition_action>& actions);
    void set_timers(std::vector<transition_action>& actions);
    void set_timer(transition_action& a);
    void start_timer(transition_action& a, std::int64_t ns);
    [[nodiscard]] std::optional<timer> take_timer(event_type which, const term& name);
    [[nodiscard]] std::optional<statem_event> event_of_timer(std::uint64_t number);
    [[nodiscard]] std::optional<statem_event> next_event();
    [[nodiscard]] bool has_work() const;
    void stop_timer(event_type which, const term& name);
    void release_old_modules() noexcept;
    [[noreturn]] void no_handler(statem_event& e) const;

    const statem_table* table_;
    void* data_;  // the object of the class
    any_value state_;
    std::unique_ptr<extras> more_;
    std::uint64_t last_timer_ = 0;
    bool event_timer_ = false;
};

/// What gen_core holds as the state. The engine goes first: what it holds may be of types of the
/// class.
template <class T>
struct statem_object {
    template <class... Args>
    explicit statem_object(const statem_table* table, Args&&... args)
        : data(std::forward<Args>(args)...), engine(table, &data) {}
    T data;
    statem_engine engine;
};

}  // namespace beam::detail
