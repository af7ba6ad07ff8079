// outcome<T>: a value, or the reason term that OTP would have given in `{error, Reason}`.
#pragma once

#include <tl/expected.hpp>
#include <utility>

#include "libbeamcore/term/term.hpp"

namespace beam {

/// Used through std::expected's names only, as result<T> is.
template <class T>
using outcome = tl::expected<T, term>;

/// The failing side: `return fail_term(atoms::noproc);`.
[[nodiscard]] inline tl::unexpected<term> fail_term(term reason) {
    return tl::unexpected<term>(std::move(reason));
}

/// Passes the reason of one outcome on as that of another: `if (!r) return pass_term(r);`.
template <class T>
[[nodiscard]] tl::unexpected<term> pass_term(const outcome<T>& r) {
    return tl::unexpected<term>(r.error());
}

}  // namespace beam
