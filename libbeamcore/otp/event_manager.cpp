#include "libbeamcore/otp/internal/event_manager.hpp"

#include <algorithm>
#include <new>

#include "libbeamcore/otp/module_table.hpp"
#include "libbeamcore/otp/report.hpp"
#include "libbeamcore/runtime/detail/code_use.hpp"
#include "libbeamcore/runtime/link.hpp"
#include "libbeamcore/term/syntax.hpp"

namespace beam::detail {

namespace {

// The exception being handled, as Erlang's `catch` shows it: what was thrown, or `{'EXIT', Reason}`.
term caught() noexcept {
    term reason = reason_of_current_exception();
    auto outer = reason.elements();
    if (outer.size() == 2 && outer[0].is_tagged(atoms::nocatch, 2)) return outer[0].elements()[1];
    return tuple(atoms::EXIT, std::move(reason));
}

term false_or(pid p) {
    return p ? term(p) : term(atoms::false_);
}

}  // namespace

// -- objects --------------------------------------------------------------------------------------

event_object::event_object(const event_class* type)
    : class_(type), state_(::operator new(type->size, std::align_val_t(type->align))) {
    add_guest(class_->module());
}

event_object::~event_object() {
    if (!class_) return;
    module_record* module = class_->module();
    if (is_made_) class_->destroy(state_);
    ::operator delete(state_, std::align_val_t(class_->align));
    remove_guest(module);
}

void event_object::swap(event_object& other) noexcept {
    std::swap(class_, other.class_);
    std::swap(state_, other.state_);
    std::swap(is_made_, other.is_made_);
    std::swap(hibernates_, other.hibernates_);
}

term event_object::shown() const {
    if (class_->get_state) return class_->get_state(state_);
    return tuple(atom("opaque"), class_name());
}

// -- events ---------------------------------------------------------------------------------------

event_manager::handlers::iterator event_manager::find(const event_key& key) {
    // From the newest on.
    auto found = std::find_if(handlers_.rbegin(), handlers_.rend(), [&](const installed& h) {
        return h.object.class_name() == key.class_name && h.id == key.id;
    });
    return found == handlers_.rend() ? handlers_.end() : std::prev(found.base());
}

bool event_manager::notify(message& m) {
    hibernates_ = false;
    const char* last = m.type()->name;
    for (std::size_t i = handlers_.size(); i-- > 0;) {
        installed& h = handlers_[i];
        event_result next;
        bool stays = true;
        try {
            if (!h.object.type().handle(h.object.state(), m, next)) continue;
            stays = settle(h, next, last);
        } catch (event_result& thrown) {
            stays = settle(h, thrown, last);
        } catch (const beam::remove_handler& thrown) {
            event_result removed(thrown);
            stays = settle(h, removed, last);
        } catch (const then& thrown) {
            event_result then_result(thrown);
            stays = settle(h, then_result, last);
        } catch (...) {
            stays = failed(h, caught(), last);
        }
        if (!stays) handlers_.erase(handlers_.begin() + std::ptrdiff_t(i));
    }
    return hibernates_;
}

// Somebody's exit: those he supervised go first, then the others may hear of it.
bool event_manager::parted(message& exit) {
    const auto* e = exit.get_if<exit_message>();
    for (std::size_t i = handlers_.size(); i-- > 0;) {
        installed& h = handlers_[i];
        if (!h.supervisor || !(h.supervisor == e->from)) continue;
        (void)end(h, tuple(atoms::stop, e->reason), atoms::shutdown, exit.type()->name);
        handlers_.erase(handlers_.begin() + std::ptrdiff_t(i));
    }
    return notify(exit);
}

bool event_manager::settle(installed& h, event_result& next, const char* last) {
    if (next.removes()) {
        (void)end(h, atom("remove_handler"), atoms::normal, last);
        return false;
    }
    if (!next.swap()) {
        hibernates_ |= next.hibernates();
        return true;
    }
    handler_swap& other = *next.swap();
    const event_key old = h.key();
    const pid supervisor = h.supervisor;
    outcome<term> left =
        end(h, other.arguments(),
            tuple(atom("swapped"), other.to().to_term(), false_or(supervisor)), last);
    outcome<event_object> made = run(other.make(), left ? *left : left.error());
    if (!made) {
        report_handler_terminated(other.to().to_term(), made.error(), atoms::undefined, last);
        tell(other.to(), supervisor, made.error());
        return false;
    }
    hibernates_ |= made->wants_hibernation();
    h.object = *std::move(made);
    h.id = other.to().id;
    return true;
}

bool event_manager::failed(installed& h, term what, const char* last) {
    (void)end(h, tuple(atoms::error, what), what, last);
    return false;
}

// Calls terminate, reports a failure, and tells who supervises it. The handler stays where it is.
outcome<term> event_manager::end(installed& h, const term& arguments, const term& reason,
                                 const char* last) {
    const event_key key = h.key();
    const bool crashed = !(reason == atoms::normal || reason == atoms::shutdown ||
                           reason.is_tagged(atom("swapped"), 3));
    term state = crashed ? state_of(h, atoms::terminate) : term();
    outcome<term> left = term(atoms::ok);
    try {
        if (auto* terminate = h.object.type().on_terminate)
            left = terminate(h.object.state(), arguments);
    } catch (const term& thrown) {
        left = thrown;
    } catch (...) {
        left = fail_term(caught());
    }
    if (crashed) report_handler_terminated(key.to_term(), reason, state, last);
    tell(key, h.supervisor, reason);
    return left;
}

void event_manager::tell(const event_key& key, pid supervisor, const term& reason) const {
    if (supervisor) beam::send(supervisor, gen_event_exit{key.to_term(), reason});
}

// -- requests -------------------------------------------------------------------------------------

outcome<event_object> event_manager::run(event_maker& make, term old) {
    try {
        return make(std::move(old));
    } catch (const stop_with& s) {
        return fail_term(s.reason);
    } catch (const beam::ignore&) {
        return fail_term(atoms::ignore);
    } catch (...) {
        return fail_term(caught());
    }
}

outcome<void> event_manager::add(event_key key, event_maker& make, pid supervisor) {
    if (supervisor) link(supervisor);
    outcome<event_object> made = run(make, atoms::undefined);
    if (!made) return fail_term(std::move(made.error()));
    hibernates_ = made->wants_hibernation();
    handlers_.push_back({*std::move(made), std::move(key.id), supervisor});
    return {};
}

outcome<term> event_manager::remove(const event_key& key, const term& arguments) {
    auto h = find(key);
    if (h == handlers_.end()) return fail_term(atom("module_not_found"));
    // Out of the list first: terminate may be told of it.
    installed gone = std::move(*h);
    handlers_.erase(h);
    return end(gone, arguments, atoms::normal, "delete_handler");
}

outcome<void> event_manager::swap(event_swap& wanted, pid supervisor) {
    term left = atoms::error;
    if (auto h = find(wanted.old); h != handlers_.end()) {
        installed gone = std::move(*h);
        handlers_.erase(h);
        pid next = supervisor ? supervisor : gone.supervisor;
        outcome<term> said =
            end(gone, wanted.arguments,
                tuple(atom("swapped"), wanted.key.to_term(), false_or(next)), "swap_handler");
        left = said ? *std::move(said) : std::move(said.error());
        supervisor = next;
    }
    if (supervisor) link(supervisor);
    outcome<event_object> made = run(wanted.make, std::move(left));
    if (!made) return fail_term(std::move(made.error()));
    hibernates_ = made->wants_hibernation();
    handlers_.push_back({*std::move(made), std::move(wanted.key.id), supervisor});
    return {};
}

event_answer event_manager::call(event_call& call, bool& hibernates) {
    event_answer answer;
    auto h = find(call.key);
    if (h == handlers_.end()) {
        answer.failure = atom("bad_module");
        return answer;
    }
    hibernates_ = false;
    const char* last = call.request.type()->name;
    event_result next;
    bool stays = true;
    try {
        if (h->object.type().call(h->object.state(), call.request, answer.value, next)) {
            answer.hold = module_hold(h->object.type().module());
            stays = settle(*h, next, last);
        } else {
            answer.failure = atom("bad_module");
        }
    } catch (...) {
        answer.failure = caught();
        stays = failed(*h, *answer.failure, last);
    }
    if (!stays) handlers_.erase(h);
    hibernates = hibernates_;
    return answer;
}

term event_manager::which() const {
    std::vector<term> all;
    for (auto h = handlers_.rbegin(); h != handlers_.rend(); ++h) all.push_back(h->key().to_term());
    return list_of(std::move(all));
}

// -- the end --------------------------------------------------------------------------------------

void event_manager::stop_all() {
    while (!handlers_.empty()) {
        installed h = std::move(handlers_.back());
        handlers_.pop_back();
        (void)end(h, atoms::stop, atoms::shutdown, "stop");
        // The end of the manager is not to end who supervised a handler.
        if (h.supervisor && !(h.supervisor == parent_)) unlink(h.supervisor);
    }
}

void event_manager::hibernate() {
    for (installed& h : handlers_)
        if (auto* hibernate = h.object.type().on_hibernate) hibernate(h.object.state());
}

// -- sys ------------------------------------------------------------------------------------------

term event_manager::state_of(const installed& h, atom why) {
    try {
        if (auto* format = h.object.type().format_status) return format(h.object.state(), why);
        return h.object.shown();
    } catch (...) {
        return tuple(atoms::EXIT, reason_of_current_exception());
    }
}

term event_manager::shown() const {
    std::vector<term> all;
    for (auto h = handlers_.rbegin(); h != handlers_.rend(); ++h)
        all.push_back(
            tuple(h->object.class_name(), h->id.value_or(atoms::false_), h->object.shown()));
    return list_of(std::move(all));
}

term event_manager::status(atom why) const {
    std::vector<term> all;
    for (auto h = handlers_.rbegin(); h != handlers_.rend(); ++h)
        all.push_back(
            tuple(h->object.class_name(), h->id.value_or(atoms::false_), state_of(*h, why)));
    return tuple(atom("Installed handlers"), list_of(std::move(all)));
}

// One after the other; what raises, or is no state of that handler, leaves it as it is.
term event_manager::replace(const callback<term(term)>& change) {
    for (auto h = handlers_.rbegin(); h != handlers_.rend(); ++h) {
        const event_class& type = h->object.type();
        term id = h->id.value_or(atoms::false_);
        try {
            term next = change(tuple(type.class_name(), id, h->object.shown()));
            auto parts = next.elements();
            if (parts.size() == 3 && parts[0] == type.class_name() && parts[1] == id &&
                type.set_state)
                (void)type.set_state(h->object.state(), parts[2]);
        } catch (...) {
            continue;
        }
    }
    return shown();
}

outcome<void> event_manager::change_code(const term& module, const term& old_vsn,
                                         const term& extra) {
    // All new objects are made beside the old ones: if one fails, nothing has happened.
    std::vector<std::pair<installed*, event_object>> changed;
    for (installed& h : handlers_) {
        if (!(module == h.object.class_name())) continue;
        const event_class* next = &h.object.type();
        auto entry = module_table::current().find(next->module(), next->class_name());
        if (entry && entry->factory.event_handler) next = entry->factory.event_handler;
        if (!next->code_change)
            return fail_term(tuple(atoms::error, tuple(atom("no_fields"), next->class_name())));
        event_object made(next);
        auto r = next->code_change(made.state(), old_vsn, h.object.shown(), extra);
        if (!r) return fail_term(tuple(atoms::error, std::move(r.error())));
        made.made();
        changed.emplace_back(&h, std::move(made));
    }
    for (auto& [h, made] : changed) h->object = std::move(made);
    return {};
}

}  // namespace beam::detail
