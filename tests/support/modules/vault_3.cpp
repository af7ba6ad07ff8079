// vault-3: nothing but a version.
#include "libbeamcore/release/application_module.hpp"

BEAM_APPLICATION(vault, "3") {
    app.spec.description = "Accounts, closed";
}
