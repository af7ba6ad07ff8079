// What the exit codes of all tools mean. They are an interface: none ever changes its meaning.
#pragma once

namespace beam::tool {

enum class exit_code : int {
    done = 0,            ///< done, or the asked-for condition holds
    no = 1,              ///< the tool worked and the answer is no
    usage = 2,           ///< unknown command or option, malformed value
    bad_data = 65,       ///< malformed input
    unavailable = 69,    ///< no node, and not allowed or not able to start one
    bug = 70,            ///< the request crashed in the node, or the tool itself failed
    cannot_create = 73,  ///< cannot create a file or the socket folder
    io_error = 74,       ///< read or write failed: disk full, closed stdout
    try_again = 75,      ///< timeout, overload, node restarting
    protocol = 76,       ///< tool and node do not speak a common protocol
    not_permitted = 77,  ///< uid, cookie, folder mode
    bad_config = 78,     ///< bad configuration
    interrupted = 130,   ///< Ctrl-C
};

}  // namespace beam::tool
