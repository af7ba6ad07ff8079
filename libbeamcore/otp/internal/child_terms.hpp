// What the supervisors need of specifications besides the public functions.
#pragma once

#include "libbeamcore/otp/child_spec.hpp"

namespace beam::detail {

// One specification checked as OTP's check_childspec does.
[[nodiscard]] outcome<void> check_childspec(const child_spec& spec,
                                            std::optional<auto_shutdown_type> auto_shutdown);

// The start of `{Module, start_link, Args}`: a class of the module table, found when it is started.
[[nodiscard]] child_start start_of_mfa(const term& mfa);

// The `modules` of a specification: what the child is made of.
[[nodiscard]] term modules_of(const child_start& start);

}  // namespace beam::detail
