// What the methods of breakers have in common.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "libbeamcore/release/application_module.hpp"
#include "tools/ratelimit/app/answers.hpp"
#include "tools/ratelimit/app/breaker.hpp"

namespace breakers {

using ratelimit::malformed;

/// Why it is none; nothing if it is one.
[[nodiscard]] std::optional<std::string> bad_name(const std::string& name);
[[nodiscard]] std::optional<std::string> bad_reason(const std::string& text);

/// A time in a request; nothing is 0. None if it is negative, or longer than 366 days.
[[nodiscard]] std::optional<nanoseconds> time_of(const std::optional<std::int64_t>& ms);

/// The process to ask, made if there is none, or why there is none.
[[nodiscard]] beam::awaitable<tl::expected<beam::pid, beam::request_error>> breaker_named(
    std::string name);

/// The answer of `status`, and of whatever changes a state.
[[nodiscard]] beam::term shown(const std::string& name, const status& s, bool known);
/// The same of a living one, asked now.
[[nodiscard]] beam::awaitable<beam::answer> shown_now(beam::pid p, std::string name);

template <class F>
void add_method(beam::application_definition& app, const char* name, F f,
                beam::method_options options = {}) {
    app.methods.push_back(beam::make_method(std::string("breaker.") + name, f, options));
}
/// allow, success, failure, guard, finish.
void add_call_methods(beam::application_definition& app);

}  // namespace breakers
