// Forward declarations of the io layer's public types.
#pragma once

namespace beam::io {

class certificate;
class connection;
class listener;
class os_port;
class signal_watch;
class tls_context;
struct accepted;
struct accept_failed;
struct certificate_wish;
struct credentials;
struct data;
struct end_of_input;
struct end_of_output;
struct exited;
struct keyed_certificate;
struct line;
struct passive;
struct signal_received;
struct stream_options;
struct tls_options;
struct token;
struct readable;
struct writable;

namespace resp {
class reply_decoder;
class request_decoder;
class writer;
struct reply;
struct reply_limits;
struct request_limits;
}  // namespace resp

}  // namespace beam::io
