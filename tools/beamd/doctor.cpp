#include <dirent.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <nlohmann/json.hpp>

#include "libbeamcore/base/duration.hpp"
#include "tools/beamd/beamd.hpp"
#include "tools/common/attach.hpp"
#include "tools/common/failure.hpp"
#include "tools/common/folders.hpp"

#ifndef BEAM_VERSION
#define BEAM_VERSION "0.1.0"
#endif

namespace beam::beamd {

using nlohmann::json;
using tool::connect_result;
using tool::deadline;
using tool::exit_code;
using tool::failure;
using tool::lock_state;
using namespace std::chrono_literals;

namespace {

enum class verdict { ok, warning, wrong };

const char* word_of(verdict v) {
    return v == verdict::ok ? "ok" : v == verdict::warning ? "warning" : "wrong";
}

// Looks at everything, changes nothing but missing folders, and goes on after a finding.
class examination {
public:
    explicit examination(client& node) : node_(node), common_(*node.common()) {}

    exit_code run();

private:
    void add(verdict v, const std::string& what, const std::string& detail) {
        findings_.push_back({{"check", what}, {"result", word_of(v)}, {"detail", detail}});
        text_ +=
            (text_.empty() ? "" : "\n") + std::string(word_of(v)) + ": " + what + ": " + detail;
        if (v == verdict::wrong) worst_ = exit_code::no;
    }

    // A check that throws has found what is wrong.
    template <class F>
    void check(const char* what, F f) {
        try {
            f();
        } catch (const failure& error) {
            add(verdict::wrong, what,
                error.why + (error.next.empty() ? "" : "; try: " + error.next));
        }
    }

    void folders();
    void life();
    void others();
    void program();
    void limits();

    client& node_;
    tool::common_state& common_;
    std::string folder_;
    std::string text_;
    json findings_ = json::array();
    exit_code worst_ = exit_code::done;
};

void examination::folders() {
    check("runtime folder", [&] {
        folder_ = tool::runtime_folder();
        add(verdict::ok, "runtime folder", folder_);
        const auto path = tool::socket_path(folder_, common_.node);
        add(verdict::ok, "socket path",
            path + " (" + std::to_string(path.size()) + " of 107 bytes)");
    });
    const char* runtime = std::getenv("XDG_RUNTIME_DIR");
    if (!runtime || !*runtime)
        add(verdict::ok, "XDG_RUNTIME_DIR", "not set: the temporary folder is used");
    else if (folder_.rfind(runtime, 0) != 0)
        add(verdict::warning, "XDG_RUNTIME_DIR",
            std::string(runtime) + " is no folder of ours: the temporary folder is used");
    if (folder_.empty()) return;
    check("state folder", [&] {
        const auto state = tool::state_folder(folder_);
        const bool fallback = state.rfind(folder_, 0) == 0;
        add(fallback ? verdict::warning : verdict::ok, "state folder",
            state + (fallback ? ": the home folder cannot be written, what is promised to be kept "
                                "is lost at a reboot"
                              : ""));
        struct statvfs disk {};
        if (::statvfs(state.c_str(), &disk) == 0) {
            const auto mib =
                static_cast<unsigned long long>(disk.f_bavail) * disk.f_frsize / (1024 * 1024);
            add(mib < 10    ? verdict::wrong
                : mib < 200 ? verdict::warning
                            : verdict::ok,
                "disk", std::to_string(mib) + " MiB free for " + state);
        }
    });
}

void examination::life() {
    check("node", [&] {
        const auto place = place_of(common_);
        const bool held = !place.lock.empty() && tool::look_at_lock(place.lock) == lock_state::held;
        unique_fd fd;
        const auto got = tool::connect_to(place.socket, deadline::in(1s), fd);
        struct stat file {};
        const bool has_file = ::lstat(place.socket.c_str(), &file) == 0;
        if (got == connect_result::absent) {
            if (held)
                add(verdict::warning, "node",
                    common_.node + " is starting or stopping: its lock is held, nobody listens");
            else if (has_file)
                add(verdict::warning, "node",
                    common_.node +
                        " is not running; its stale socket will be replaced by the next start");
            else
                add(verdict::ok, "node", common_.node + " is not running");
            return;
        }
        if (has_file && (file.st_mode & 077))
            add(verdict::wrong, "socket", place.socket + " can be used by others");
        if (!held && !place.lock.empty())
            add(verdict::wrong, "lock", place.lock + " is free although somebody listens");
        node_.set_deadline(deadline::in(2s));
        const auto before = deadline::clock::now();
        const auto hello = node_.hello();
        const auto took = deadline::clock::now() - before;
        add(took > 100ms ? verdict::warning : verdict::ok, "node",
            common_.node + " answers in " + print_duration(took));
        const auto version = hello.value("version", std::string("?"));
        add(version == BEAM_VERSION ? verdict::ok : verdict::warning, "versions",
            "node " + version + ", tools " BEAM_VERSION +
                (version == BEAM_VERSION ? "" : "; try: beamd restart"));
    });
}

// Other nodes in the same folder.
void examination::others() {
    DIR* folder = ::opendir(folder_.c_str());
    if (!folder) return;
    std::string names;
    while (const dirent* entry = ::readdir(folder)) {
        const std::string file = entry->d_name;
        if (file.size() < 6 || file.compare(file.size() - 5, 5, ".lock") != 0) continue;
        const auto name = file.substr(0, file.size() - 5);
        if (name != common_.node && tool::look_at_lock(folder_ + "/" + file) == lock_state::held)
            names += (names.empty() ? "" : ",") + name;
    }
    ::closedir(folder);
    add(verdict::ok, "other nodes", names.empty() ? "none" : names);
}

void examination::program() {
    const auto path = tool::find_beamd();
    add(path.empty() ? verdict::wrong : verdict::ok, "beamd",
        path.empty() ? "neither beside the tools nor in PATH" : path);
}

void examination::limits() {
    rlimit files{};
    ::getrlimit(RLIMIT_NOFILE, &files);
    const auto n = static_cast<unsigned long long>(files.rlim_cur);
    add(n < 1024 ? verdict::warning : verdict::ok, "open files", "limit " + std::to_string(n));
    if (FILE* file = std::fopen("/proc/sys/net/core/somaxconn", "re")) {
        int queue = 0;
        if (std::fscanf(file, "%d", &queue) == 1)
            add(queue < 128 ? verdict::warning : verdict::ok, "waiting clients",
                std::to_string(queue) + " fit in the socket's queue");
        std::fclose(file);
    }
    add(std::time(nullptr) < 1'700'000'000 ? verdict::wrong : verdict::ok, "clock",
        std::to_string(std::time(nullptr)));
}

exit_code examination::run() {
    folders();
    if (!folder_.empty()) {
        life();
        check("other nodes", [&] { others(); });
    }
    program();
    limits();
    common_.print(
        text_,
        {{"node", common_.node}, {"healthy", worst_ == exit_code::done}, {"checks", findings_}});
    return worst_;
}

}  // namespace

exit_code doctor(client& node) {
    return examination(node).run();
}

}  // namespace beam::beamd
