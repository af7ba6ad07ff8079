// epmd_registrar: the process behind epmd.hpp.
#pragma once

#include <chrono>

#include "libbeamcore/dist/epmd.hpp"
#include "libbeamcore/io/connection.hpp"
#include "libbeamcore/otp/gen_server.hpp"
#include "libbeamcore/runtime/exit.hpp"

namespace beam::dist::detail {

struct ask_status {
    using reply = epmd_status;
};
struct try_again {};

class epmd_registrar : public gen_server<epmd_registrar> {
public:
    static awaitable<init_result<epmd_registrar>> init(epmd_registration what);

    using calls = messages<ask_status>;
    using infos = messages<io::data, io::end_of_input, io::end_of_output, try_again>;

    epmd_status handle_call(ask_status) const { return status_; }
    void handle_info(io::data m);
    void handle_info(io::end_of_input m);
    void handle_info(io::end_of_output m);
    void handle_info(const exit_message& m);
    awaitable<void> handle_info(try_again);
    void terminate(const term& reason);

private:
    explicit epmd_registrar(epmd_registration what) : what_(std::move(what)) {}

    awaitable<result<void>> register_now();
    [[nodiscard]] result<void> serve();
    void lost(io::token which);
    void try_later();

    epmd_registration what_;
    epmd_status status_;
    io::connection epmd_;
    pid server_;
    std::chrono::milliseconds pause_{0};
    bool tries_ = false;
};

}  // namespace beam::dist::detail
