#include "libbeamcore/term/pid.hpp"

namespace beam {

std::string to_string(const pid& p) {
    return "<" + std::to_string(p.node) + "." + std::to_string(p.id) + "." +
           std::to_string(p.serial) + ">";
}

std::string to_string(const port& p) {
    return "#Port<" + std::to_string(p.node) + "." + std::to_string(p.id) + ">";
}

}  // namespace beam
