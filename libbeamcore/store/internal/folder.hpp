// A store's folder: made, claimed by one store at a time, and asked which engine made it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "libbeamcore/base/export.hpp"
#include "libbeamcore/base/result.hpp"
#include "libbeamcore/store/store.hpp"

namespace beam::store::detail {

/// That nobody else in this OS process has the folder open, for as long as it lives.
class folder_claim {
public:
    folder_claim() = default;
    ~folder_claim() { give_up(); }
    folder_claim(const folder_claim&) = delete;
    folder_claim& operator=(const folder_claim&) = delete;

    /// Errors: `already_open`, and those of the system.
    [[nodiscard]] result<void> take(const std::string& folder);
    void give_up();

private:
    std::optional<std::pair<std::uint64_t, std::uint64_t>> held_;  // device and inode
};

/// Makes it, for its owner alone, unless it is there. Its parent must be.
[[nodiscard]] result<void> make_folder(const std::string& folder);
/// The engine whose files lie there; nothing if there are none.
///
/// Errors: `corrupt` (files of both).
[[nodiscard]] result<std::optional<engine_type>> engine_in(const std::string& folder);

/// Marks a folder as RocksDB's. A file with nothing in it: it cannot be half written, or damaged.
[[nodiscard]] BEAM_EXPORT result<void> mark_as_rocksdb(const std::string& folder);
[[nodiscard]] BEAM_EXPORT bool is_marked_as_rocksdb(const std::string& folder);

/// A file or folder is safe on disk when the folder that names it is.
[[nodiscard]] BEAM_EXPORT result<void> sync_path(const std::string& path);
[[nodiscard]] BEAM_EXPORT std::string parent_of(const std::string& path);

}  // namespace beam::store::detail
