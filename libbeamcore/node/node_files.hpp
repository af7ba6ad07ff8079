// The files by which others find a node: its lock and its socket, and what is done when somebody deletes them.
#pragma once

#include "libbeamcore/base/unique_fd.hpp"
#include "libbeamcore/node/listener.hpp"
#include "libbeamcore/node/lock_file.hpp"
#include "libbeamcore/node/log_file.hpp"
#include "libbeamcore/node/node_options.hpp"

namespace beam {

class node_files {
public:
    /// Both must outlive it.
    node_files(const node_options& node, log_file& log) : node_(node), log_(log) {}

    lock_file lock;
    listener socket;

    /// From now on changes() is readable when something in the node's folder was deleted or moved.
    void watch();
    [[nodiscard]] int changes() const { return changes_.get(); }
    void forget_changes();

    enum class state {
        in_order,    ///< or made anew as well as it could be; the log says what
        new_socket,  ///< the socket is another one now: whoever accepts must be given it
        lost,        ///< another node holds the lock: this one can only end
    };
    /// Looks whether all is in its place, and makes anew what is not.
    [[nodiscard]] state check();

private:
    const node_options& node_;
    log_file& log_;
    unique_fd changes_;
};

}  // namespace beam
