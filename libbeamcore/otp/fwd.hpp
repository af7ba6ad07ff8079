// Forward declarations of the otp layer's public types.
#pragma once

namespace beam {

class cast_result;
class child_start;
class module_table;
class sys_handler;
class sys_target;
class then;
struct ignore;
struct module_entry;
struct server_options;
struct started;
template <class T>
class gen_server;
template <class Reply>
class call_result;
template <class T>
class init_result;

}  // namespace beam
