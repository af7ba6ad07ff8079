// Forward declarations of the dist layer.
#pragma once

namespace beam::dist {

class control_reader;
class control_writer;
class cut_message;
class flags;
class frame_reader;
class frame_writer;
class handshake;
struct certificate_paths;
struct certificate_state;
struct certificates_wish;
struct epmd_node;
struct epmd_registration;
struct epmd_status;
struct flag_entry;
struct frame;
struct frame_limits;
struct handshake_options;
struct handshake_result;
struct own_flags_options;
struct peer_offer;
struct received_control;
struct tls_files;

}  // namespace beam::dist
