// What a process that reads the store ends with when the disk cannot be believed.
#pragma once

#include <stdexcept>

namespace kv {

/// The disk says something that cannot be: nothing may be answered from it. Ends the process that reads it.
struct spoilt_disk : std::runtime_error {
    using std::runtime_error::runtime_error;
};

}  // namespace kv
