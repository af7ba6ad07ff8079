#include "tools/tenant/running.hpp"

#include <chrono>
#include <utility>

#include "libbeamcore/base/log.hpp"
#include "libbeamcore/otp/application.hpp"
#include "libbeamcore/runtime/name.hpp"
#include "libbeamcore/runtime/send.hpp"
#include "libbeamcore/runtime/timer.hpp"
#include "libbeamcore/term/syntax.hpp"
#include "tools/kv/app/kv.hpp"

namespace tenant {

namespace {

using namespace std::chrono_literals;

constexpr auto between_starts = 1s;
constexpr auto comes_back_within = 3s;
constexpr auto comes_within = 5s;
constexpr auto between_looks = 20ms;

}  // namespace

beam::process start_kv(beam::self me, beam::pid whom, std::string application, bool has_ended) {
    bool is_told = false;
    const auto until = beam::monotonic_time() + (has_ended ? comes_back_within : 0s);
    while (!beam::whereis(kv::finder().name()) && beam::monotonic_time() < until)
        co_await me.sleep_for(between_looks);
    while (!beam::whereis(kv::finder().name())) {
        auto starting = beam::application::ensure_all_started(beam::atom("kv"));
        auto started = co_await starting;
        if (beam::whereis(kv::finder().name())) break;
        if (!started && !std::exchange(is_told, true))
            beam::log(beam::log_level::error, application,
                      "kv, which has the messages, does not start",
                      {{"reason", beam::to_string(started.error())}});
        co_await me.sleep_for(between_starts);
    }
    beam::send(whom, kv_runs{});
}

beam::awaitable<void> await_kv() {
    beam::self me = beam::this_process();
    const auto until = beam::monotonic_time() + comes_within;
    for (;;) {
        auto asking = kv::find_leader("any");
        const beam::outcome<beam::outcome<kv::leader>> found = co_await asking.outcome();
        const bool is_here = found && (*found || found->error() != beam::atom("no_cluster"));
        if (is_here || beam::monotonic_time() >= until) co_return;
        co_await me.sleep_for(between_looks);
    }
}

}  // namespace tenant
