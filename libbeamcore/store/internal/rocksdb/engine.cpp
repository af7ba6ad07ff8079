#include "libbeamcore/store/internal/rocksdb/engine.hpp"

#include <rocksdb/utilities/checkpoint.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>

#include "libbeamcore/base/boot_id.hpp"
#include "libbeamcore/base/log.hpp"
#include "libbeamcore/base/random.hpp"
#include "libbeamcore/store/internal/failure.hpp"
#include "libbeamcore/store/internal/folder.hpp"
#include "libbeamcore/store/internal/rocksdb/closed_list.hpp"
#include "libbeamcore/store/internal/rocksdb/log_check.hpp"
#include "libbeamcore/store/internal/rocksdb/settings.hpp"

namespace beam::store::detail {

namespace {

// So that none is called as RocksDB's own is, `default`.
constexpr std::string_view family_prefix = "db.";

/// One that the kernel does not tell is of no start: then each life takes the one before for another's.
std::string boot_of_machine() {
    std::string boot = boot_id();
    return boot.empty() ? no_boot : boot;
}

std::uint64_t bytes_in(const std::string& folder) {
    std::uint64_t sum = 0;
    std::error_code failure;
    for (std::filesystem::directory_iterator it(folder, failure), end; !failure && it != end;
         it.increment(failure)) {
        std::error_code gone;
        const auto size = it->file_size(gone);
        if (!gone) sum += size;
    }
    return sum;
}

}  // namespace

rocksdb_engine::rocksdb_engine(std::string folder, const open_options& options)
    : folder_(std::move(folder)),
      options_(options),
      listener_(std::make_shared<failure_listener>(folder_)),
      logger_(std::make_shared<log_forwarder>(folder_)) {}

rocksdb_engine::~rocksdb_engine() {
    close();
}

void rocksdb_engine::on_failure(std::function<void(error)> tell) {
    listener_->tell(std::move(tell));
}

error rocksdb_engine::failure(const rocksdb::Status& s) const {
    return rocksdb_failure(s, folder_);
}

// Opening and closing.

result<void> rocksdb_engine::open() {
    std::unique_lock lock(state_);
    if (db_) return {};
    // Where a store was made, RocksDB must not make another because it misses a file.
    const bool is_new = !is_marked_as_rocksdb(folder_);
    const unsynced_mark mark = find_unsynced_mark(folder_);
    if (auto r = check_files(mark); !r) return r;
    if (const auto s = open_files(is_new); !s.ok()) {
        close_files();
        error why = failure(s);
        // Of a log RocksDB says here what is wrong, and in its warning in which.
        if (s.ToString().find(folder_) == std::string::npos)
            why.detail += "; " + logger_->last_of_file();
        return tl::unexpected<error>(std::move(why));
    }
    if (auto r = renew_mark(mark); !r) {
        close_files();
        return r;
    }
    if (!is_new) return {};
    if (auto r = mark_as_rocksdb(folder_); !r) {
        close_files();
        return r;
    }
    return sync_path(parent_of(folder_));
}

result<void> rocksdb_engine::check_files(const unsynced_mark& mark) const {
    if (auto r = check_closed_list(folder_); !r) return r;
    return check_logs(folder_, {.may_have_holes = mark.may_have_holes()});
}

// Whatever lay in logs is in tables by now, which are synced.
result<void> rocksdb_engine::renew_mark(const unsynced_mark& found) {
    mark_ = {options_.sync_interval ? boot_of_machine() : std::string(),
             found.may_have_holes() ? secure_random_hex(16) : found.loss};
    if (!mark_.is_needed() && !found.is_needed()) return {};
    return set_unsynced_mark(folder_, mark_);
}

// What the kernel has of writes that it could not sync is anybody's guess.
void rocksdb_engine::note_failure() {
    if (mark_.boot.empty()) return;
    mark_.boot = no_boot;
    (void)set_unsynced_mark(folder_, mark_);
}

rocksdb::Status rocksdb_engine::open_files(bool is_new) {
    auto settings = database_settings(listener_, logger_);
    settings.create_if_missing = is_new;
    std::vector<std::string> names{rocksdb::kDefaultColumnFamilyName};
    if (!is_new || ::access((folder_ + "/CURRENT").c_str(), F_OK) == 0) {
        const auto s = rocksdb::DB::ListColumnFamilies(settings, folder_, &names);
        if (!s.ok()) return s;
    }
    family_settings_ = family_settings();
    std::vector<rocksdb::ColumnFamilyDescriptor> families;
    families.reserve(names.size());
    for (const auto& name : names) families.emplace_back(name, family_settings_);
    std::vector<family*> handles;
    rocksdb::DB* db = nullptr;
    const auto s = rocksdb::DB::Open(settings, folder_, families, &handles, &db);
    if (!s.ok()) return s;
    db_.reset(db);
    for (family* f : handles) add_family(f);
    return s;
}

void rocksdb_engine::add_family(family* f) {
    families_.push_back(f);
    const std::string& name = f->GetName();
    if (name.compare(0, family_prefix.size(), family_prefix) == 0)
        databases_[name.substr(family_prefix.size())] = f;
}

// What is written out needs no log: a closed store is up at once, and lists what it consists of.
void rocksdb_engine::close() {
    std::unique_lock closing(closing_);
    std::unique_lock lock(state_);
    if (!db_) return;
    const auto flushed = db_->Flush(rocksdb::FlushOptions(), families_);
    close_files();
    if (!flushed.ok()) return;
    has_unsynced_ = false;
    if (mark_.boot == no_boot) return;
    if (std::exchange(mark_.boot, {}).empty() || set_unsynced_mark(folder_, mark_))
        write_closed_list(folder_);
}

void rocksdb_engine::close_files() {
    if (!db_) return;
    databases_.clear();
    for (family* f : std::exchange(families_, {})) (void)db_->DestroyColumnFamilyHandle(f);
    (void)db_->Close();
    db_.reset();
}

rocksdb_engine::family* rocksdb_engine::find(std::string_view db) const {
    const auto it = databases_.find(db);
    return it == databases_.end() ? nullptr : it->second;
}

rocksdb::Status rocksdb_engine::make_database(const std::string& name) {
    family* made = nullptr;
    const auto s =
        db_->CreateColumnFamily(family_settings_, std::string(family_prefix) + name, &made);
    if (!s.ok()) return s;
    std::unique_lock lock(state_);
    add_family(made);
    return s;
}

// Looking at the whole.

result<std::vector<std::string>> rocksdb_engine::databases() {
    std::shared_lock lock(state_);
    if (!db_) return fail("closed", folder_);
    std::vector<std::string> names;
    for (const auto& [name, f] : databases_) names.push_back(name);
    return names;
}

void rocksdb_engine::describe(statistics& s) {
    s.file = folder_;
    s.file_bytes = bytes_in(folder_);
    std::shared_lock lock(state_);
    s.is_open = db_ != nullptr;
    s.loss = mark_.loss;
    if (!db_) return;
    for (const auto& [name, f] : databases_) {
        std::uint64_t keys = 0;
        if (db_->GetIntProperty(f, rocksdb::DB::Properties::kEstimateNumKeys, &keys))
            s.keys += keys;
    }
}

// A checkpoint makes its folder itself. Tables are linked, where the disk is the same.
result<void> rocksdb_engine::copy_to(const std::string& folder) {
    std::shared_lock closing(closing_);
    rocksdb::DB* db = nullptr;
    {
        std::shared_lock lock(state_);
        db = db_.get();
    }
    if (!db) return fail("closed", folder_);
    if (::rmdir(folder.c_str()) != 0) return failed(errno, folder);
    // The log is copied while it is written to: what was last written may be there by half.
    constexpr int tries = 5;
    for (int n = 1;; ++n) {
        rocksdb::Checkpoint* made = nullptr;
        auto s = rocksdb::Checkpoint::Create(db, &made);
        const std::unique_ptr<rocksdb::Checkpoint> checkpoint(made);
        if (s.ok()) s = checkpoint->CreateCheckpoint(folder);
        if (!s.ok()) return tl::unexpected<error>(rocksdb_failure(s, folder));
        auto logs = check_logs(folder, {.cut_room = true});
        if (logs) break;
        if (n == tries || !logs.error().is("corrupt")) return logs;
        std::error_code failure;
        std::filesystem::remove_all(folder, failure);
        if (failure) return failed(failure.value(), folder);
    }
    if (::chmod(folder.c_str(), 0700) != 0) return failed(errno, folder);
    return mark_as_rocksdb(folder);
}

}  // namespace beam::store::detail
