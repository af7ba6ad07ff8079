#include "tools/kv/coordinator/coordinator_threads.hpp"

#include <utility>

#include "libbeamcore/runtime/blocking.hpp"
#include "libbeamcore/runtime/send.hpp"
#include "libbeamcore/runtime/spawn.hpp"
#include "libbeamcore/runtime/timer.hpp"

namespace kv {

namespace {

constexpr std::chrono::milliseconds deterministic_look{250};

void run(coordinator_job& job, coordinator& backend) {
    try {
        job.work(backend);
    } catch (const std::exception& e) {
        job.thrown = e.what();
    } catch (...) {
        job.thrown = "an exception";
    }
}

beam::process do_job(beam::self, std::shared_ptr<coordinator> backend,
                     std::shared_ptr<coordinator_job> job, beam::pid to) {
    auto work = beam::blocking([backend, job] { run(*job, *backend); });
    co_await work;
    beam::send(to, job_done{std::move(job)});
}

beam::process wait_for_change(beam::self, std::shared_ptr<coordinator> backend, std::uint64_t rev,
                              std::chrono::milliseconds limit, beam::pid to) {
    auto waiting = beam::blocking(
        [backend, rev, limit] { backend->wait(rev, std::chrono::steady_clock::now() + limit); });
    co_await waiting;
    beam::send(to, may_have_changed{});
}

}  // namespace

coordinator_threads::coordinator_threads(std::unique_ptr<coordinator> backend, beam::runtime& node,
                                         beam::pid process)
    : backend_(std::move(backend)),
      process_(process),
      is_deterministic_(node.options().deterministic) {}

coordinator_threads::~coordinator_threads() {
    backend_->interrupt();
}

void coordinator_threads::start(std::shared_ptr<coordinator_job> job) {
    if (is_deterministic_) {
        run(*job, *backend_);
        beam::send(process_, job_done{std::move(job)});
        return;
    }
    beam::spawn(do_job, backend_, std::move(job), process_);
}

void coordinator_threads::watch(std::uint64_t rev, std::chrono::milliseconds limit) {
    if (is_deterministic_) {
        const auto later = backend_->wait(rev, std::chrono::steady_clock::now())
                               ? std::chrono::milliseconds(0)
                               : deterministic_look;
        beam::send_after(later, process_, may_have_changed{});
        return;
    }
    beam::spawn(wait_for_change, backend_, rev, limit, process_);
}

}  // namespace kv
