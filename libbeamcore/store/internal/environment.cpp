#include "libbeamcore/store/internal/environment.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <system_error>

#include "libbeamcore/base/log.hpp"
#include "libbeamcore/store/internal/failure.hpp"
#include "libbeamcore/store/internal/make_engine.hpp"

namespace beam::store::detail {

// Opening and closing.

result<engine_type> environment::choose() const {
    const auto found = engine_in(path_);
    if (!found) return pass(found);
    // A store that was opened before is opened again as what it was.
    const auto wanted = type_ ? type_ : options_.engine;
    if (wanted && *found && **found != *wanted)
        return fail("engine_mismatch", path_ + ": is a store of " + to_string(**found) + ", and " +
                                           to_string(*wanted) + " was asked for");
    return found->value_or(wanted.value_or(engine_type::lmdb));
}

result<void> environment::open_claimed() {
    const auto type = choose();
    if (!type) return pass(type);
    if (options_.sync_interval && *type == engine_type::lmdb)
        return fail("no_sync_interval", path_ + ": a store of lmdb syncs every commit");
    if (!engine_) {
        auto made = make_engine(*type, path_, options_);
        if (!made) return pass(made);
        engine_ = *std::move(made);
        type_ = *type;
    }
    return engine_->open();
}

result<void> environment::open() {
    std::lock_guard lock(opening_);
    if (is_open_) return {};
    if (auto r = make_folder(path_); !r) return r;
    if (auto r = claim_.take(path_); !r) return r;
    if (auto r = open_claimed(); !r) {
        claim_.give_up();
        return r;
    }
    is_open_ = true;
    return {};
}

void environment::close() {
    std::lock_guard lock(opening_);
    if (!is_open_) return;
    engine_->close();
    is_open_ = false;
    claim_.give_up();
}

// Writing.

std::optional<error> environment::commit(std::vector<pending_write>& writes) {
    auto failure = engine_->commit(writes);
    if (!failure) {
        commits_.fetch_add(1, std::memory_order_relaxed);
        requests_.fetch_add(writes.size(), std::memory_order_relaxed);
        largest_.store(std::max<std::uint64_t>(largest_.load(), writes.size()));
        return {};
    }
    failed_.fetch_add(1, std::memory_order_relaxed);
    const error& why = failure->why;
    log(log_level::error, "store", "commit failed",
        {{"folder", path_}, {"code", why.code}, {"detail", why.detail}});
    // What a fatal failure left on disk shows when it is opened again. Until then nobody can say.
    const auto answer = failure->is_fatal
                            ? write_answer{"unavailable", why.code + ": " + why.detail, false}
                            : write_answer{why.code, why.detail, false};
    for (auto& w : writes)
        if (!w.is_refused()) w.answer = answer;
    if (!failure->is_fatal) return {};
    return why;
}

std::optional<error> environment::sync() {
    auto failure = engine_->sync();
    if (!failure) {
        late_syncs_.fetch_add(1, std::memory_order_relaxed);
        return {};
    }
    log(log_level::error, "store", "sync failed",
        {{"folder", path_}, {"code", failure->code}, {"detail", failure->detail}});
    return failure;
}

// Reading.

result<statistics> environment::info() {
    statistics s;
    s.engine = to_string(*type_);
    s.commits = commits_;
    s.requests = requests_;
    s.largest_commit = largest_;
    s.failed_commits = failed_;
    s.late_syncs = late_syncs_;
    engine_->describe(s);
    return s;
}

// It has its name when it is whole: what a copy that was cut off left has another.
result<void> environment::backup(const std::string& folder) {
    const std::string partial = folder + ".partial";
    if (::access(folder.c_str(), F_OK) == 0) return failed(EEXIST, folder);
    std::error_code failure;
    std::filesystem::remove_all(partial, failure);
    if (failure) return failed(failure.value(), partial);
    if (auto r = make_folder(partial); !r) return r;
    if (auto r = engine_->copy_to(partial); !r) {
        std::filesystem::remove_all(partial, failure);
        return r;
    }
    if (auto r = sync_path(partial); !r) return r;
    if (::rename(partial.c_str(), folder.c_str()) != 0) return failed(errno, folder);
    return sync_path(parent_of(folder));
}

}  // namespace beam::store::detail
