// How something went wrong, for a person (one line on stderr) and for a script (JSON, an exit code).
#pragma once

#include <exception>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "tools/common/exit_code.hpp"

namespace beam::tool {

/// Thrown by what talks to a node; run() catches it, prints it and exits with its code.
class failure : public std::exception {
public:
    /// `kind` is the stable name for scripts; without one it follows from the code. An empty `what`
    /// becomes the command as it was typed.
    failure(exit_code code, std::string reason, std::string try_next = {},
            std::string kind_name = {});

    exit_code exit;
    std::string kind;
    std::string what_failed;       ///< `get key2`
    std::string why;               ///< `no such key`
    std::string next;              ///< `cache put key2 VALUE`, or empty
    bool applied_unknown = false;  ///< the request was sent: it may have been done

    [[nodiscard]] const char* what() const noexcept override { return why.c_str(); }
};

/// Ctrl-C: the command ends with 130 and says nothing.
struct interrupted {};

/// The stable name of a code that has no better one.
[[nodiscard]] std::string_view kind_of(exit_code code);

/// `TOOL: WHAT failed: WHY; try: NEXT`, one line without its newline, whatever is in the parts.
[[nodiscard]] std::string error_line(std::string_view tool, const failure& error);

/// `{"error":{"kind":...,"what":...,"why":...,"try":...,"exit":...}}`
[[nodiscard]] nlohmann::json error_json(const failure& error);

/// Reads the `error` member of an answer: `data` is an error object as above, or missing, as from a
/// node that failed in a way nobody thought of; then `code` and `message` must do.
[[nodiscard]] failure failure_of_answer(const nlohmann::json& error);

}  // namespace beam::tool
