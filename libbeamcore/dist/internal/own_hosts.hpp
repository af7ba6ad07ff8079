// What this host is called.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace beam::dist::detail {

/// Its name, `localhost`, and the addresses of its interfaces but for those of one link only. No name server is asked.
[[nodiscard]] std::vector<std::string> own_hosts();

/// 127.0.0.0/8 or ::1.
[[nodiscard]] bool is_loopback(std::string_view address);

}  // namespace beam::dist::detail
