// The names of functions by their addresses: what stack traces are made of.
#pragma once

#include <string>
#include <string_view>

#include "libbeamcore/base/export.hpp"

namespace beam {

/// The function that `code` lies in, as `chat::room::handle_call`: without its parameters, without "(anonymous
/// namespace)". Found in the symbol table of the executable or library, read from its file, so that it
/// also names what is not exported. `chat.so+0x1f3a` where the file is stripped (addr2line takes it);
/// `0x7f001234` where nothing is mapped any more. Any thread; milliseconds. Never fails.
[[nodiscard]] BEAM_EXPORT std::string symbol_of(const void* code);

/// A C++ name as the compiler mangled it, made readable; another one as it is.
[[nodiscard]] BEAM_EXPORT std::string demangle(const char* name);

/// `a::f` from `(anonymous namespace)::a::f(int) [clone .actor]`.
[[nodiscard]] BEAM_EXPORT std::string short_function_name(std::string_view demangled);

}  // namespace beam
