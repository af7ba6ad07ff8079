#include "tools/common/folders.hpp"

#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "tools/common/failure.hpp"

namespace beam::tool {
namespace {

constexpr std::size_t socket_path_max = 107;
constexpr const char* a_folder_of_your_own =
    "set XDG_RUNTIME_DIR or TMPDIR to a folder of your own";

std::string absolute_from_environment(const char* name) {
    const char* value = std::getenv(name);
    return value && *value == '/' ? value : "";
}

bool is_folder_of_ours(const std::string& path) {
    struct stat s {};
    return ::stat(path.c_str(), &s) == 0 && S_ISDIR(s.st_mode) && s.st_uid == ::geteuid();
}

// Without HOME the password file knows; only then is it worth asking.
std::string home() {
    auto path = absolute_from_environment("HOME");
    if (!path.empty()) return path;
    const passwd* user = ::getpwuid(::geteuid());
    return user && user->pw_dir && *user->pw_dir == '/' ? user->pw_dir : "";
}

// mkdir -p, with 0700 for what is missing. False if it cannot be made or written.
bool make_folders(const std::string& path) {
    for (auto slash = path.find('/', 1);; slash = path.find('/', slash + 1)) {
        const auto part = path.substr(0, slash);
        if (::mkdir(part.c_str(), 0700) != 0 && errno != EEXIST && errno != EISDIR) {
            // EROFS and EACCES also come for what exists already.
            struct stat s {};
            if (::stat(part.c_str(), &s) != 0) return false;
        }
        if (slash == std::string::npos) break;
    }
    return is_folder_of_ours(path) && ::access(path.c_str(), W_OK | X_OK) == 0;
}

[[noreturn]] void refuse(const std::string& path, const std::string& why, const std::string& next) {
    throw failure(exit_code::not_permitted, "the folder " + path + " " + why, next);
}

}  // namespace

std::string runtime_folder_path() {
    const auto runtime = absolute_from_environment("XDG_RUNTIME_DIR");
    if (!runtime.empty() && is_folder_of_ours(runtime)) return runtime + "/beamcore";
    auto temporary = absolute_from_environment("TMPDIR");
    if (temporary.empty()) temporary = "/tmp";
    return temporary + "/beamcore-" + std::to_string(::geteuid());
}

void secure_folder(const std::string& path) {
    struct stat s {};
    if (::lstat(path.c_str(), &s) != 0) {
        if (errno == ENOENT && ::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST)
            throw failure(exit_code::cannot_create,
                          "cannot make the folder " + path + ": " + std::strerror(errno),
                          a_folder_of_your_own);
        if (::lstat(path.c_str(), &s) != 0)
            throw failure(exit_code::cannot_create,
                          "cannot look at " + path + ": " + std::strerror(errno));
    }
    if (S_ISLNK(s.st_mode)) refuse(path, "is a symbolic link", "rm " + path);
    if (!S_ISDIR(s.st_mode)) refuse(path, "is not a folder", "rm " + path);
    if (s.st_uid != ::geteuid())
        refuse(path,
               "belongs to uid " + std::to_string(s.st_uid) + ", not to uid " +
                   std::to_string(::geteuid()),
               a_folder_of_your_own);
    if (s.st_mode & 077) {
        char mode[8];
        std::snprintf(mode, sizeof mode, "%04o", s.st_mode & 07777U);
        refuse(path, std::string("has mode ") + mode + ", others may use it", "chmod 700 " + path);
    }
}

std::string runtime_folder() {
    auto path = runtime_folder_path();
    secure_folder(path);
    return path;
}

std::string state_folder(const std::string& runtime_folder) {
    std::vector<std::string> candidates;
    if (const auto xdg = absolute_from_environment("XDG_STATE_HOME"); !xdg.empty())
        candidates.push_back(xdg + "/beamcore");
    else if (const auto at = home(); !at.empty())
        candidates.push_back(at + "/.local/state/beamcore");
    for (const auto& path : candidates)
        if (make_folders(path)) return path;
    const auto path = runtime_folder + "/state";
    secure_folder(path);
    return path;
}

bool is_node_name(std::string_view name) {
    if (name.empty() || name.size() > 64 || name.front() == '.' || name.front() == '-')
        return false;
    for (char c : name) {
        const bool letter =
            (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!letter && c != '_' && c != '.' && c != '@' && c != '-') return false;
    }
    return true;
}

std::string socket_path(const std::string& runtime_folder, std::string_view node) {
    auto path = runtime_folder + "/" + std::string(node) + ".sock";
    check_socket_path(path);
    return path;
}

void check_socket_path(const std::string& path) {
    if (path.size() > socket_path_max)
        throw failure(exit_code::bad_config,
                      "the socket's path " + path + " has " + std::to_string(path.size()) +
                          " bytes, at most 107 are possible",
                      "a shorter XDG_RUNTIME_DIR, TMPDIR or --node");
}

}  // namespace beam::tool
