// broken: an application that does not start.
#include "libbeamcore/release/application_module.hpp"

namespace broken {

struct application {
    static beam::awaitable<beam::start_result> start(beam::term) {
        co_return beam::fail_term(beam::atom("no_disk"));
    }
};

beam::awaitable<beam::answer> ping(beam::request&) {
    co_return beam::term("pong");
}

}  // namespace broken

BEAM_APPLICATION(broken, "1") {
    app.callbacks<broken::application>();
    app.method("ping", broken::ping);
}
