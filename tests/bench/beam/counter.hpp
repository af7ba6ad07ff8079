// The gen_server that is called, cast to, supervised and counted: bench_server.erl's twin.
#pragma once

#include "libbeamcore/otp/gen_server.hpp"
#include "libbeamcore/runtime/send.hpp"

namespace bench {

/// Sent by a counter that was told to, as soon as it serves.
struct up {
    beam::pid server;
};

class counter : public beam::gen_server<counter> {
    struct get_count {
        using reply = int;
    };
    struct increment_by_one {};

public:
    static beam::future<int> get(beam::pid server,
                                 beam::timeout limit = beam::default_call_timeout) {
        return beam::call<get_count>(server, limit);
    }
    static void increment(beam::pid server) { beam::cast<increment_by_one>(server); }

    using calls = beam::messages<get_count>;
    using casts = beam::messages<increment_by_one>;

    counter() = default;
    explicit counter(beam::pid who) { beam::send(who, up{id()}); }

    int handle_call(get_count) { return count_; }
    void handle_cast(increment_by_one) { ++count_; }

private:
    int count_ = 0;
};

}  // namespace bench
