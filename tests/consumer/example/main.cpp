// A program outside the tree that uses an installed libbeamcore.
#include <cstdio>

#include <libbeamcore/base/duration.hpp>
#include <libbeamcore/base/install.hpp>

int main() {
    auto wait = beam::parse_duration("1m30s");
    if (!wait) return 1;
    std::printf("beamcore %s waits %s\n", std::string(beam::version()).c_str(),
                beam::print_duration(*wait).c_str());
    return beam::print_duration(*wait) == "2m" ? 0 : 1;
}
