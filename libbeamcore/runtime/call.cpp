#include "libbeamcore/runtime/call.hpp"

#include "libbeamcore/runtime/blocking.hpp"
#include "libbeamcore/runtime/internal/refs.hpp"
#include "libbeamcore/runtime/internal/runtime_impl.hpp"
#include "libbeamcore/runtime/internal/signals.hpp"

namespace beam::detail {

namespace {

// Words 2 to 4 of a request's reference name the server, so that an answer from another process can take
// the request off the server's list.
constexpr std::uint32_t request_mark = 0x72657175;

ref request_ref(std::uint64_t id, const pid& server) {
    ref r = ref_of(id);
    r.words[2] = server.id;
    r.words[3] = server.serial;
    r.words[4] = request_mark;
    return r;
}

term call_reason(term why, const server_ref& to, const char* what, const timeout& limit) {
    term t =
        limit.is_infinite() ? term(atoms::infinity) : term(limit.duration().count() / 1'000'000);
    return tuple(std::move(why), tuple(atom("gen_server"), atom("call"),
                                       list({to.to_term(), std::string_view(what), std::move(t)})));
}

constexpr std::uint32_t remote_request_mark = 0x72656D6F;

}  // namespace

ref remote_request_ref(std::uint64_t id, const pid& caller) noexcept {
    ref r = ref_of(id);
    r.words[2] = caller.id;
    r.words[3] = caller.serial;
    r.words[4] = remote_request_mark;
    return r;
}

bool is_remote_request(const ref& r) noexcept {
    return r.is_local() && r.words[4] == remote_request_mark;
}

pending::pending(const server_ref& to, timeout limit, const char* what)
    : pb_(current()), to_(to), limit_(limit), what_(what) {
    ready = &pending::check;
}

pending::pending(pending&& other) noexcept
    : waiter(other),
      next_(other.next_),
      failure_(std::move(other.failure_)),
      settled_(other.settled_),
      pb_(other.pb_),
      to_(other.to_),
      limit_(other.limit_),
      what_(other.what_),
      timer_(std::exchange(other.timer_, nullptr)),
      timer_id_(other.timer_id_),
      timed_out_(other.timed_out_),
      afar_(other.afar_) {
    other.found = nullptr;
    other.id = 0;
    if (id == 0) return;
    for (pending** at = &pb_->requests; *at; at = &(*at)->next_)
        if (*at == &other) {
            *at = this;
            break;
        }
}

pending::~pending() {
    unhook();
    if (found) destroy_message(found);
    if (timer_) pb_->node->drop(timer_, timer_id_);
}

void pending::unhook() noexcept {
    if (id == 0) return;
    for (pending** at = &pb_->requests; *at; at = &(*at)->next_)
        if (*at == this) {
            *at = next_;
            break;
        }
    if (afar_ && !settled_)
        if (carrier* c = pb_->node->remote.load(std::memory_order_acquire))
            c->demonitor(pb_->pid(), to_, remote_request_ref(id, pb_->pid()));
    id = 0;
}

void pending::start(signal* s) {
    if (!limit_.is_valid()) {
        destroy_message(s);
        raise(atom("timeout_value"));
    }
    runtime_impl& node = *pb_->node;
    auto* r = static_cast<request_signal*>(s);
    auto refuse = [&](term why) {
        destroy_message(s);
        failure_ = std::move(why);
        settled_ = true;
    };
    const pid target = to_.resolve_or_none();
    if (!target.is_local() || (!target && to_.node() && *to_.node() != node.name()))
        return start_afar(s);
    if (!target) return refuse(atoms::noproc);
    if (target == pb_->pid()) return refuse(atom("calling_self"));
    id = node.unique();
    next_ = pb_->requests;
    pb_->requests = this;
    r->id = id;
    r->caller = pb_->pid();
    if (node.deliver(target, r)) return;
    unhook();
    refuse(atoms::noproc);
}

// A call as OTP's: a monitor, whose reference is an alias too and marks the answer.
void pending::start_afar(signal* s) {
    term request = value_of(s);
    destroy_message(s);
    carrier* c = pb_->node->remote.load(std::memory_order_acquire);
    if (!c) {
        failure_ =
            tuple(atoms::nodedown, to_.node() ? *to_.node() : node_at(to_.resolve()->node).name);
        settled_ = true;
        return;
    }
    id = pb_->node->unique();
    next_ = pb_->requests;
    pb_->requests = this;
    afar_ = true;
    const pid me = pb_->pid();
    const ref monitor = remote_request_ref(id, me);
    c->monitor(me, to_, monitor);
    c->message(me, to_,
               tuple(atoms::gen_call, tuple(me, cons(atom("alias"), monitor)), std::move(request)));
}

bool pending::await_ready() {
    --pb_->reductions_left;
    if (!is_settled()) {
        ask_at_once = !limit_.is_infinite();
        return false;
    }
    ask_at_once = true;
    return !pb_->exit_pending && pb_->reductions_left > 0;
}

bool pending::check(waiter* w, process_block* pb) {
    auto* p = static_cast<pending*>(w);
    if (p->found || p->settled_ || p->timed_out_) return true;
    if (p->limit_.is_infinite()) return false;
    if (!p->timer_) {
        p->timer_ = pb->node->arm_timer(p->limit_.duration(), pb->pid(), {}, p->timer_id_);
        pb->awaited_timer = p->timer_id_;
        return false;
    }
    if (pb->awaited_timer != 0) return false;
    p->timer_ = nullptr;
    p->timed_out_ = true;
    return true;
}

outcome<message> pending::finish() {
    if (timer_) {
        pb_->node->drop(timer_, timer_id_);
        timer_ = nullptr;
    }
    unhook();
    if (found) return message(std::exchange(found, nullptr));
    if (!what_) return fail_term(std::move(failure_));
    if (settled_) return fail_term(call_reason(std::move(failure_), to_, what_, limit_));
    return fail_term(call_reason(atoms::timeout, to_, what_, limit_));
}

bool pending::is_settled() {
    if (!found && !settled_ && !pb_->exit_pending && has_signals(pb_)) handle_signals(pb_);
    return found || settled_;
}

pending_wait::pending_wait(std::span<pending* const> requests, timeout limit)
    : requests_(requests), pb_(current()), limit_(limit) {
    ready = &pending_wait::check;
    ask_at_once = true;
    if (!limit.is_valid()) raise(atom("timeout_value"));
}

pending_wait::~pending_wait() {
    if (timer_) pb_->node->drop(timer_, timer_id_);
}

bool pending_wait::is_over() const {
    for (const pending* p : requests_)
        if (p->was_settled()) return true;
    return false;
}

bool pending_wait::await_ready() {
    --pb_->reductions_left;
    if (pb_->exit_pending) return false;
    if (!is_over() && has_signals(pb_)) handle_signals(pb_);
    if (is_over()) return !pb_->exit_pending && pb_->reductions_left > 0;
    if (limit_.duration().count() != 0) return false;
    timed_out_ = true;
    return pb_->reductions_left > 0;
}

bool pending_wait::check(waiter* w, process_block* pb) {
    auto* p = static_cast<pending_wait*>(w);
    if (p->timed_out_ || p->is_over()) return true;
    if (p->limit_.is_infinite()) return false;
    if (!p->timer_) {
        p->timer_ = pb->node->arm_timer(p->limit_.duration(), pb->pid(), {}, p->timer_id_);
        pb->awaited_timer = p->timer_id_;
        return false;
    }
    if (pb->awaited_timer != 0) return false;
    p->timer_ = nullptr;
    p->timed_out_ = true;
    return true;
}

bool pending_wait::await_resume() {
    return is_over();
}

void begin_request(process_block* pb, const message& m) noexcept {
    const signal* s = m.peek();
    if (s->kind != signal_kind::request) return;
    auto* r = static_cast<const request_signal*>(s);
    // Who called from another node watches by itself.
    if (pb->extra && pb->extra->caller_tags.take(r->id)) return;
    pb->request = {r->caller, r->id};
}

void end_request(process_block* pb) noexcept {
    if (pb->request.id == 0) return;
    pb->more().held.insert({pb->request.caller, pb->request.id});
    pb->request.id = 0;
}

message request_of_term(const pid& caller, term tag, message request) {
    process_block* me = current();
    signal* content = request.release();
    auto* s = make_carrier<request_signal>(signal_kind::request, content->type);
    s->type->relocate(content->payload(), s->payload());
    slab::give(content->size_class, content);
    s->id = me->node->unique();
    s->caller = caller;
    *me->more().caller_tags.insert(s->id).first = std::move(tag);
    return message(s);
}

namespace {

// The alias in `[alias|Ref]` or `[[alias|Ref]|_]`.
std::optional<ref> alias_in(const term& tag) {
    const term* head = tag.head();
    if (!head) return {};
    const term& pair = head->is_list() ? *head : tag;
    const term* word = pair.head();
    return word && *word == atom("alias") ? pair.tail()->as_ref() : std::nullopt;
}

// `{Tag, Reply}`, through the alias if the tag names one (gen:reply/2).
void reply_by_term(const from& to, signal* s) {
    term value = s->type == descriptor_of<unit>() ? term(atoms::ok) : value_of(s);
    destroy_message(s);
    term answer = tuple(to.caller_tag, std::move(value));
    if (const auto alias = alias_in(to.caller_tag))
        beam::send(*alias, std::move(answer));
    else
        beam::send(to.to, std::move(answer));
}

}  // namespace

void reply_with(const from& to, signal* s) noexcept {
    process_block* me = current();
    runtime_impl& node = *me->node;
    if (to.caller_tag != atoms::undefined) [[unlikely]]
        return reply_by_term(to, s);
    if (s->kind != signal_kind::reply) {
        signal* r = allocate_reply(s->type);
        s->type->relocate(s->payload(), r->payload());
        slab::give(s->size_class, s);
        s = r;
    }
    const std::uint64_t id = id_of(to.tag);
    static_cast<reply_signal*>(s)->id = id;
    if (me->request.id == id && me->request.caller == to.to) {
        me->request.id = 0;
    } else if (!(me->extra && me->extra->held.take({to.to, id})) &&
               to.tag.words[4] == request_mark) {
        const pid server{to.tag.words[2], to.tag.words[3], 0};
        if (server != me->pid()) {
            auto* a = make_signal<answered_signal>(signal_kind::answered);
            a->key = {to.to, id};
            if (!node.deliver(server, a)) free_signal(a);
        }
    }
    if (!node.deliver(to.to, s)) destroy_message(s);
}

from start_dirty(pending& p) {
    return p.begin_answer();
}

from pending::begin_answer() {
    if (!limit_.is_valid()) raise(atom("timeout_value"));
    what_ = nullptr;  // no call: its failure is told as it is
    id = pb_->node->unique();
    next_ = pb_->requests;
    pb_->requests = this;
    return {pb_->pid(), ref_of(id)};
}

}  // namespace beam::detail

namespace beam {

std::optional<from> request_from(const message& m) {
    const detail::signal* s = m.peek();
    if (!s || s->kind != detail::signal_kind::request) return {};
    auto* r = static_cast<const detail::request_signal*>(s);
    detail::process_block* me = detail::current();
    from f{r->caller, detail::request_ref(r->id, me->pid()), {}};
    if (me->extra)
        if (const term* tag = me->extra->caller_tags.find(r->id)) f.caller_tag = *tag;
    return f;
}

}  // namespace beam
