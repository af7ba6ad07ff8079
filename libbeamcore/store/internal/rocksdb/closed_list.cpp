#include "libbeamcore/store/internal/rocksdb/closed_list.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <sstream>
#include <system_error>
#include <utility>

#include "libbeamcore/base/hash.hpp"
#include "libbeamcore/base/log.hpp"
#include "libbeamcore/store/internal/failure.hpp"
#include "libbeamcore/store/internal/folder.hpp"

namespace beam::store::detail {

namespace {

// A line a file: its name and the hash of what is in it; the last line is the hash of those before it.
using hashes = std::map<std::string, std::string>;

std::string list_of(const std::string& folder) {
    return folder + "/closed";
}

std::string read_file(const std::string& file) {
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

std::string hash_of(std::string_view bytes) {
    std::ostringstream out;
    out << bytes.size() << '-' << std::hex << xxh3_64(bytes);
    return out.str();
}

// What says which tables there are, and the logs, which a close leaves empty.
bool is_listed(const std::string& name) {
    return name == "CURRENT" || name.compare(0, 9, "MANIFEST-") == 0 ||
           (name.size() > 4 && name.compare(name.size() - 4, 4, ".log") == 0);
}

hashes look_at(const std::string& folder) {
    hashes found;
    std::error_code failure;
    for (const auto& entry : std::filesystem::directory_iterator(folder, failure)) {
        const auto name = entry.path().filename().string();
        if (is_listed(name)) found[name] = hash_of(read_file(entry.path()));
    }
    return found;
}

std::string text_of(const hashes& files) {
    std::string text;
    for (const auto& [name, hash] : files) text.append(name).append(" ").append(hash).append("\n");
    return text + hash_of(text) + '\n';
}

/// False: it is damaged itself.
bool parse(const std::string& text, hashes& files) {
    std::istringstream in(text);
    std::string name, hash;
    for (std::string line; std::getline(in, line);) {
        const auto space = line.find(' ');
        if (space != std::string::npos) files[line.substr(0, space)] = line.substr(space + 1);
    }
    return text_of(files) == text;
}

tl::unexpected<error> damaged(const std::string& folder, const std::string& name,
                              const char* what) {
    std::string detail = folder;
    detail.append("/").append(name).append(": ").append(what);
    return fail("corrupt", std::move(detail));
}

}  // namespace

void write_closed_list(const std::string& folder) {
    const std::string list = list_of(folder), text = text_of(look_at(folder));
    std::ofstream out(list, std::ios::binary);
    out << text;
    out.close();
    if (!out || !sync_path(list) || !sync_path(folder)) ::unlink(list.c_str());
}

result<void> check_closed_list(const std::string& folder) {
    const std::string list = list_of(folder);
    if (::access(list.c_str(), F_OK) != 0) return {};
    hashes before;
    if (parse(read_file(list), before)) {
        const hashes now = look_at(folder);
        for (const auto& [name, hash] : before) {
            const auto it = now.find(name);
            if (it == now.end()) return damaged(folder, name, "is missing");
            if (it->second != hash)
                return damaged(folder, name, "is not as it was when it was closed");
        }
    } else {
        log(log_level::warning, "store", "a damaged list is left out", {{"file", list}});
    }
    if (::unlink(list.c_str()) != 0) return failed(errno, list);
    return sync_path(folder);
}

}  // namespace beam::store::detail
