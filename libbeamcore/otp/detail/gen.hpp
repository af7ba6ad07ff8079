// The part of a gen_server that is not a template: its loop, time-outs, system requests and end.
//
// gen_core is libbeamcore's own code and stays with the process; the class that the user wrote is known
// by a table of functions, and its object (the state) lies beside, so both can be exchanged under a
// living process. The core holds the reference to the module that both come from.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "libbeamcore/base/export.hpp"
#include "libbeamcore/otp/callback_result.hpp"
#include "libbeamcore/otp/start_result.hpp"
#include "libbeamcore/otp/sys.hpp"
#include "libbeamcore/otp/via.hpp"
#include "libbeamcore/runtime/call.hpp"
#include "libbeamcore/runtime/callback.hpp"
#include "libbeamcore/runtime/detail/module_ref.hpp"
#include "libbeamcore/runtime/spawn.hpp"
#include "libbeamcore/term/outcome.hpp"

namespace beam {

/// How to start a server. Not an aggregate, so that it may be built in a co_await expression.
struct server_options {
    server_options() {}                                    // NOLINT: see above
    server_options(server_name n) : name(std::move(n)) {}  // NOLINT: implicit
    /// Registered before init runs: a local name or a via. Taken: the error `{already_started, Pid}`.
    server_name name;
    /// How long an init that waits may take; then it is killed and the error is `timeout`.
    beam::timeout timeout = infinity{};
    /// Without messages for that long the server hibernates.
    beam::timeout hibernate_after = infinity{};
    /// Priority and bounds of the mailbox. link, monitor and name are set by the function used.
    spawn_options spawn{};
};

namespace detail {

class gen_core;
class statem_engine;

struct gen_class {
    const char* name;  // qualified; in the module's memory
    atom behaviour;    // gen_server, gen_statem or gen_event
    std::uint32_t size, align;
    std::uint64_t fingerprint;  // 0: no declared fields

    // Hands `m` to its handler; false if there is none.
    bool (*dispatch)(gen_core&, self, void* state, message& m);
    bool (*on_timeout)(gen_core&, self, void* state);
    bool (*on_continue)(gen_core&, self, void* state, message& what);
    // The rest may be null.
    void (*on_terminate)(void* state, const term& reason);
    awaitable<void> (*on_terminate_waiting)(void* state, const term& reason);
    void (*on_hibernate)(void* state);
    term (*get_state)(const void* state);
    result<void> (*set_state)(void* state, const term& t);
    term (*format_status)(const void* state, atom why);
    outcome<void> (*code_change)(void* raw, const term& old_vsn, const term& state,
                                 const term& extra);
    // A state machine's, which passes to the object of another version; null for a server.
    statem_engine* (*engine)(void* object);
    // Never null.
    void (*destroy)(void* state) noexcept;
    module_record* (*module)();
    atom (*class_name)();
    // For a state that has parts of its own (gen_event's handlers), else null: a function that is to be called
    // for each part, and a change of code that goes on within the state.
    term (*replace_state)(void* state, const callback<term(term)>& change) = nullptr;
    outcome<void> (*change_code_within)(void* state, const term& module, const term& old_vsn,
                                        const term& extra) = nullptr;
};

class BEAM_EXPORT gen_core : public sys_target {
public:
    [[nodiscard]] static std::unique_ptr<gen_core> make(const gen_class* type);
    ~gen_core() override;

    static void* operator new(std::size_t n) { return allocate(n); }
    static void operator delete(void* p, std::size_t n) noexcept { deallocate(p, n); }

    // -- for the templates that adapt a class -----------------------------------------------------

    /// A handler's result.
    void next(then t);
    void apply(cast_result r);
    /// The process ends when the handler is through; `answer` is sent after terminate.
    void stop(term reason);
    void stop(term reason, const from& to, message answer);
    /// In a catch block of a handler: what was thrown is a result or the end.
    void caught() noexcept;
    /// Goes on with a handler that waits. It catches what it throws.
    void wait(self s, awaitable<void> work) { run_waiting(s, std::move(work)), flags_ |= waiting; }
    /// A handler's coroutine runs, or the process is to end: nothing else may be handled now.
    [[nodiscard]] bool is_busy() const { return (flags_ & (waiting | stopping)) != 0; }
    [[nodiscard]] bool is_debugging() const { return (flags_ & debugging) != 0; }
    /// Nothing to do before a message comes.
    [[nodiscard]] bool is_waiting() const { return (flags_ & (urgent | idle_work)) == 0; }
    void replied(self s, const from& to, term answer);

    /// In the init that waits: how it came out.
    void init_ready(then next);
    void init_ignored();
    void init_stopped(term reason);
    void init_caught() noexcept;
    [[nodiscard]] void* storage() { return state_; }

    // -- sys --------------------------------------------------------------------------------------

