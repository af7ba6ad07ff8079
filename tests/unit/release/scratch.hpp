// Folders for tests of modules.
#pragma once

#include <stdlib.h>

#include <filesystem>
#include <string>

namespace test {

/// Where the test applications were built.
inline std::filesystem::path modules() {
    return BEAM_TEST_MODULES;
}

/// A folder that goes with the test.
class scratch {
public:
    scratch() {
        std::string name =
            (std::filesystem::temp_directory_path() / "beam-release-XXXXXX").string();
        path_ = ::mkdtemp(name.data());
    }
    ~scratch() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    scratch(const scratch&) = delete;
    scratch& operator=(const scratch&) = delete;
    [[nodiscard]] const std::filesystem::path& path() const { return path_; }

private:
    std::filesystem::path path_;
};

}  // namespace test
