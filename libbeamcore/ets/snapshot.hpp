// Snapshots: a table as it was at one moment, read while others write. Beyond OTP.
//
// Taking one costs a few nanoseconds for each hundred rows, or less. While it lives a writer copies each group of rows
// (a few hundred) before its first change there, and the copies take memory, counted in the table's info. So drop it
// when it has been read.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "libbeamcore/base/export.hpp"
#include "libbeamcore/ets/rows.hpp"
#include "libbeamcore/ets/select.hpp"
#include "libbeamcore/ets/table.hpp"
#include "libbeamcore/term/match.hpp"

namespace beam::ets {

namespace detail {
class snapshot_state;
}

/// Immutable; may be copied, kept and read by any thread, also when the table is gone. Not a process's: it goes when its
/// last copy does.
class BEAM_EXPORT snapshot {
public:
    /// Of a table that the caller may read; else badarg.
    explicit snapshot(const table& t);

    [[nodiscard]] std::size_t size() const;
    [[nodiscard]] rows lookup(const term& key) const;
    [[nodiscard]] bool member(const term& key) const;
    [[nodiscard]] std::optional<term> first() const;
    [[nodiscard]] std::optional<term> next(const term& key) const;
    [[nodiscard]] std::vector<term> select(const match_spec& spec) const;
    [[nodiscard]] std::size_t select_count(const match_spec& spec) const;
    [[nodiscard]] std::vector<term> to_vector() const;

    /// `f(const term& row)` for each, an ordered_set's in order.
    template <class F>
    void each(F f) const {
        each_row([](void* context, const term& row) { (*static_cast<F*>(context))(row); }, &f);
    }

private:
    void each_row(detail::fold_function f, void* context) const;
    std::shared_ptr<detail::snapshot_state> state_;
};

}  // namespace beam::ets
