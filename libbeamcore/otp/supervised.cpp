#include "libbeamcore/otp/internal/supervised.hpp"

#include "libbeamcore/runtime/detail/signal.hpp"

namespace beam::detail {

void* supervised::operator new(std::size_t n) {
    return allocate(n);
}
void supervised::operator delete(void* p, std::size_t n) noexcept {
    deallocate(p, n);
}

children_table::~children_table() {
    while (oldest_) delete std::exchange(oldest_, oldest_->newer);
}

supervised* children_table::add(const child_spec& spec, bool by_id) {
    auto* c = new supervised;
    if (by_id) {
        c->id = spec.id;
        by_id_.emplace(c->id, c);
    }
    hook(c);
    ++size_;
    if (spec.type == child_type::supervisor) ++supervisors_;
    c->type = spec.type;
    apply(c, spec);
    return c;
}

void children_table::remove(supervised* c) {
    forget_pid(c);
    auto found = by_id_.find(c->id);
    if (found != by_id_.end() && found->second == c) by_id_.erase(found);
    unhook(c);
    --size_;
    if (c->type == child_type::supervisor) --supervisors_;
    delete c;
}

supervised* children_table::find(const term& id) const {
    auto found = by_id_.find(id);
    return found == by_id_.end() ? nullptr : found->second;
}

void children_table::set_running(supervised* c, const beam::pid& p) {
    forget_pid(c);
    c->pid = p;
    c->status = child_status::running;
    ++running_;
    by_pid_.insert(p, c);
}

void children_table::set_stopped(supervised* c) {
    forget_pid(c);
    c->pid = {};
    c->status = child_status::stopped;
}

void children_table::set_restarting(supervised* c) {
    if (c->status == child_status::restarting) return;
    if (c->status == child_status::running) --running_;
    c->status = child_status::restarting;
    ++restarting_;
}

void children_table::apply(supervised* c, const child_spec& spec) {
    if (c->type != spec.type) {
        supervisors_ += spec.type == child_type::supervisor ? 1 : std::size_t(-1);
        c->type = spec.type;
    }
    c->start = spec.start;
    c->restart = spec.restart;
    c->significant = spec.significant;
    auto limit = shutdown_of(spec);
    if (const auto* ms = std::get_if<std::chrono::milliseconds>(&limit))
        c->shutdown_ms = ms->count();
    else
        c->shutdown_ms = std::holds_alternative<brutal_kill>(limit) ? supervised::kill_at_once
                                                                    : supervised::forever;
}

void children_table::move_to_end(supervised* c) {
    unhook(c);
    hook(c);
}

void children_table::hook(supervised* c) {
    c->older = newest_;
    c->newer = nullptr;
    (newest_ ? newest_->newer : oldest_) = c;
    newest_ = c;
}

void children_table::unhook(supervised* c) {
    (c->older ? c->older->newer : oldest_) = c->newer;
    (c->newer ? c->newer->older : newest_) = c->older;
}

void children_table::forget_pid(supervised* c) {
    if (c->status == child_status::stopped) return;
    // A child that never ran and failed to start with its siblings has no pid.
    if (by_pid_.find(c->pid) == c) by_pid_.erase(c->pid);
    --(c->status == child_status::running ? running_ : restarting_);
}

}  // namespace beam::detail
