#include "libbeamcore/runtime/blocking.hpp"

#include "libbeamcore/runtime/internal/refs.hpp"
#include "libbeamcore/runtime/internal/runtime_impl.hpp"
#include "libbeamcore/runtime/internal/signals.hpp"

namespace beam::detail {

namespace {

/// How a failed job travels back: as a message of a type that only this file knows.
struct dirty_failed {
    term reason;
};

void answer(runtime_impl& node, const from& to, signal* result) {
    if (result->type == descriptor_of<dirty_failed>()) {
        auto* d = make_signal<request_down_signal>(signal_kind::request_down);
        d->id = id_of(to.tag);
        d->reason = std::move(static_cast<dirty_failed*>(result->payload())->reason);
        destroy_message(result);
        if (!node.deliver(to.to, d)) free_signal(d);
        return;
    }
    auto* r = static_cast<reply_signal*>(allocate_reply(result->type));
    result->type->relocate(result->payload(), r->payload());
    slab::give(result->size_class, result);
    r->id = id_of(to.tag);
    if (!node.deliver(to.to, r)) destroy_message(r);
}

}  // namespace

signal* dirty_failure() noexcept {
    return message::make(dirty_failed{reason_of_current_exception()}).release();
}

void run_dirty(const from& to, callback<signal*()> job) {
    runtime_impl& node = *current()->node;
    auto work = [&node, to, job = std::move(job)]() mutable {
        signal* result = job();
        job = {};
        answer(node, to, result);
    };
    if (node.stepper)
        node.virtual_dirty.push_back(std::move(work));
    else
        node.dirty->submit(std::move(work));
}

}  // namespace beam::detail
