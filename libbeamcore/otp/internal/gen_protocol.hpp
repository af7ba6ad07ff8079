// What other nodes write to a behaviour: OTP's gen protocol, whose messages are terms.
#pragma once

#include "libbeamcore/otp/sys.hpp"
#include "libbeamcore/runtime/message.hpp"

namespace beam::detail {

/// In the process that took `m`, a term: `{'$gen_call', {Caller, Tag}, Request}` becomes the request `Request`,
/// `{'$gen_cast', Message}` the message `Message`, `{system, {Caller, Tag}, Request}` a system request. All else stays
/// as it is.
void adopt_gen_protocol(message& m);

/// The answer to a system request, as OTP writes it.
[[nodiscard]] term system_answer_term(sys_op op, sys_answer answer);

}  // namespace beam::detail
