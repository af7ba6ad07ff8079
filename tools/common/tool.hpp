// Everything a tool's main.cpp uses.
#pragma once

#include "tools/common/client.hpp"
#include "tools/common/exit_code.hpp"
#include "tools/common/failure.hpp"
#include "tools/common/options.hpp"
#include "tools/common/run.hpp"
