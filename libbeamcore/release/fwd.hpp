// Forward declarations of the release layer's public types.
#pragma once

namespace beam {

class code_server;
class loaded_module;
class request;
struct application_definition;
struct method_spec;
struct module_file;
struct module_note;
struct request_error;

}  // namespace beam