    void run(self s) final;
    [[nodiscard]] atom sys_module() const final;
    [[nodiscard]] pid sys_parent() const final { return parent_; }
    [[nodiscard]] term sys_get_state() final;
    [[nodiscard]] outcome<void> sys_set_state(const term& state) final;
    [[nodiscard]] outcome<term> sys_replace_state(const callback<term(term)>& change) final;
    [[nodiscard]] outcome<void> sys_change_code(const term& module, const term& old_vsn,
                                                const term& extra) final;
    void sys_terminate(term reason) final;
    [[nodiscard]] atom sys_behaviour() const final { return class_->behaviour; }
    [[nodiscard]] std::string sys_header() const final;
    [[nodiscard]] term sys_shown_state() final { return shown_state(atoms::normal); }

protected:
    gen_core(const gen_class* type, void* room, std::size_t room_size);

private:
    friend class gen_start;
    struct extras;

    void init_later(awaitable<void> init);
    void hibernate_after(std::chrono::nanoseconds idle);

    enum flag : std::uint32_t {
        // To be seen to before the next message is taken.
        waiting = 1,       // a handler's coroutine runs
        initialising = 2,  // init has yet to run, in the process itself
        stopping = 4,
        suspended = 8,
        has_continue = 16,
        timeout_first = 32,  // init asked for a time-out of 0
        urgent = 63,
        // To be seen to when a message is taken.
        armed = 64,  // a time-out's timer runs
        debugging = 128,
        hibernates = 256,  // the option hibernate_after
        ticking = 512,     // its timer runs
        watched = armed | debugging | hibernates | ticking,
        // To be seen to when the mailbox is empty.
        wants_timeout = 1024,
        idle_work = wants_timeout | hibernates,
        // Facts.
        has_state = 2048,
        state_apart = 4096,  // the state is not in the room behind this object
        terminated = 8192,
        answered = 16384,
    };

    extras& more();
    bool attend(self s);
    bool idle(self s);
    bool before(self s, message& m);
    void take(self s, message& m);
    void handle_special(self s, message& m);
    void unexpected(self s, message& m);
    void timed_out_now(self s);
    void tick(self s, std::uint32_t generation);
    void hibernate_now();
    void end(self s);
    void report_end(self s);
    awaitable<void> initialise(self s);
    awaitable<void> terminate_waiting(self s);
    void drop_state() noexcept;
    term shown_state(atom why) const;

    const gen_class* class_;
    void* state_;
    sys_handler sys_;
    extras* extras_ = nullptr;
    const type_descriptor* current_ = nullptr;  // of the message being handled, or the last one
    term reason_;
    pid parent_;
    std::uint32_t flags_ = 0;
};

/// One start, from the starter's side.
class BEAM_EXPORT gen_start {
public:
    gen_start(const gen_class* type, const server_options& options, bool link, bool monitor);
    ~gen_start();
    gen_start(const gen_start&) = delete;
    gen_start& operator=(const gen_start&) = delete;

    /// Makes the process; until finish() the calling code runs as it. False: it could not be made.
    [[nodiscard]] bool begin();
    [[nodiscard]] gen_core& core() { return *body_; }
    [[nodiscard]] void* storage() { return body_->storage(); }
    /// How init came out.
    void made(then next);
    void ignored();
    void stopped(term reason);
    /// In a catch block: init threw.
    void caught() noexcept;
    /// init is to run in the process.
    void defer(awaitable<void> init);

    [[nodiscard]] start_result finish();
    /// finish(), then waits for the deferred init. Keep this object meanwhile.
    [[nodiscard]] awaitable<start_result> finish_waiting();
    [[nodiscard]] ref monitor() const { return monitor_; }

private:
    awaitable<start_result> wait_until_ready(start_result r);

    enum class state : std::uint8_t { none, begun, made, deferred, ignored, failed };

    server_options options_;
    const gen_class* class_;
    std::unique_ptr<gen_core> body_;
    process_block* pb_ = nullptr;
    std::optional<init_scope> scope_;
    term reason_;
    ref monitor_;
    state state_ = state::none;
    bool crashed_ = false;
};

/// How an init that does not wait came out, where it runs in the process itself: after something that does.
class gen_process_init {
public:
    explicit gen_process_init(gen_core& core) : core_(core) {}
    [[nodiscard]] void* storage() { return core_.storage(); }
    void made(then next) { core_.init_ready(std::move(next)); }
    void ignored() { core_.init_ignored(); }
    void stopped(term reason) { core_.init_stopped(std::move(reason)); }

private:
    gen_core& core_;
};

/// Handles one open request as long as it lives.
class request_scope {
public:
    explicit request_scope(process_block* pb) : pb_(pb) {}
    ~request_scope() { end_request(pb_); }
    request_scope(const request_scope&) = delete;
    request_scope& operator=(const request_scope&) = delete;

private:
    process_block* pb_;
};

/// What a handler threw, as an exit reason: a plain value is a bad return value, `{Tag, Value}`.
[[nodiscard]] BEAM_EXPORT term thrown_reason(atom tag = atoms::bad_return_value) noexcept;
/// That tag, for what an init or another callback of that behaviour threw.
[[nodiscard]] BEAM_EXPORT atom bad_return_tag(const gen_class& type, bool in_init) noexcept;

/// The reason for a failed result: its code, or `{Code, Detail}`.
[[nodiscard]] BEAM_EXPORT term error_term(const error& e);

}  // namespace detail

}  // namespace beam
