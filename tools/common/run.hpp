// A tool's main in one call.
#pragma once

#include <functional>
#include <optional>
#include <type_traits>

#include "tools/common/client.hpp"
#include "tools/common/exit_code.hpp"
#include "tools/common/options.hpp"

namespace beam::tool {

/// Parses the command line and resolves the common options. An exit code if there is nothing left to
/// do: help, version, `config`, `completion`, or a mistake that was said on stderr.
[[nodiscard]] std::optional<int> parse(CLI::App& app, int argc, char** argv,
                                       const common_options& common);

/// Calls `body`, once or, with --watch, again and again, and turns every outcome into an exit code and
/// at most one line on stderr.
[[nodiscard]] int guarded(const common_options& common,
                          const std::function<exit_code(client&)>& body);

/// parse() and guarded(). `body` returns an exit code, an int that is one, or nothing for 0.
template <class Body>
[[nodiscard]] int run(CLI::App& app, int argc, char** argv, const common_options& common,
                      Body body) {
    if (const auto code = parse(app, argc, argv, common)) return *code;
    return guarded(common, [&](client& node) -> exit_code {
        using returned = std::invoke_result_t<Body, client&>;
        if constexpr (std::is_void_v<returned>) {
            body(node);
            return exit_code::done;
        } else {
            return static_cast<exit_code>(body(node));
        }
    });
}

}  // namespace beam::tool
