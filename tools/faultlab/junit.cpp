#include "tools/faultlab/junit.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <nlohmann/json.hpp>

#include "tools/common/failure.hpp"
#include "tools/common/output.hpp"
#include "tools/common/shown_text.hpp"
#include "tools/faultlab/lines.hpp"

namespace faultlab {

using nlohmann::json;

namespace {

// For an attribute in double quotes, and for text. shown_text leaves no control character, which XML cannot
// have at all.
std::string escaped(const std::string& text) {
    std::string out;
    for (const char c : beam::tool::shown_text(text)) {
        if (c == '&')
            out += "&amp;";
        else if (c == '<')
            out += "&lt;";
        else if (c == '>')
            out += "&gt;";
        else if (c == '"')
            out += "&quot;";
        else
            out += c;
    }
    return out;
}

std::string seconds_text(double seconds) {
    char text[32];
    std::snprintf(text, sizeof text, "%.6f", seconds);
    return text;
}

double seconds_of(const json& event, const char* key) {
    const auto it = event.find(key);
    return it != event.end() && it->is_number() ? it->get<double>() / 1e6 : 0;
}

}  // namespace

junit_report::junit_report(std::string path) : path_(std::move(path)) {
    if (path_.empty()) return;
    // Before the first fault: what cannot be written at the end is known at the start.
    fd_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
    if (fd_ >= 0) return;
    beam::tool::failure error(beam::tool::exit_code::cannot_create, std::strerror(errno));
    error.what_failed = "--junit " + path_;
    throw error;
}

junit_report::~junit_report() {
    if (fd_ >= 0) ::close(fd_);
}

void junit_report::add(const json& event) {
    const std::string kind = event.value("event", "");
    if (kind == "started") {
        suite_ = "faultlab." + event.value("strategy", "");
    } else if (kind == "fault") {
        test_case c;
        c.name = std::to_string(event.value("n", 0)) + ": " + event.value("fault", "") + " " +
                 event.value("worker", "");
        c.seconds = seconds_of(event, "recovery_us") + seconds_of(event, "answered_after_us");
        c.skipped = event.value("skipped", false);
        for (const json& why : event.at("broken")) c.failures.push_back(why.get<std::string>());
        cases_.push_back(std::move(c));
    } else if (kind == "unexpected") {
        test_case c;
        c.name = "no end without a fault";
        c.failures = unexpected_lines(event, true);
        cases_.push_back(std::move(c));
    }
}

std::string junit_report::text(const std::string& why) const {
    std::size_t failures = 0, skipped = 0;
    double seconds = 0;
    std::string body;
    for (const test_case& c : cases_) {
        seconds += c.seconds;
        body += "    <testcase classname=\"" + escaped(suite_) + "\" name=\"" + escaped(c.name) +
                "\" time=\"" + seconds_text(c.seconds) + "\"";
        if (c.skipped) {
            ++skipped;
            body += "><skipped/></testcase>\n";
        } else if (c.failures.empty()) {
            body += "/>\n";
        } else {
            ++failures;
            body += ">\n      <failure message=\"" + escaped(c.failures.front()) + "\">";
            for (const std::string& line : c.failures) body += escaped(line) + "\n";
            body += "</failure>\n    </testcase>\n";
        }
    }
    if (!why.empty())
        body += "    <testcase classname=\"" + escaped(suite_) +
                "\" name=\"the run ends\" time=\"0\">\n      <error message=\"" + escaped(why) +
                "\"/>\n    </testcase>\n";
    const std::string counts = " tests=\"" + std::to_string(cases_.size() + (why.empty() ? 0 : 1)) +
                               "\" failures=\"" + std::to_string(failures) + "\" errors=\"" +
                               (why.empty() ? "0" : "1") + "\" time=\"" + seconds_text(seconds) +
                               "\"";
    return "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites" + counts +
           ">\n  <testsuite name=\"" + escaped(suite_) + "\"" + counts + " skipped=\"" +
           std::to_string(skipped) + "\">\n" + body + "  </testsuite>\n</testsuites>\n";
}

void junit_report::write(const std::string& why) {
    if (fd_ < 0) return;
    // A pipe or a terminal cannot be cut; a file may have been longer.
    (void)!::ftruncate(fd_, 0);
    beam::tool::output file(fd_);
    file.write(text(why));
    file.flush();
}

}  // namespace faultlab
