// An event handler's object and its class, as the manager sees them.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>

#include "libbeamcore/base/export.hpp"
#include "libbeamcore/runtime/callback.hpp"
#include "libbeamcore/runtime/detail/module_ref.hpp"
#include "libbeamcore/runtime/message.hpp"
#include "libbeamcore/term/outcome.hpp"

namespace beam {
class event_result;
}

namespace beam::detail {

/// One table a handler class; in the module's memory.
struct event_class {
    const char* name;  // qualified
    std::uint32_t size, align;
    std::uint64_t fingerprint;  // 0: no declared fields

    // Gives an event or another message to its handler; false if the class lists no such type.
    bool (*handle)(void* state, message& m, event_result& next);
    // Answers a request into `answer`; false likewise.
    bool (*call)(void* state, message& request, message& answer, event_result& next);
    // May be null.
    term (*on_terminate)(void* state, const term& why);
    void (*on_hibernate)(void* state);
    term (*get_state)(const void* state);
    result<void> (*set_state)(void* state, const term& t);
    term (*format_status)(const void* state, atom why);
    outcome<void> (*code_change)(void* raw, const term& old_vsn, const term& state,
                                 const term& extra);
    // Never null.
    void (*destroy)(void* state) noexcept;
    module_record* (*module)();
    atom (*class_name)();
};

/// A handler's object; holds on to the module that it is of. Made and ended in the manager's process.
class BEAM_EXPORT event_object {
public:
    event_object() noexcept = default;
    /// Storage for an object of that class, which is yet to be constructed in it.
    explicit event_object(const event_class* type);
    event_object(event_object&& other) noexcept { swap(other); }
    event_object& operator=(event_object&& other) noexcept {
        event_object(std::move(other)).swap(*this);
        return *this;
    }
    ~event_object();

    /// The object is constructed. `hibernates`: it asks the manager to.
    void made(bool hibernates = false) {
        is_made_ = true;
        hibernates_ = hibernates;
    }
    [[nodiscard]] bool wants_hibernation() const { return hibernates_; }
    [[nodiscard]] const event_class& type() const { return *class_; }
    [[nodiscard]] atom class_name() const { return class_->class_name(); }
    [[nodiscard]] void* state() const { return state_; }
    /// The declared fields, or `{opaque, Class}`.
    [[nodiscard]] term shown() const;

private:
    void swap(event_object& other) noexcept;

    const event_class* class_ = nullptr;
    void* state_ = nullptr;
    bool is_made_ = false;
    bool hibernates_ = false;
};

/// Makes a handler in the manager's process. `swapped`: what the one before it left, in a swap.
using event_maker = callback<outcome<event_object>(term swapped)>;

/// Which handler: `Class` or `{Class, Id}`.
struct event_key {
    atom class_name;
    std::optional<term> id{};

    [[nodiscard]] term to_term() const { return id ? tuple(class_name, *id) : term(class_name); }
};

/// Keeps the sender's code mapped as long as a message within a message is on its way: the loader does not
/// see those. Declare it before the message, which is to be destroyed first.
class module_hold {
public:
    module_hold() noexcept = default;
    explicit module_hold(module_record* m) noexcept : module_(m) { retain_module(m); }
    module_hold(module_hold&& other) noexcept : module_(std::exchange(other.module_, nullptr)) {}
    module_hold& operator=(module_hold&& other) noexcept {
        std::swap(module_, other.module_);
        return *this;
    }
    ~module_hold() { release_module(module_); }

private:
    module_record* module_ = nullptr;
};

}  // namespace beam::detail
