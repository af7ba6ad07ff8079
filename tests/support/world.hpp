// What tests of several layers need of the real world: a node, and folders for files.
#pragma once

#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <utility>

#include "libbeamcore/runtime/runtime.hpp"
#include "libbeamcore/term/syntax.hpp"

namespace test {

/// Runs `code(self, args...)` in a node of its own; what it exits with fails the test.
template <class F, class... Args>
void in_node(F code, Args... args) {
    beam::runtime_options o;
    o.schedulers = 2;
    beam::runtime node(o);
    auto r = node.execute(code, std::move(args)...);
    CHECK_MESSAGE(r.has_value(), beam::to_string(r ? beam::term() : r.error()));
}

/// A folder of its own, gone with the test.
class folder {
public:
    folder() {
        std::string name = (std::filesystem::temp_directory_path() / "beam-XXXXXX").string();
        path_ = ::mkdtemp(name.data());
    }
    ~folder() { std::filesystem::remove_all(path_); }
    std::string operator/(const std::string& name) const { return path_ + "/" + name; }
    const std::string& path() const { return path_; }

private:
    std::string path_;
};

}  // namespace test
