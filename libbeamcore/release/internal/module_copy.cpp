#include "libbeamcore/release/internal/module_copy.hpp"

#include <fcntl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string>

#include "libbeamcore/base/unique_fd.hpp"
#include "libbeamcore/release/internal/mapped_module.hpp"

namespace beam::detail {

namespace {

tl::unexpected<error> cannot_copy(const std::filesystem::path& to) {
    return fail("cannot_copy", to.string() + ": " + std::strerror(errno));
}

result<void> check_rights(const std::filesystem::path& path, const struct stat& info) {
    if (info.st_uid != 0 && info.st_uid != ::geteuid())
        return fail("not_permitted", path.string() + " belongs to another user");
    const bool is_sticky_folder = S_ISDIR(info.st_mode) && (info.st_mode & S_ISVTX);
    if ((info.st_mode & S_IWOTH) && !is_sticky_folder)
        return fail("not_permitted", path.string() + " can be written by others");
    return {};
}

// Who can rename a folder above it can put another file in its place.
result<void> check_folders_above(const std::filesystem::path& file) {
    std::error_code failed;
    std::filesystem::path at = std::filesystem::canonical(file, failed);
    if (failed) return fail("not_found", file.string() + ": " + failed.message());
    while (at.has_relative_path()) {
        at = at.parent_path();
        struct stat info {};
        if (::stat(at.c_str(), &info) != 0)
            return fail("not_found", at.string() + ": " + std::strerror(errno));
        if (auto ok = check_rights(at, info); !ok) return ok;
    }
    return {};
}

bool have_same_bytes(int a, int b) {
    std::array<char, 65536> left, right;
    for (off_t at = 0;; at += off_t(left.size())) {
        const ssize_t n = ::pread(a, left.data(), left.size(), at);
        const ssize_t m = ::pread(b, right.data(), right.size(), at);
        if (n < 0 || n != m || std::memcmp(left.data(), right.data(), std::size_t(n)) != 0)
            return false;
        if (std::size_t(n) < left.size()) return true;
    }
}

bool is_copy_of(const std::filesystem::path& copy, int source) {
    unique_fd fd(::open(copy.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
    struct stat info {};
    return fd && ::fstat(fd.get(), &info) == 0 && info.st_uid == ::geteuid() &&
           have_same_bytes(source, fd.get());
}

result<void> make_folder(const std::filesystem::path& folder) {
    std::filesystem::path at;
    for (const auto& part : folder) {
        at /= part;
        if (::mkdir(at.c_str(), 0700) != 0 && errno != EEXIST && errno != EROFS)
            return cannot_copy(at);
    }
    struct stat info {};
    if (::stat(folder.c_str(), &info) != 0) return cannot_copy(folder);
    return check_rights(folder, info);
}

// Beside its place, then renamed: nobody maps half a file, and what is mapped keeps its own.
result<void> write_copy(int source, const std::filesystem::path& to) {
    std::string beside = to.string() + ".XXXXXX";
    unique_fd fd(::mkostemp(beside.data(), O_CLOEXEC));
    if (!fd) return cannot_copy(to);
    const auto give_up = [&] {
        auto failed = cannot_copy(to);
        ::unlink(beside.c_str());
        return failed;
    };
    off_t at = 0;
    for (;;) {
        const ssize_t n = ::sendfile(fd.get(), source, &at, std::size_t(1) << 30);
        if (n < 0) return give_up();
        if (n == 0) break;
    }
    // A copy that a crash of the machine cut short has other bytes than its source, and is made anew.
    if (::fchmod(fd.get(), 0444) != 0 || ::rename(beside.c_str(), to.c_str()) != 0)
        return give_up();
    return {};
}

}  // namespace

result<std::filesystem::path> file_to_map(const module_file& file,
                                          const std::filesystem::path& folder) {
    unique_fd source(::open(file.path.c_str(), O_RDONLY | O_CLOEXEC));
    struct stat info {};
    if (!source || ::fstat(source.get(), &info) != 0)
        return fail("not_found", file.path.string() + ": " + std::strerror(errno));
    if (auto ok = check_rights(file.path, info); !ok) return pass(ok);
    if (auto ok = check_folders_above(file.path); !ok) return pass(ok);
    if (folder.empty()) return file.path;

    const std::filesystem::path own = folder / (file.name + "-" + file.version);
    std::filesystem::path copy = own / (file.name + ".so");
    if (is_copy_of(copy, source.get())) return copy;
    if (is_mapped(copy))
        return fail("in_use", "another " + file.name + "-" + file.version + " is in use");
    if (auto ok = make_folder(own); !ok) return pass(ok);
    if (auto ok = write_copy(source.get(), copy); !ok) return pass(ok);
    return copy;
}

}  // namespace beam::detail
