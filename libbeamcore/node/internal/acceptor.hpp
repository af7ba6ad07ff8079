// Accepts clients and has a process made for each.
#pragma once

#include <vector>

#include "libbeamcore/io/listener.hpp"
#include "libbeamcore/node/internal/context.hpp"
#include "libbeamcore/node/internal/control_messages.hpp"
#include "libbeamcore/otp/gen_server.hpp"

namespace beam::control {

class acceptor : public gen_server<acceptor> {
public:
    using infos = messages<io::accepted, io::accept_failed, stop_accepting, accept_on>;

    static init_result<acceptor> init(node_context* node);

    awaitable<cast_result> handle_info(io::accepted m);
    void handle_info(io::accept_failed m);
    void handle_info(stop_accepting);
    void handle_info(accept_on m);

private:
    explicit acceptor(node_context* node) : node_(node) {}
    result<void> add(int fd);

    node_context* node_;
    std::vector<io::listener> listeners_;
};

}  // namespace beam::control
