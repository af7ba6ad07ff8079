#include "libbeamcore/node/node_files.hpp"

#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <utility>

namespace beam {

void node_files::watch() {
    changes_.reset(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
    ::inotify_add_watch(changes_.get(), node_.runtime_folder.c_str(),
                        IN_DELETE | IN_MOVED_FROM | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR);
}

void node_files::forget_changes() {
    alignas(inotify_event) char buffer[4096];
    while (::read(changes_.get(), buffer, sizeof buffer) > 0) {
    }
}

node_files::state node_files::check() {
    struct stat folder {};
    if (::stat(node_.runtime_folder.c_str(), &folder) != 0) {
        if (::mkdir(node_.runtime_folder.c_str(), 0700) == 0)
            log_.line("the folder " + node_.runtime_folder + " was deleted: made anew");
        watch();
    }
    if (!lock.is_in_place()) {
        auto taken = lock_file::take(node_.lock_path());
        if (!taken && taken.error().is("held")) return state::lost;
        if (!taken) {
            log_.line("the lock file was deleted and cannot be made anew: " + taken.error().detail);
            return state::in_order;
        }
        lock = std::move(*taken);
        log_.line("the lock file was deleted: made anew");
    }
    if (!socket.owns_path() || socket.is_in_place()) return state::in_order;
    auto listening = listener::bind(node_.socket_path());
    if (!listening) {
        log_.line("the socket was deleted and cannot be made anew: " + listening.error().detail);
        return state::in_order;
    }
    socket = std::move(*listening);
    log_.line("the socket was deleted: made anew");
    return state::new_socket;
}

}  // namespace beam
