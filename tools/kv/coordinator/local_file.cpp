#include "tools/kv/coordinator/local_file.hpp"

#include <fcntl.h>
#include <lmdb.h>
#include <sys/stat.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <map>
#include <mutex>
#include <thread>
#include <utility>

#include "libbeamcore/base/hash.hpp"
#include "libbeamcore/base/unique_fd.hpp"
#include "tools/kv/coordinator/folders.hpp"
#include "tools/kv/coordinator/local_environment.hpp"

namespace kv {

using beam::error;
using beam::fail;
using beam::pass;
using beam::result;
using beam::unique_fd;

namespace {

// In front of each value.
struct header {
    std::uint64_t check;  // of all that follows, with the key
    std::uint64_t rev;
};

std::uint64_t check_of(std::string_view key, std::string_view after_check) {
    return beam::xxh3_64(after_check, beam::xxh3_64(key));
}

std::string packed(const kept_value& v) {
    std::string bytes(sizeof(header), '\0');
    header h{0, v.rev};
    std::memcpy(bytes.data(), &h, sizeof h);
    bytes += v.value;
    h.check = check_of(v.key, std::string_view(bytes).substr(sizeof h.check));
    std::memcpy(bytes.data(), &h.check, sizeof h.check);
    return bytes;
}

std::optional<kept_value> unpacked(std::string_view key, std::string_view bytes) {
    header h{};
    if (bytes.size() < sizeof h) return std::nullopt;
    std::memcpy(&h, bytes.data(), sizeof h);
    if (check_of(key, bytes.substr(sizeof h.check)) != h.check) return std::nullopt;
    return kept_value{std::string(key), std::string(bytes.substr(sizeof h)), h.rev};
}

std::string_view view_of(const MDB_val& v) {
    return {static_cast<const char*>(v.mv_data), v.mv_size};
}
MDB_val val_of(std::string_view s) {
    return {s.size(), const_cast<char*>(s.data())};  // NOLINT: LMDB does not write to it
}

using file_identity = std::pair<dev_t, ino_t>;

struct open_file {
    std::shared_ptr<local_environment> env;
    unsigned users = 0;
};

// Held while a file is opened or closed.
std::mutex open_files_mutex;
std::map<file_identity, open_file>& open_files() {
    static std::map<file_identity, open_file> files;
    return files;
}

std::optional<file_identity> identity_of(int fd) {
    struct stat s {};
    if (::fstat(fd, &s) != 0) return std::nullopt;
    return file_identity{s.st_dev, s.st_ino};
}

/// Another version of this code, loaded beside it, may be about to close the file.
bool await_closed(const std::string& lock_file) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(2);
    const unique_fd fd(::open(lock_file.c_str(), O_RDONLY | O_CLOEXEC));
    while (fd && !other_descriptors(fd.get()).empty()) {
        if (std::chrono::steady_clock::now() > end) return false;
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return true;
}

}  // namespace

// The file.

result<local_file> local_file::open(const std::string& folder) {
    auto fd = open_folder(folder);
    if (!fd) return pass(fd);
    if (auto ok = check_file_system(folder); !ok) return pass(ok);
    const std::string file = folder + "/cluster.mdb";
    // By its inode: the file that it is to be, not another that had the name.
    unique_fd made(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    const auto identity = made ? identity_of(made.get()) : std::nullopt;
    if (!identity) return tl::unexpected(system_error(errno, file));
    std::lock_guard lock(open_files_mutex);
    open_file& entry = open_files()[*identity];
    if (!entry.env) {
        made.reset();
        if (!await_closed(file + "-lock")) {
            open_files().erase(*identity);
            return fail("already_open", file + ": is open in this process already");
        }
        auto env = std::make_shared<local_environment>(file);
        if (auto ok = env->open(); !ok) {
            open_files().erase(*identity);
            return pass(ok);
        }
        if (identity_of(env->descriptor()) != identity) {
            open_files().erase(*identity);
            return fail("lost", file + ": was replaced while it was opened");
        }
        ::fsync(fd->get());  // a file is safe on disk when its folder's entry is
        entry.env = std::move(env);
    }
    // Closed here, this descriptor of a file that is open already drops no lock: LMDB's are on its other file.
    ++entry.users;
    return local_file(entry.env);
}

local_file::~local_file() {
    if (!env_) return;
    std::lock_guard lock(open_files_mutex);
    for (auto it = open_files().begin(); it != open_files().end(); ++it) {
        if (it->second.env != env_) continue;
        env_.reset();
        if (--it->second.users == 0) open_files().erase(it);
        return;
    }
}

bool local_file::is_in_place() const {
    struct stat mine {
    }, there{};
    return ::fstat(env_->descriptor(), &mine) == 0 && ::stat(env_->file.c_str(), &there) == 0 &&
           mine.st_dev == there.st_dev && mine.st_ino == there.st_ino;
}

std::uint64_t local_file::last_rev() const {
    MDB_envinfo info{};
    ::mdb_env_info(env_->env, &info);
    return info.me_last_txnid;
}

result<local_transaction> local_file::begin(unsigned flags) const {
    MDB_txn* txn = nullptr;
    int rc = ::mdb_txn_begin(env_->env, nullptr, flags, &txn);
    if (rc == MDB_READERS_FULL && env_->check_readers() == 0)
        rc = ::mdb_txn_begin(env_->env, nullptr, flags, &txn);
    if (rc != 0) return tl::unexpected(lmdb_error(rc, env_->file));
    local_transaction begun(txn, env_->database, *env_);
    // Looked at now: who replaced the file since is a writer after this one.
    if (!is_in_place()) return fail("lost", env_->file + ": was deleted, or replaced");
    return begun;
}

result<local_transaction> local_file::read() const {
    return begin(MDB_RDONLY);
}
result<local_transaction> local_file::write() const {
    return begin(0);
}

// A transaction.

local_transaction::local_transaction(MDB_txn* txn, unsigned database, const local_environment& of)
    : txn_(txn), database_(database), of_(&of), rev_(::mdb_txn_id(txn)) {}

local_transaction::local_transaction(local_transaction&& other) noexcept
    : txn_(std::exchange(other.txn_, nullptr)),
      database_(other.database_),
      of_(other.of_),
      rev_(other.rev_) {}

local_transaction::~local_transaction() {
    if (txn_) ::mdb_txn_abort(txn_);
}

error local_transaction::failure(int number) const {
    return lmdb_error(number, of_->file);
}

result<std::optional<kept_value>> local_transaction::get(const std::string& key) const {
    MDB_val k = val_of(key), v{};
    const int rc = ::mdb_get(txn_, database_, &k, &v);
    if (rc == MDB_NOTFOUND) return std::optional<kept_value>();
    if (rc != 0) return tl::unexpected(failure(rc));
    auto kept = unpacked(key, view_of(v));
    if (!kept) return fail("corrupt", of_->file + ": " + key + " is damaged");
    return kept;
}

result<std::vector<kept_value>> local_transaction::all() const {
    std::vector<kept_value> found;
    MDB_cursor* c = nullptr;
    int rc = ::mdb_cursor_open(txn_, database_, &c);
    if (rc != 0) return tl::unexpected(failure(rc));
    MDB_val k{}, v{};
    std::string damaged;
    for (rc = ::mdb_cursor_get(c, &k, &v, MDB_FIRST); rc == 0;
         rc = ::mdb_cursor_get(c, &k, &v, MDB_NEXT)) {
        auto kept = unpacked(view_of(k), view_of(v));
        if (!kept) {
            damaged = view_of(k);
            break;
        }
        found.push_back(*std::move(kept));
    }
    ::mdb_cursor_close(c);
    if (rc == 0) return fail("corrupt", of_->file + ": " + damaged + " is damaged");
    if (rc != MDB_NOTFOUND) return tl::unexpected(failure(rc));
    return found;
}

result<void> local_transaction::put(const std::string& key, std::string_view value) {
    const std::string bytes = packed({key, std::string(value), rev_});
    MDB_val k = val_of(key), v = val_of(bytes);
    const int rc = ::mdb_put(txn_, database_, &k, &v, 0);
    if (rc != 0) return tl::unexpected(failure(rc));
    return {};
}

result<void> local_transaction::clear() {
    const int rc = ::mdb_drop(txn_, database_, 0);
    if (rc != 0) return tl::unexpected(failure(rc));
    return {};
}

result<void> local_transaction::commit() {
    const int rc = ::mdb_txn_commit(std::exchange(txn_, nullptr));
    // The page that names the last commit may have been written, or not.
    if (rc == EIO) return fail("unknown", failure(rc).detail);
    if (rc != 0) return tl::unexpected(failure(rc));
    return {};
}

}  // namespace kv
