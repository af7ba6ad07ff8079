// Forward declarations of the term layer.
#pragma once

namespace beam {

class atom;
class term;
class list_view;
class match_spec;
struct fun;
struct map_entry;
struct node_identity;
struct parse_options;
struct pid;
struct port;
struct print_options;
struct ref;
struct type_descriptor;

}  // namespace beam
