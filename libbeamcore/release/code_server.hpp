// code_server: the application modules of one node, at most two versions of each (OTP's code server).
//
// New processes and calls go to the current version; processes that run an older one stay in it. A third
// version is refused until the old one is purged. A module is mapped once an OS process, however many
// nodes of that process have it.
#pragma once

#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "libbeamcore/base/export.hpp"
#include "libbeamcore/base/result.hpp"
#include "libbeamcore/otp/fwd.hpp"
#include "libbeamcore/release/application_module.hpp"
#include "libbeamcore/release/module_file.hpp"
#include "libbeamcore/runtime/fwd.hpp"
#include "libbeamcore/runtime/process.hpp"

namespace beam {

namespace detail {
class mapped_module;
}

/// One loaded version of an application. Whoever keeps it keeps the module mapped.
class BEAM_EXPORT loaded_module {
public:
    loaded_module(std::shared_ptr<detail::mapped_module> code, application_definition definition);
    ~loaded_module();
    loaded_module(const loaded_module&) = delete;
    loaded_module& operator=(const loaded_module&) = delete;

    [[nodiscard]] const std::string& name() const { return definition_.name; }
    [[nodiscard]] const std::string& version() const { return definition_.version; }
    [[nodiscard]] const std::filesystem::path& path() const;
    [[nodiscard]] const application_definition& definition() const { return definition_; }
    /// Its method of that full name; null if it has none.
    [[nodiscard]] const method_spec* find_method(std::string_view full_name) const;
    [[nodiscard]] detail::module_record* record() const;

private:
    friend class code_server;
    std::shared_ptr<detail::mapped_module> code_;  // destroyed last: the definition is its code
    application_definition definition_;
};

/// What a purge found, and did.
struct purge_result {
    bool purged = false;    ///< nothing is left of the old version in this node (or there was none)
    bool killed = false;    ///< a process had to be killed
    bool unmapped = false;  ///< the module is gone from memory: no other node has it
    std::vector<std::string> holders;  ///< who still uses it: `room <0.215.0>`, `timer of <0.9.0>`
};

class BEAM_EXPORT code_server {
public:
    /// The node's.
    [[nodiscard]] static code_server& of(runtime& node);
    /// The calling process's.
    [[nodiscard]] static code_server& current();

    explicit code_server(runtime& node);
    ~code_server();

    /// Where load() looks. Default: module_folders().
    void set_folders(std::vector<std::filesystem::path> folders);
    /// Where its copies lie: what is loaded is copied there first, to NAME-VERSION/NAME.so, and the copy is
    /// mapped. Made with mode 0700 when it is needed. Default: none, and modules are mapped where they lie.
    void set_own_folder(std::filesystem::path folder);

    /// Maps that version (empty: the newest that lies in the folders) and makes it current; what was
    /// current becomes old. The current version itself: given again. Blocks on the disk; any thread.
    ///
    /// Errors: `not_found`; `bad_module`; `foreign_abi`; `not_permitted` (others may write the file or a
    /// folder above it); `not_purged` (there is an old version already); `cannot_copy`; `in_use` (the file
    /// has changed, and this OS process still has the former one); `cannot_load` (the dynamic linker's words).
    [[nodiscard]] result<std::shared_ptr<const loaded_module>> load(std::string_view name,
                                                                    std::string_view version = {});

    [[nodiscard]] std::shared_ptr<const loaded_module> find(std::string_view name) const;
    [[nodiscard]] std::shared_ptr<const loaded_module> find_old(std::string_view name) const;
    [[nodiscard]] std::vector<std::shared_ptr<const loaded_module>> loaded() const;
    /// The application that answers `prefix.*` (see beam::method_owner): as far as it is known from
    /// look_up_method_owner(), else `prefix`.
    [[nodiscard]] std::string method_owner(std::string_view prefix) const;
    /// The same from the folders. Blocks on the disk; any thread.
    [[nodiscard]] std::string look_up_method_owner(std::string_view prefix);
    /// The file of the current version, or, if none is loaded, of the one that load() would take.
    [[nodiscard]] std::optional<std::filesystem::path> which(std::string_view name) const;

    /// Makes the current version the old one, so that nothing new begins in it (code:delete/1). False: there
    /// is none, or there is an old one.
    bool remove(std::string_view name);

    /// Removes the old version if nothing uses it; else says who does, and nothing has changed
    /// (code:soft_purge/1). Messages and timers of its types go on as terms.
    [[nodiscard]] awaitable<purge_result> soft_purge(std::string name);

    /// Removes the old version, and kills the processes that use it (code:purge/1). Where something
    /// else does (a stored callback), it is removed from the node but stays mapped.
    [[nodiscard]] awaitable<purge_result> purge(std::string name);

private:
    struct versions {
        std::string name;
        std::shared_ptr<loaded_module> current, old;
    };
    versions* find_versions(std::string_view name);
    const versions* find_versions(std::string_view name) const;
    awaitable<purge_result> purge_old(std::string name, bool force);

    runtime& node_;
    module_table& classes_;  // the node's; of(node_) cannot be asked for while the node ends
    mutable std::mutex mutex_;
    std::mutex load_mutex_;  // one load at a time: it waits for the disk
    std::vector<std::filesystem::path> folders_;
    std::filesystem::path own_folder_;
    std::vector<std::unique_ptr<versions>> applications_;
    std::vector<std::pair<std::string, std::string>> aliases_;  // prefixes and who answers them
};

/// From now on a call into a module that was unmapped ends the program with a line on stderr that names it.
BEAM_EXPORT void name_calls_into_purged_code();

}  // namespace beam
