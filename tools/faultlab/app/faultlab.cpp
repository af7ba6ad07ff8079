// The faultlab application: runs and attacks, each held by a lease as long as a client waits for it.
//
//   faultlab_leases   a process a run or attack; what it started ends with it
#include "libbeamcore/otp/dynamic_supervisor.hpp"
#include "libbeamcore/release/application_module.hpp"
#include "tools/faultlab/app/application.hpp"
#include "tools/faultlab/app/methods.hpp"

namespace faultlab {

namespace {

struct faultlab_app {
    static beam::awaitable<beam::start_result> start(beam::term) {
        return beam::dynamic_supervisor::start_link({}, leases_supervisor());
    }
};

}  // namespace

}  // namespace faultlab

BEAM_APPLICATION(faultlab, "1") {
    app.spec.description = "Faults on purpose, and what becomes of them";
    app.callbacks<faultlab::faultlab_app>();
    faultlab::add_methods(app);
}
