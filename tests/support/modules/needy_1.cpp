// needy: an application that is there for its dependencies.
#include "libbeamcore/otp/supervisor.hpp"
#include "libbeamcore/release/application_module.hpp"

namespace needy {

struct application {
    static beam::awaitable<beam::start_result> start(beam::term) {
        return beam::supervisor::start_link(beam::supervisor_flags{}, {});
    }
};

beam::awaitable<beam::answer> ping(beam::request&) {
    co_return beam::term("pong");
}

}  // namespace needy

BEAM_APPLICATION(needy, "1") {
    app.spec.applications = {beam::atom("probe")};
    app.callbacks<needy::application>();
    app.method("ping", needy::ping);
}
