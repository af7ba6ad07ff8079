// answered: what a process answers, for methods, which must say why there is no answer.
#pragma once

#include <utility>

#include "libbeamcore/release/method.hpp"
#include "libbeamcore/runtime/call.hpp"
#include "libbeamcore/runtime/process.hpp"

namespace beam {

/// The answer of a process of the application, or why there is none: it died meanwhile, or is just being started
/// again (75, kind `interrupted`: not `restarting`, by which a tool knows that the node is).
template <class T>
[[nodiscard]] awaitable<tl::expected<T, request_error>> answered(future<T> asked) {
    using got = tl::expected<T, request_error>;
    outcome<T> r = co_await asked.outcome();
    if (r) co_return got(*std::move(r));
    auto lost = refuse("interrupted", "a process of the application ended before it answered",
                       "beamd logs", 75);
    lost.value().applied_unknown = true;
    co_return got(std::move(lost));
}

}  // namespace beam
