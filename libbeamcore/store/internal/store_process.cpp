#include "libbeamcore/store/internal/store_process.hpp"

#include <utility>

#include "libbeamcore/runtime/detail/local.hpp"
#include "libbeamcore/runtime/link.hpp"
#include "libbeamcore/runtime/timer.hpp"

namespace beam::store::detail {

namespace {
const char stores_key = 0;
constexpr std::size_t database_name_max = 400;
}  // namespace

open_stores& open_stores::of(runtime& node) {
    return *static_cast<open_stores*>(beam::detail::runtime_local(
        node, &stores_key, [](runtime&) -> void* { return new open_stores; },
        [](void* p) noexcept { delete static_cast<open_stores*>(p); }));
}

void open_stores::add(pid store, std::shared_ptr<environment> env) {
    std::unique_lock lock(mutex_);
    stores_[store] = std::move(env);
}
void open_stores::remove(pid store) {
    std::unique_lock lock(mutex_);
    stores_.erase(store);
}
std::shared_ptr<environment> open_stores::find(pid store) {
    std::shared_lock lock(mutex_);
    auto it = stores_.find(store);
    return it == stores_.end() ? nullptr : it->second;
}

store_process::store_process(std::shared_ptr<environment> env, const open_options& options,
                             runtime& node, pid me, pid parent)
    : env_(env),
      options_(options),
      node_(node),
      me_(me),
      parent_(parent),
      committer_(std::move(env), options, node, me) {
    env_->data().on_failure(
        [&node, me](error why) { node.send(me, engine_failed{std::move(why)}); });
}

// The file is closed before links are told, so that whoever starts the store anew can open it.
store_process::~store_process() {
    committer_.stop();
    open_stores::of(node_).remove(me_);
    env_->close();
}

void store_process::run(self self) {
    if (!started_) {
        started_ = true;
        self.trap_exit(true);
    }
    while (message m = self.try_receive()) {
        handle(self, std::move(m));
        if (!more_time(self)) break;
    }
    go_on(self);
}

// Taking what comes.

void store_process::handle(self self, message m) {
    if (committed* done = m.get_if<committed>()) {
        committing_ -= done->writes.size();
        answer(*done);
        if (done->fatal) {
            failure_ = std::move(done->fatal);
            committing_ = 0;  // nothing follows
        }
        if (failure_ && committing_ == 0) fail_store(self);
    } else if (engine_failed* failed = m.get_if<engine_failed>()) {
        // What the committer has been given is through soon, and has answers to give.
        if (!failure_) failure_ = std::move(failed->why);
        if (committing_ == 0) fail_store(self);
    } else if (exit_message* e = m.get_if<exit_message>()) {
        if (e->from == parent_) stop_reason_ = std::move(e->reason);
    } else if (m.is<notify_request>()) {
        take_notify(m.take<notify_request>());
    } else if (m.is<look_at_lazy>()) {
        has_timer_ = false;
    } else {
        take_request(self, std::move(m));
    }
}

void store_process::take_request(self self, message m) {
    const auto to = request_from(m);
    if (!to) return;
    beam::detail::begin_request(self.block(), m);
    if (m.is<write_request>()) {
        take_write(*to, m.take<write_request>());
    } else if (m.is<close_request>()) {
        closers_.push_back(*to);
    } else if (m.is<reopen_request>()) {
        write_answer a;
        if (auto r = env_->open(); !r) a = {r.error().code, r.error().detail, false};
        is_open_ = a.code.empty();
        reply(*to, std::move(a));
    }
    beam::detail::end_request(self.block());
}

void store_process::take_write(const from& to, write_request request) {
    pending_write w;
    w.to = to;
    w.is_cas = request.is_cas;
    w.is_lazy = request.is_lazy;
    w.is_durable = request.is_durable;
    w.operations = std::move(request.operations);
    if (auto refusal = refusal_of(w))
        reply(to, *std::move(refusal));
    else
        enqueue(std::move(w));
}

// A refusal waits for its turn: answers come in the order of what was asked.
void store_process::take_notify(notify_request request) {
    pending_write w;
    w.notify = request.to;
    w.is_lazy = request.is_lazy;
    w.is_durable = request.is_durable;
    w.operations = std::move(request.operations);
    if (auto refusal = refusal_of(w)) {
        w.answer = *std::move(refusal);
        w.operations.clear();
        w.bytes = 0;
    }
    enqueue(std::move(w));
}

std::optional<write_answer> store_process::refusal_of(pending_write& w) const {
    for (const auto& op : w.operations) {
        if (op.key.empty() && op.what != operation::kind::erase_range)
            return write_answer{"key_empty", {}, false};
        if (op.db.empty() || op.db.size() > database_name_max ||
            op.db.find('\0') != std::string::npos)
            return write_answer{"bad_database", op.db.substr(0, 100), false};
        w.bytes += op.key.size() + op.value.size() + 64;
    }
    if (waiting_bytes_ + committing_bytes_ + w.bytes > options_.queue_bytes_max)
        return write_answer{"overloaded", "too much waits to be written", false};
    return std::nullopt;
}

void store_process::enqueue(pending_write w) {
    if (w.is_lazy)
        w.came = monotonic_time();
    else
        ++urgent_;
    waiting_bytes_ += w.bytes;
    waiting_.push_back(std::move(w));
}

// Going on.

void store_process::answer(committed& done) {
    for (auto& w : done.writes) {
        committing_bytes_ -= w.bytes;
        if (!w.notify)
            reply(w.to, std::move(w.answer));
        else
            send(w.notify->to,
                 written{w.notify->tag, std::move(w.answer.code), std::move(w.answer.detail)});
    }
}

void store_process::fail_store(self self) {
    finish(self, tuple(atom("store_failed"), atom(failure_->code), failure_->detail));
}

void store_process::go_on(self self) {
    if (failure_) return;
    if (is_open_ && is_time_to_commit()) {
        committing_ += waiting_.size();
        committing_bytes_ += std::exchange(waiting_bytes_, 0);
        urgent_ = 0;
        committer_.add(waiting_);
    }
    if (committing_ > 0) return;
    if (!closers_.empty()) {
        env_->close();
        is_open_ = false;
        for (const auto& to : std::exchange(closers_, {})) reply(to, write_answer{});
    }
    if (stop_reason_) finish(self, *std::move(stop_reason_));
}

// Where nothing but lazy batches waits the first one's age decides; a timer looks again.
bool store_process::is_time_to_commit() {
    if (waiting_.empty()) return false;
    if (urgent_ > 0 || !closers_.empty() || stop_reason_) return true;
    if (waiting_bytes_ >= options_.commit_bytes_max) return true;
    const auto age = monotonic_time() - waiting_.front().came;
    if (age >= options_.lazy_delay_max) return true;
    if (!has_timer_) send_after(options_.lazy_delay_max - age, me_, look_at_lazy{});
    has_timer_ = true;
    return false;
}

}  // namespace beam::store::detail
