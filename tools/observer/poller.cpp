#include "tools/observer/poller.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "tools/common/interrupt.hpp"
#include "tools/common/shown_text.hpp"
#include "tools/observer/text.hpp"

namespace observer {

using beam::tool::exit_code;
using beam::tool::failure;
using nlohmann::json;
using namespace std::chrono_literals;

wish wish_of(const view& v) {
    // Some more than is seen on either side, so that moving does not wait for the node.
    constexpr std::uint64_t margin = 20, page_max = 200;
    wish w{v.shown, v.query, v.tree_root, v.pid, v.with_state, v.paused};
    const std::uint64_t first = v.positions[std::size_t(place::processes)].first;
    w.query.offset = first > margin ? first - margin : 0;
    w.query.limit = std::min<std::uint64_t>(v.rows + 2 * margin, page_max);
    w.query.sample_ms = 500;
    return w;
}

poller::poller(beam::client& node, std::chrono::nanoseconds every, wish first, snapshot start)
    : node_(node),
      every_(every),
      wish_(std::move(first)),
      latest_(std::make_shared<const snapshot>(std::move(start))),
      readable_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    node_.set_spawn(false);
    thread_ = std::thread([this] { run(); });
}

poller::~poller() {
    {
        std::lock_guard lock(mutex_);
        stop_ = true;
    }
    changed_.notify_all();
    if (!beam::tool::is_interrupted()) beam::tool::interrupt();
    thread_.join();
}

std::shared_ptr<const snapshot> poller::latest() {
    std::uint64_t count = 0;
    [[maybe_unused]] const auto n = ::read(readable_.get(), &count, sizeof count);
    std::lock_guard lock(mutex_);
    return latest_;
}

void poller::want(wish w, bool at_once) {
    std::lock_guard lock(mutex_);
    wish_ = std::move(w);
    at_once_ |= at_once;
    changed_.notify_all();
}

void poller::perform(change c) {
    std::lock_guard lock(mutex_);
    change_ = std::move(c);
    at_once_ = true;
    changed_.notify_all();
}

void poller::run() {
    constexpr auto before_next_try = 500ms;
    std::unique_lock lock(mutex_);
    while (!stop_) {
        const wish w = wish_;
        const change c = std::exchange(change_, {});
        snapshot next = *latest_;
        at_once_ = false;
        lock.unlock();
        bool well = false;
        try {
            well = ask_all(w, c, next);
        } catch (const beam::tool::interrupted&) {
            return;
        }
        lock.lock();
        latest_ = std::make_shared<const snapshot>(std::move(next));
        const std::uint64_t one = 1;
        [[maybe_unused]] const auto n = ::write(readable_.get(), &one, sizeof one);
        const auto until =
            std::chrono::steady_clock::now() +
            (well ? every_ : std::min<std::chrono::nanoseconds>(every_, before_next_try));
        const auto is_called = [this] { return stop_ || at_once_; };
        if (!changed_.wait_until(lock, until, is_called))
            changed_.wait(lock, [&] { return is_called() || !wish_.paused; });
    }
}

// False: the node is not there, or does not answer; `next` says why.
bool poller::ask_all(const wish& w, const change& c, snapshot& next) {
    try {
        const json before = next.system;
        next.system = ask_system(node_);
        next.news.clear();
        if (!next.trouble.empty()) next.news = "connected again";
        next.trouble.clear();
        if (before.is_object() && before.value("os_pid", json()) != next.system.at("os_pid"))
            next.news = "the runtime was restarted; connected again";
        if (c.what != change::kind::none) perform_now(c, next);
        ask_page(w, next);
        return true;
    } catch (const failure& error) {
        next.trouble = error.why + "; trying again";
    } catch (const beam::tool::connection_lost&) {
        next.trouble = "the node ended; trying again";
    } catch (const json::exception& error) {
        next.trouble = std::string("the node's answer is not understood: ") + error.what();
    }
    node_.disconnect();
    return false;
}

void poller::ask_page(const wish& w, snapshot& next) {
    switch (w.shown) {
        case place::processes:
            next.processes = ask_processes(node_, w.query);
            list_rates_.add_to(next.processes);
            return;
        case place::tree:
            try {
                next.tree = ask_tree(node_, w.tree_root);
            } catch (const failure& error) {
                if (error.kind != "not_found") throw;
                next.tree = json::object();
                next.news = error.why;
            }
            return;
        case place::applications:
            next.applications = ask_applications(node_, true);
            return;
        case place::process:
            try {
                next.process = ask_info(node_, w.pid, w.with_state);
                process_rates_.add_to(next.process);
            } catch (const failure& error) {
                if (error.kind != "not_found") throw;
                next.process = {{"gone", error.why}};
            }
            return;
        case place::system:
        case place::help:
            return;
    }
}

void poller::perform_now(const change& c, snapshot& next) {
    try {
        const auto pid = beam::tool::shown_text(c.pid);
        if (c.what == change::kind::kill) {
            const json done = node_.ask("node.exit_process", {{"pid", c.pid}});
            next.news = pid + (done.at("ended").get<bool>() ? " was killed" : " does not end");
        } else if (c.what == change::kind::suspend) {
            (void)node_.ask("node.suspend_process", {{"pid", c.pid}});
            next.news = pid + " is suspended";
        } else if (c.what == change::kind::resume) {
            (void)node_.ask("node.resume_process", {{"pid", c.pid}});
            next.news = pid + " is resumed";
        }
    } catch (const failure& error) {
        if (error.exit == exit_code::try_again) throw;
        next.news = error.why;
    }
}

}  // namespace observer
