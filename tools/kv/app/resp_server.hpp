// resp_server: listens at an address and speaks RESP there, the protocol of Redis, with as many clients as come.
//
// Each connection is a process of its own, linked to the server's: the end of the server ends them, the end of one of
// them nobody else.
#pragma once

#include <string>
#include <tuple>

#include "libbeamcore/io/listener.hpp"
#include "libbeamcore/otp/gen_server.hpp"
#include "libbeamcore/runtime/exit.hpp"
#include "tools/resp/door.hpp"

namespace kv {

class resp_server : public beam::gen_server<resp_server> {
public:
    using arguments = std::tuple<std::string, bool>;
    using infos = beam::messages<beam::io::accepted, beam::io::accept_failed>;

    /// As resp::door::open().
    static beam::init_result<resp_server> init(std::string address, bool allow_remote);

    void handle_info(beam::io::accepted m);
    void handle_info(beam::io::accept_failed m) { door_.cannot_accept(m); }
    void handle_info(const beam::exit_message&) { door_.leave(); }

private:
    resp::door door_;
};

}  // namespace kv
