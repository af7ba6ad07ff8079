#include "libbeamcore/node/certificates_entry.hpp"

void beam_make_certificates(const beam::dist::certificates_wish* wish,
                            beam::result<std::vector<beam::dist::certificate_state>>* made) {
    *made = beam::dist::make_certificates(*wish);
}
