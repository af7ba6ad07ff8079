// backup and restore: a folder with a file of JSON lines a shard, as export prints them, and a manifest that says how many keys
// and bytes each has and their checksum (XXH3). Each shard is as it was at moments of its own.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <utility>

#include "libbeamcore/base/hash.hpp"
#include "libbeamcore/base/unique_fd.hpp"
#include "tools/common/json_line.hpp"
#include "tools/kv/commands.hpp"
#include "tools/kv/importer.hpp"
#include "tools/kv/lines.hpp"

namespace kv::client {

namespace fs = std::filesystem;

using beam::client;
using beam::tool::exit_code;
using beam::tool::failure;
using nlohmann::json;

namespace {

constexpr int format = 1;

[[noreturn]] void cannot(const char* what, const fs::path& file) {
    throw failure(exit_code::io_error, std::string("cannot ") + what + " " + file.string() + ": " +
                                           std::strerror(errno));
}

/// On disk when it returns.
void write_file(const fs::path& file, std::string_view bytes) {
    const beam::unique_fd fd(::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (!fd) cannot("create", file);
    while (!bytes.empty()) {
        const ssize_t n = ::write(fd.get(), bytes.data(), bytes.size());
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) cannot("write", file);
        bytes.remove_prefix(std::size_t(n));
    }
    if (::fsync(fd.get()) != 0) cannot("write", file);
}

std::string read_file(const fs::path& file) {
    std::ifstream in(file, std::ios::binary);
    if (!in) cannot("read", file);
    std::string bytes((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
    if (in.bad()) cannot("read", file);
    return bytes;
}

/// The lines of one shard.
std::string shard_lines(client& node, std::uint64_t shard, std::uint64_t& keys) {
    std::string lines;
    keys = 0;
    const auto on_item = [&](const json& page) {
        for (const json& item : page.at("items")) lines += export_line(item).dump() + "\n";
        keys += page.at("items").size();
        return true;
    };
    (void)node.stream("kv.scan", {{"prefix", ""}, {"shard", shard}}, on_item);
    return lines;
}

json read_manifest(const fs::path& folder) {
    const fs::path file = folder / "manifest.json";
    auto manifest = beam::tool::parse_line(read_file(file));
    if (!manifest || !manifest->is_object() || !manifest->contains("files"))
        throw failure(exit_code::bad_data, file.string() + " is no manifest of a backup");
    if (manifest->value("format", 0) != format)
        throw failure(exit_code::bad_data, file.string() + " is of another version of beamcore");
    return *std::move(manifest);
}

/// The whole file, if it is what the manifest says.
std::string checked_file(const fs::path& folder, const json& entry) {
    const fs::path file = folder / entry.at("name").get<std::string>();
    std::string bytes = read_file(file);
    if (bytes.size() != entry.at("bytes").get<std::uint64_t>() ||
        beam::xxh3_64(bytes) != entry.at("xxh3").get<std::uint64_t>())
        throw failure(exit_code::bad_data,
                      file.string() + " is damaged: it is not what the manifest says");
    return bytes;
}

}  // namespace

exit_code backup(client& node, const std::string& folder) {
    const json status = node.ask("kv.cluster_status");
    const auto shards = status.at("shards").get<std::uint64_t>();
    std::error_code error;
    if (!fs::create_directory(folder, error)) {
        if (error)
            throw failure(exit_code::cannot_create,
                          "cannot create " + folder + ": " + error.message());
        throw failure(exit_code::cannot_create, folder + " is there already", "another folder");
    }
    beam::tool::progress progress(node.common(), "backed up", "shards", shards);
    json files = json::array();
    std::uint64_t all_keys = 0, all_bytes = 0;
    for (std::uint64_t s = 0; s < shards; ++s) {
        std::uint64_t keys = 0;
        const std::string lines = shard_lines(node, s, keys);
        const std::string name = "shard-" + std::to_string(s) + ".jsonl";
        write_file(fs::path(folder) / name, lines);
        files.push_back({{"name", name},
                         {"keys", keys},
                         {"bytes", lines.size()},
                         {"xxh3", beam::xxh3_64(lines)}});
        all_keys += keys;
        all_bytes += lines.size();
        progress.at(s + 1);
    }
    // Last: without it there is no backup.
    write_file(
        fs::path(folder) / "manifest.json",
        json{{"format", format}, {"uuid", status.at("uuid")}, {"files", files}}.dump() + "\n");
    node.common()->print("backed up: keys=" + std::to_string(all_keys),
                         {{"keys", all_keys}, {"bytes", all_bytes}, {"folder", folder}});
    return exit_code::done;
}

exit_code restore(client& node, const std::string& folder) {
    const json manifest = read_manifest(folder);
    std::uint64_t expected = 0;
    for (const json& entry : manifest.at("files")) {
        (void)checked_file(folder, entry);
        expected += entry.at("keys").get<std::uint64_t>();
    }
    if (node.ask("kv.count").at("count").get<std::uint64_t>() > 0)
        throw failure(exit_code::no, "the cluster is not empty",
                      "kv import <FILE, which writes over what is there");
    importer all(node, expected);
    for (const json& entry : manifest.at("files")) {
        const std::string lines = checked_file(folder, entry);
        std::uint64_t number = 0;
        for (std::size_t begin = 0; begin < lines.size();) {
            const std::size_t end = std::min(lines.find('\n', begin), lines.size());
            all.line(lines.substr(begin, end - begin), ++number);
            begin = end + 1;
        }
    }
    all.send();
    node.common()->print("restored: keys=" + std::to_string(all.imported()),
                         {{"keys", all.imported()}});
    return all.imported() == expected ? exit_code::done : exit_code::bad_data;
}

}  // namespace kv::client
