// What makes a class the class of a server: its base, and how it names its messages. See gen_server.hpp.
#pragma once

#include <type_traits>

#include "libbeamcore/runtime/process.hpp"

namespace beam {

/// A list of message types.
template <class... Ts>
struct messages {};

/// The base of a server's class. It holds nothing.
template <class T>
class gen_server {
protected:
    /// The server's process. Only in its own code.
    [[nodiscard]] static self process() { return this_process(); }
    [[nodiscard]] static pid id() { return this_process().id(); }
};

template <class T>
concept server_class = std::is_base_of_v<gen_server<T>, T>;

}  // namespace beam
