// Forward declarations of the otp layer's public types.
#pragma once

namespace beam {

class cast_result;
class application_code;
class child_start;
class dynamic_supervisor_init;
class enter_result;
class event_result;
class handler_swap;
class module_table;
class partition_options;
class partition_via;
class server_name;
class supervisor_init;
class sys_handler;
class sys_target;
class then;
class time_limit;
class transition;
class via;
struct application_spec;
struct child_info;
struct child_spec;
struct children_count;
struct dynamic_supervisor_flags;
struct gen_event_exit;
struct ignore;
struct module_entry;
struct pool_options;
struct pool_status;
struct registry_entry;
struct registry_options;
struct server_options;
struct started;
struct supervisor_flags;
template <class R>
class task;
template <class R>
class task_stream;
template <class T>
class statem_init;
template <class T>
class gen_event_handler;
template <class T>
class gen_server;
template <class Reply>
class call_result;
template <class T>
class init_result;

}  // namespace beam
