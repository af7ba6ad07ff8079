#include "libbeamcore/store/internal/rocksdb/failure.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>

#include "libbeamcore/store/internal/failure.hpp"

namespace beam::store::detail {

namespace {

// A status keeps the system's words and not its number.
std::string code_of_text(std::string_view text) {
    constexpr std::array known{ENOSPC, EDQUOT, EFBIG,  EACCES, EPERM,  EROFS,
                               ENOENT, EMFILE, ENFILE, ENOMEM, ENOTDIR};
    for (const int number : known)
        if (text.find(::strerrordesc_np(number)) != std::string_view::npos)
            return code_of_errno(number);
    return "eio";
}

std::string code_of(const rocksdb::Status& s, std::string_view text) {
    if (s.IsCorruption()) return "corrupt";
    // Another OS process has it: RocksDB locks a file of that name.
    if (s.IsIOError() && text.find("/LOCK") != std::string_view::npos &&
        text.find(::strerrordesc_np(EAGAIN)) != std::string_view::npos)
        return "already_open";
    if (s.IsNoSpace()) return "enospc";
    // What the list of files names is not there.
    if (s.IsPathNotFound() || s.IsNotFound() || s.IsInvalidArgument()) return "corrupt";
    if (s.IsIOError()) return code_of_text(text);
    return "rocksdb_" + std::to_string(int(s.code()));
}

}  // namespace

error rocksdb_failure(const rocksdb::Status& s, const std::string& folder) {
    std::string text = s.ToString();
    std::string code = code_of(s, text);
    if (text.find(folder) == std::string::npos) text = folder + ": " + text;
    return error{std::move(code), std::move(text)};
}

}  // namespace beam::store::detail
