#include "libbeamcore/store/internal/store_process.hpp"

#include <algorithm>

#include "libbeamcore/runtime/detail/local.hpp"
#include "libbeamcore/runtime/link.hpp"

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

void store_process::handle(self self, message m) {
    if (committed* done = m.get_if<committed>()) {
        committing_ = false;
        answer(*done->job);
        if (done->job->is_fatal) {
            const write_answer& a = done->job->writes.front().answer;
            failed_ = true;
            finish(self, tuple(atom("store_failed"), atom(a.code), a.detail));
        }
        return;
    }
    if (exit_message* e = m.get_if<exit_message>()) {
        if (e->from == parent_) stop_reason_ = std::move(e->reason);
        return;
    }
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
    w.operations = std::move(request.operations);
    for (const auto& op : w.operations) {
        if (op.key.empty() && op.what != operation::kind::erase_prefix) {
            reply(to, write_answer{"key_empty", {}, false});
            return;
        }
        if (op.db.size() > database_name_max || op.db.find('\0') != std::string::npos) {
            reply(to, write_answer{"bad_database", op.db.substr(0, 100), false});
            return;
        }
        w.bytes += op.key.size() + op.value.size() + 64;
    }
    if (waiting_bytes_ + w.bytes > options_.queue_bytes_max) {
        reply(to, write_answer{"overloaded", "too much waits to be written", false});
        return;
    }
    waiting_bytes_ += w.bytes;
    waiting_.push_back(std::move(w));
}

void store_process::answer(commit_job& job) {
    for (auto& w : job.writes) reply(w.to, std::move(w.answer));
}

void store_process::go_on(self self) {
    if (committing_ || failed_) return;
    if (is_open_ && !waiting_.empty()) {
        auto job = std::make_unique<commit_job>();
        std::size_t bytes = 0;
        while (
            !waiting_.empty() && job->writes.size() < options_.commit_requests_max &&
            (job->writes.empty() || bytes + waiting_.front().bytes <= options_.commit_bytes_max)) {
            bytes += waiting_.front().bytes;
            job->writes.push_back(std::move(waiting_.front()));
            waiting_.pop_front();
        }
        waiting_bytes_ -= bytes;
        committing_ = true;
        committer_.start(std::move(job));
        return;
    }
    if (!closers_.empty()) {
        env_->close();
        is_open_ = false;
        for (const auto& to : std::exchange(closers_, {})) reply(to, write_answer{});
    }
    if (stop_reason_) finish(self, *std::move(stop_reason_));
}

}  // namespace beam::store::detail
