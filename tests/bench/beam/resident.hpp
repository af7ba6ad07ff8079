// Resident memory of this OS process.
#pragma once

#include <cstdio>
#include <fstream>
#include <stdexcept>
#include <string>

namespace bench {

inline double status_bytes(const std::string& name) {
    std::ifstream status("/proc/self/status");
    const std::string format = name + ": %lf kB";
    for (std::string line; std::getline(status, line);) {
        double kb = 0;
        if (std::sscanf(line.c_str(), format.c_str(), &kb) == 1) return kb * 1024;
    }
    throw std::runtime_error("no " + name + " in /proc/self/status");
}
inline double resident_bytes() {
    return status_bytes("VmRSS");
}
/// Without the pages of files, which the kernel takes back when it wants them.
inline double anonymous_bytes() {
    return status_bytes("RssAnon");
}

}  // namespace bench
