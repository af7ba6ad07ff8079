// How the codec gives up: thrown where it cannot go on, and caught in etf.cpp, for callers see
// results only.
#pragma once

namespace beam::etf {

struct stopped {
    const char* code;
    const char* why;
};

}  // namespace beam::etf
