// How the runtime's references are made up: words 0 and 1 are a number unique in the node; the others say
// how to reach what the reference stands for (an alias's owner, a request's server, a timer's slot).
#pragma once

#include <cstdint>

#include "libbeamcore/term/pid.hpp"
#include "libbeamcore/term/ref.hpp"

namespace beam::detail {

ref ref_of(std::uint64_t id);
std::uint64_t id_of(const ref& r);

/// One that is also an alias of `owner`: whoever holds it can reach it.
ref alias_ref(std::uint64_t id, const pid& owner);
bool is_alias(const ref& r);

}  // namespace beam::detail
