// Resident memory of this OS process.
#pragma once

#include <cstdio>
#include <fstream>
#include <stdexcept>
#include <string>

namespace bench {

inline double resident_bytes() {
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);) {
        double kb = 0;
        if (std::sscanf(line.c_str(), "VmRSS: %lf kB", &kb) == 1) return kb * 1024;
    }
    throw std::runtime_error("no VmRSS in /proc/self/status");
}

}  // namespace bench
