// result<T>: a value, or an error that the caller is expected to handle.
//
// An alias of tl::expected, used only through the names it shares with std::expected, so that it can
// become std's. Bugs are not results: they are thrown, and end the process that has them.
#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>

namespace beam {

/// Why something did not work. `code` is one of the closed list that the function's `Errors:` names;
/// `detail` is for people and may be empty. Both are copies: nothing points into a module.
struct error {
    std::string code;
    std::string detail;

    [[nodiscard]] bool is(std::string_view c) const { return code == c; }
    friend bool operator==(const error&, const error&) = default;
};

template <class T>
using result = tl::expected<T, error>;

/// The failing side of a result: `return fail("missing_id");`.
[[nodiscard]] inline tl::unexpected<error> fail(std::string code, std::string detail = {}) {
    return tl::unexpected<error>(error{std::move(code), std::move(detail)});
}

/// Passes an error of one result on as that of another: `if (!r) return pass(r);`.
template <class T>
[[nodiscard]] tl::unexpected<error> pass(const result<T>& r) {
    return tl::unexpected<error>(r.error());
}

}  // namespace beam
