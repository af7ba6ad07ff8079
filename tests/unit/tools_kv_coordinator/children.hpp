// Children of a test: this program again, running one of its test cases that are skipped else.
#pragma once

#include <doctest/doctest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <map>
#include <optional>
#include <string>
#include <utility>

namespace test {

/// What a child was told by its parent.
inline std::string told(const char* name) {
    const char* value = std::getenv(name);
    REQUIRE(value);
    return value;
}

/// A child says a line.
inline void say(const std::string& line) {
    const std::string whole = "> " + line + "\n";
    if (::write(1, whole.data(), whole.size()) < 0) ::_exit(1);
}

/// Killed with this object.
class child {
public:
    child(const std::string& test_case, const std::map<std::string, std::string>& tell) {
        int fds[2];
        REQUIRE(::pipe2(fds, O_CLOEXEC) == 0);
        const std::string only = "--test-case=" + test_case;
        pid_ = ::fork();
        REQUIRE(pid_ >= 0);
        if (pid_ == 0) {
            ::dup2(fds[1], 1);
            for (const auto& [name, value] : tell) ::setenv(name.c_str(), value.c_str(), 1);
            ::execl("/proc/self/exe", "unit_tools_kv_coordinator", "--no-skip", only.c_str(),
                    nullptr);
            ::_exit(127);
        }
        ::close(fds[1]);
        out_ = ::fdopen(fds[0], "r");
    }
    child(child&& other) noexcept
        : pid_(std::exchange(other.pid_, -1)), out_(std::exchange(other.out_, nullptr)) {}
    child& operator=(child&&) = delete;
    ~child() {
        if (pid_ > 0) kill();
        if (out_) std::fclose(out_);
    }

    /// The next line that it says; nothing when it has ended.
    std::optional<std::string> hear() {
        char line[512];
        while (std::fgets(line, sizeof line, out_)) {
            std::string text(line);
            if (text.substr(0, 2) != "> ") continue;
            text.pop_back();
            return text.substr(2);
        }
        return std::nullopt;
    }
    void kill() {
        ::kill(pid_, SIGKILL);
        end();
    }
    /// Waits for its end.
    int end() {
        int status = 0;
        ::waitpid(std::exchange(pid_, -1), &status, 0);
        return status;
    }
    [[nodiscard]] pid_t pid() const { return pid_; }

private:
    pid_t pid_ = -1;
    FILE* out_ = nullptr;
};

}  // namespace test
