// What observer changes, with --write only.
#pragma once

#include <string>

#include "tools/common/tool.hpp"

namespace observer {

struct change_options {
    bool write = false;
    bool dry_run = false;
    std::string reason = "kill";  ///< of the exit signal: kill or shutdown
};

beam::tool::exit_code kill_process(beam::client& node, const std::string& pid,
                                   const change_options& options);
beam::tool::exit_code suspend_process(beam::client& node, const std::string& pid,
                                      const change_options& options);
beam::tool::exit_code resume_process(beam::client& node, const std::string& pid,
                                     const change_options& options);

}  // namespace observer
