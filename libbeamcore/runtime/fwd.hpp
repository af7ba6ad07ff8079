// Forward declarations of the runtime's public types.
#pragma once

namespace beam {

class message;
class process;
class process_body;
class runtime;
class self;
struct from;
struct spawn_options;
struct down_message;
struct exit_message;
template <class T>
class awaitable;
template <class T>
class future;
template <class Signature>
class callback;

namespace detail {
struct process_block;
struct signal;
struct module_record;
}  // namespace detail

}  // namespace beam
