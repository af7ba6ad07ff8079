// What a supervisor makes of a death.
#pragma once

#include <doctest/doctest.h>

#include "libbeamcore/runtime/link.hpp"
#include "libbeamcore/runtime/name.hpp"
#include "libbeamcore/runtime/process.hpp"

namespace test {

/// Kills the process of that name and waits until another has it.
inline beam::awaitable<void> kill_and_see_restarted(beam::self me, beam::atom name) {
    const beam::pid old = *beam::whereis(name);
    const beam::ref monitor = beam::monitor(old);
    beam::exit(old, beam::atoms::kill);
    co_await me.receive_if<beam::down_message>(
        [monitor](const beam::down_message& m) { return m.monitor == monitor; });
    for (int i = 0; i < 100'000; ++i) {
        const auto now = beam::whereis(name);
        if (now && *now != old) co_return;
        co_await me.yield();
    }
    FAIL("it was not started again");
}

}  // namespace test
