// local_environment: what LMDB has of cluster.mdb. See local_file.hpp.
#pragma once

#include <lmdb.h>

#include <string>

#include "libbeamcore/base/result.hpp"

namespace kv {

/// LMDB's and the system's error numbers as errors that name the file.
[[nodiscard]] beam::error lmdb_error(int number, const std::string& file);

/// The file, once in this OS process.
class local_environment {
public:
    explicit local_environment(std::string path) : file(std::move(path)) {}
    local_environment(const local_environment&) = delete;
    local_environment& operator=(const local_environment&) = delete;
    ~local_environment();

    /// Errors: `corrupt`, the system's.
    [[nodiscard]] beam::result<void> open();
    /// Readers of an OS process that was killed would keep old pages for ever.
    [[nodiscard]] int check_readers() const;
    [[nodiscard]] int descriptor() const;

    const std::string file;
    MDB_env* env = nullptr;
    MDB_dbi database = 0;

private:
    [[nodiscard]] int open_database();
    [[nodiscard]] beam::result<void> check_length() const;
};

}  // namespace kv
