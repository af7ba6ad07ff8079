// local_wake: how the nodes of a host tell each other that cluster.mdb has changed: a byte to each one's socket. One that is lost costs
// nothing but time, for everybody also looks at the file now and then.
#pragma once

#include <string>

#include "libbeamcore/base/result.hpp"
#include "libbeamcore/base/unique_fd.hpp"

namespace kv {

class local_wake {
public:
    /// A datagram socket NODE-RANDOM.wake in the folder, which is made if its parent exists. Errors: the system's.
    [[nodiscard]] static beam::result<local_wake> open(const std::string& folder,
                                                       const std::string& node);
    local_wake(local_wake&&) noexcept = default;
    local_wake& operator=(local_wake&&) = delete;
    ~local_wake();

    /// Readable when somebody has woken us.
    [[nodiscard]] int fd() const { return socket_.get(); }
    /// Takes what has come.
    void drain() const;
    /// Everybody in the folder, this one too. Files of those that are gone are removed.
    void wake_all() const;

private:
    local_wake(beam::unique_fd folder, beam::unique_fd socket, std::string name)
        : folder_(std::move(folder)), socket_(std::move(socket)), name_(std::move(name)) {}

    beam::unique_fd folder_;
    beam::unique_fd socket_;
    std::string name_;
};

}  // namespace kv
