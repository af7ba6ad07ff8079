#include "libbeamcore/store/internal/rocksdb/log_forwarder.hpp"

#include <array>
#include <cstdarg>
#include <cstdio>
#include <string_view>

#include "libbeamcore/base/log.hpp"

namespace beam::store::detail {

void log_forwarder::Logv(const char* format, va_list values) {
    Logv(rocksdb::InfoLogLevel::INFO_LEVEL, format, values);
}

void log_forwarder::Logv(rocksdb::InfoLogLevel level, const char* format, va_list values) {
    if (level < GetInfoLogLevel()) return;
    std::array<char, 1000> text{};
    (void)std::vsnprintf(text.data(), text.size(), format, values);
    if (std::string_view(text.data()).find(folder_ + '/') != std::string_view::npos) {
        std::lock_guard lock(mutex_);
        last_of_file_ = text.data();
    }
    log(log_level::warning, "store", "rocksdb warns", {{"folder", folder_}, {"text", text.data()}});
}

}  // namespace beam::store::detail
