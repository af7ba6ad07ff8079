// The report that CI servers read: JUnit's XML, a test case for each fault.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace faultlab {

/// Gathers a run's events and writes them at its end.
class junit_report {
public:
    /// An empty path: nothing is written. Throws a failure with exit 73 if the file cannot be made.
    explicit junit_report(std::string path);
    ~junit_report();
    junit_report(const junit_report&) = delete;
    junit_report& operator=(const junit_report&) = delete;

    void add(const nlohmann::json& event);
    /// The document. `why`: what cut the run short, or empty.
    [[nodiscard]] std::string text(const std::string& why) const;
    /// Throws a failure with exit 74 if it cannot be written.
    void write(const std::string& why = {});

private:
    struct test_case {
        std::string name;
        double seconds = 0;
        bool skipped = false;
        std::vector<std::string> failures;
    };
    std::string path_;
    int fd_ = -1;
    std::string suite_ = "faultlab";
    std::vector<test_case> cases_;
};

}  // namespace faultlab
