// What a parent hands to the program that replaces it: texts, numbers and descriptors, through execve.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace beam {

/// Named values in one environment variable (parent_handover_variable). The descriptors among them stay open
/// across execve.
class handover {
public:
    /// What the program before this one has left, once; nothing if this one was started afresh.
    [[nodiscard]] static std::optional<handover> take();

    void add(const std::string& key, std::string value);
    /// Nothing for a negative one.
    void add_fd(const std::string& key, int fd);
    /// Puts all into the environment. `withdraw` takes it out again: the execve failed.
    void leave() const;
    static void withdraw();

    /// Empty, -1, -1 for what is not there.
    [[nodiscard]] std::string text(const std::string& key) const;
    [[nodiscard]] long long number(const std::string& key) const;
    /// Close-on-exec from now on.
    [[nodiscard]] int descriptor(const std::string& key) const;

    /// The keys that begin with `group` and a space, without these: to their values.
    [[nodiscard]] std::map<std::string, std::string> all_of(std::string_view group) const;

private:
    std::map<std::string, std::string> fields_;
};

}  // namespace beam
