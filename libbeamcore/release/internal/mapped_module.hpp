// A module that is mapped into this OS process, shared by all nodes of it.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>

#include "libbeamcore/base/result.hpp"
#include "libbeamcore/release/application_module.hpp"
#include "libbeamcore/runtime/detail/code_use.hpp"

namespace beam::detail {

class mapped_module {
public:
    /// Maps the file, or gives what is mapped already. Error: `cannot_load`.
    [[nodiscard]] static result<std::shared_ptr<mapped_module>> open(
        const std::filesystem::path& file, std::string_view name, std::string_view version);

    /// Unmaps it, unless somebody still refers to it: then it stays.
    ~mapped_module();
    mapped_module(const mapped_module&) = delete;
    mapped_module& operator=(const mapped_module&) = delete;

    /// Asks the module what it brings. Runs its code.
    [[nodiscard]] module_code describe() const;

    [[nodiscard]] const std::filesystem::path& path() const { return path_; }
    [[nodiscard]] module_record* record() const { return record_; }
    [[nodiscard]] code_range range() const { return range_; }

    // Each node that loads it has a definition of it, whose callbacks count as users of the module.
    void add_definition(std::int64_t callbacks);
    void remove_definition(std::int64_t callbacks);
    /// Users that are no definition's: processes and stored callbacks. Nothing while another node has
    /// the module too: whose they are cannot be told, and it stays mapped in any case.
    [[nodiscard]] std::int64_t own_users() const;

private:
    mapped_module() = default;

    std::filesystem::path path_;
    void* handle_ = nullptr;
    void (*entry_)(module_code*) = nullptr;
    module_record* record_ = nullptr;
    code_range range_;
    mutable std::mutex mutex_;
    std::int64_t definitions_ = 0;
    std::int64_t definition_callbacks_ = 0;
};

/// Whether the file is mapped by mapped_module now.
[[nodiscard]] bool is_mapped(const std::filesystem::path& file);

}  // namespace beam::detail
