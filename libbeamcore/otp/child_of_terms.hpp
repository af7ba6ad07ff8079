// child_of_terms: the start of a child whose arguments, or some of them, come later.
//
// For simple_one_for_one supervisors, whose start_child adds arguments behind those of the specification,
// and for the extra_arguments of dynamic supervisors, which come in front:
//
//     child_spec("room", child_of_terms<room, std::string, int>("lobby"))  // room(std::string, int)
//     co_await supervisor::start_child(sup, supervisor::arguments(42));    // room("lobby", 42)
#pragma once

#include <tuple>
#include <utility>

#include "libbeamcore/otp/child_start.hpp"
#include "libbeamcore/otp/module_table.hpp"

namespace beam {

/// How to start a T, which takes arguments of the types Ts, of which these are given now. Arguments that do
/// not fit make the start fail with `{'EXIT', {badarg, _}}` or `{'EXIT', badarg}`.
template <class T, class... Ts, class... Args>
requires detail::all_encodable<std::tuple<Ts...>>::value [[nodiscard]] child_start child_of_terms(
    Args... args) {
    auto make = [](const term& arguments) -> child_start {
        auto read = detail::arguments_from<std::tuple<Ts...>>(arguments);
        if (!read) {
            return child_start([reason = read.error()] {
                return start_result(fail_term(tuple(atoms::EXIT, reason)));
            });
        }
        return std::apply([](const auto&... a) { return child<T>(a...); }, *read);
    };
    return child_start::of_arguments(make, detail::class_name<T>(),
                                     detail::arguments_term(std::tuple<Args...>(args...)));
}

}  // namespace beam
