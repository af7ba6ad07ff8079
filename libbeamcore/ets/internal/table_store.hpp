// What holds a table's rows: hash_store (set, bag, duplicate_bag) or the ordered one. Behind it everything is the same.
//
// All functions may be called by any number of threads at once, and are atomic for one key. The caller is in a
// detail::read_section for the whole call and while it uses row pointers it was shown. What is unlinked is retired
// (runtime/detail/reclaim.hpp). Who may call was judged before. Keys of an ordered store are compared by compare() (1 and
// 1.0 are one), else exactly.
//
// "In the order of the store": by compare() of keys; in a hash store by their hash, then compare_exact().
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "libbeamcore/ets/rows.hpp"
#include "libbeamcore/runtime/detail/reclaim.hpp"
#include "libbeamcore/term/term.hpp"

namespace beam::detail::ets {

using beam::ets::rows;

/// Where a scan begins: everything, after a key, from the keys that `where` says are not before a range.
struct scan_from {
    const term* after =
        nullptr;  ///< keys behind this one in the scan's direction (which need not be there)
    /// For ordered stores: keys for which this is 0, less than 0: the key lies before the range; more: behind it. It is
    /// monotone in the order of keys. Null: all keys. A scan stops at the end of the range.
    int (*where)(const void* context, const term& key) = nullptr;
    const void* context = nullptr;
    bool reverse = false;  ///< from the last key to the first; only asked of ordered stores
};

/// What is told a row, shown in place: copy it to keep it. False: stop.
struct row_visitor {
    bool (*visit)(void* context, const term& row) = nullptr;
    void* context = nullptr;
    bool operator()(const term& row) const { return visit(context, row); }
};

/// Rows that can be read: a table's, or a snapshot's.
class row_source {
public:
    virtual ~row_source() = default;

    /// Appends the rows with that key, in the order they came.
    virtual void find(const term& key, rows& found) const = 0;
    [[nodiscard]] virtual bool contains(const term& key) const = 0;

    /// Appends at least `wanted` rows in the order of the store, fewer only at the end; all rows of one key together. True
    /// if there may be more, behind the key of the last one given. A row that is there during all calls of a traversal
    /// is given exactly once.
    virtual bool scan(const scan_from& from, std::size_t wanted,
                      std::vector<term>& found) const = 0;

    /// Shows all rows once, in the order of the store where it is ordered. The visitor writes to no table.
    virtual void each(const row_visitor& visit) const = 0;

    [[nodiscard]] virtual std::size_t size() const = 0;  ///< rows
};

enum class write_result : std::uint8_t { done, present, absent };

/// A row by an update function: `f(context, row or null)` gives the row to put in (with the same key), or nothing.
using row_change = std::optional<term> (*)(void* context, const beam::ets::row* found);
inline constexpr std::size_t integers_max = 16;

/// Integers changed in place, under the row's lock; true: keep what is there now. Throws nothing.
using integers_change = bool (*)(void* context, std::int64_t* values);

enum class integers_result : std::uint8_t {
    done,
    refused,     ///< the function said no: nothing has changed
    absent,      ///< no row with that key
    no_integer,  ///< one of them is no integer of 64 bits, or lies beyond the row
};

class table_store : public row_source {
public:
    /// Puts a row in, in place of the one with its key; a bag's is added unless an equal one is there.
    virtual void insert(term row) = 0;
    /// False: the key is there.
    virtual bool insert_new(term row) = 0;
    /// All or nothing (`only_new`: false when one of the keys is there), and nobody sees a part of it.
    virtual bool insert_all(std::span<const term> all, bool only_new) = 0;

    /// Takes the rows of a key out; appends them to `taken` unless that is null. How many.
    virtual std::size_t erase(const term& key, rows* taken) = 0;
    /// Takes out the rows exactly equal to this one. How many.
    virtual std::size_t erase_object(const term& row) = 0;
    /// Of stores with one row a key. Calls `f` without a lock, again if the row has changed meanwhile; what it throws goes
    /// on and nothing has changed. True if it gave a row. The caller has checked nothing: the row given must be a
    /// tuple with the same key, else badarg is raised.
    virtual bool update(const term& key, row_change f, void* context) = 0;
    /// Of stores with one row a key: elements first to first + count - 1 (from 1), at most integers_max.
    virtual integers_result update_integers(const term& key, std::size_t first, std::size_t count,
                                            integers_change f, void* context) = 0;
    /// The rows as they are now, unchanged for ever.
    [[nodiscard]] virtual std::shared_ptr<const row_source> snapshot() = 0;

    [[nodiscard]] virtual std::size_t bytes() const = 0;  ///< of memory: its own and the rows'
};

[[nodiscard]] std::unique_ptr<table_store> make_hash_store(beam::ets::table_type type,
                                                           std::size_t keypos);
[[nodiscard]] std::unique_ptr<table_store> make_ordered_store(std::size_t keypos);

/// Memory that a row takes: its node and those it holds, each as often as it is held. The same for equal rows.
[[nodiscard]] std::size_t bytes_of(const term& row) noexcept;

}  // namespace beam::detail::ets
