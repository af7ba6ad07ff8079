#include "libbeamcore/runtime/message.hpp"

#include <cstring>

#include "libbeamcore/runtime/call.hpp"
#include "libbeamcore/runtime/internal/signals.hpp"

BEAM_DEFINE_DESCRIPTOR(beam::detail::unit);

namespace beam {

namespace detail {

void destroy_message(signal* s) noexcept {
    s->type->destroy(s->payload());
    slab::give(s->size_class, s);
}

namespace {

// `s` as a message of that type, read from `t`.
bool convert(signal*& s, const type_descriptor* wanted, const term& t) {
    signal* converted = nullptr;
    switch (s->kind) {
        case signal_kind::request: {
            auto* r = make_carrier<request_signal>(s->kind, wanted);
            r->id = static_cast<request_signal*>(s)->id;
            r->caller = static_cast<request_signal*>(s)->caller;
            converted = r;
            break;
        }
        case signal_kind::reply: {
            auto* r = make_carrier<reply_signal>(s->kind, wanted);
            r->id = static_cast<reply_signal*>(s)->id;
            converted = r;
            break;
        }
        default:
            converted = make_carrier<signal>(signal_kind::message, wanted);
    }
    if (!wanted->from_term(t, converted->payload())) {
        slab::give(converted->size_class, converted);
        return false;
    }
    converted->next = s->next;
    destroy_message(std::exchange(s, converted));
    return true;
}

}  // namespace

bool adopt_message(signal*& s, const type_descriptor* wanted) {
    if (!wanted->from_term) return false;
    if (s->type == descriptor_of<term>()) {
        // Written by another node: `{name, ...}` or `name`. Other terms say too little about what they are meant as.
        const term t = *static_cast<const term*>(s->payload());
        const auto e = t.elements();
        if (!t.is_atom() && (e.empty() || !e[0].is_atom())) return false;
        return convert(s, wanted, t);
    }
    if (!s->type->to_term || std::strcmp(s->type->name, wanted->name) != 0) return false;
    return convert(s, wanted, s->type->to_term(s->payload()));
}

bool read_answer(message& m, const type_descriptor* wanted) {
    if (m.type() != descriptor_of<term>() || !wanted->from_term) return false;
    signal* s = m.release();
    const term t = *static_cast<const term*>(s->payload());
    const bool read = convert(s, wanted, t);
    m = message(s);
    return read;
}

void* allocate(std::size_t bytes) {
    return slab::take(slab::class_of(bytes), bytes);
}
void deallocate(void* p, std::size_t bytes) noexcept {
    slab::give(slab::class_of(bytes), p);
}

void release_module(module_record* m) noexcept {
    if (m) m->users.fetch_sub(1, std::memory_order_release);
}

}  // namespace detail

term message::to_term() const {
    if (!signal_) return atoms::undefined;
    if (!signal_->type->to_term)
        return tuple(atom("opaque"), std::string_view(signal_->type->name));
    return signal_->type->to_term(signal_->payload());
}

}  // namespace beam
