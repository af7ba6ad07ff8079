// A table as the layer keeps it, and how an operation gets at it.
//
// Tables lie in slots that belong to the OS process; a `table` value is a slot and the number of the table that was
// there. Slots are read without a lock; the object and its store are retired when the table goes, so an
// operation that has found them goes on with them to its end. What it did then counts as done before.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "libbeamcore/ets/internal/badarg.hpp"
#include "libbeamcore/ets/internal/table_store.hpp"
#include "libbeamcore/ets/table.hpp"
#include "libbeamcore/runtime/detail/charge.hpp"
#include "libbeamcore/runtime/detail/local.hpp"
#include "libbeamcore/runtime/detail/reclaim.hpp"
#include "libbeamcore/runtime/process.hpp"

namespace beam::detail::ets {

using beam::ets::table;
using beam::ets::table_access;
using beam::ets::table_type;

class registry;

inline std::uint64_t packed(const pid& p) {
    return std::uint64_t(p.serial) << 32 | p.id;
}
inline pid unpacked(std::uint64_t p) {
    return {std::uint32_t(p), std::uint32_t(p >> 32), 0};
}

struct table_object {
    // Read by every operation.
    std::uint64_t unique = 0;
    std::atomic<table_store*> store{nullptr};
    table_type type = table_type::set;
    table_access access = table_access::protected_;
    bool read_plainly = false;     // a set that all may read, write: see plain_section
    bool written_plainly = false;  //
    std::atomic<bool> fixed{false};
    std::uint32_t keypos = 1;
    std::atomic<std::uint64_t> owner{0};
    registry* home = nullptr;

    // Under the registry's lock.
    std::uint32_t slot = 0;
    atom name = {};
    bool named = false;
    std::optional<beam::ets::heir> heir = {};
    std::vector<beam::ets::fixation> fixations = {};
    std::atomic<std::uint32_t> snapshots{0};

    [[nodiscard]] bool has_one_row_a_key() const {
        return type == table_type::set || type == table_type::ordered_set;
    }
};

/// Where tables are found by their number; never freed, so that a `table` may be asked for at any time.
/// Pages of it that were never used take no memory.
inline constexpr std::uint32_t tables_max = 1024 * 1024;
extern std::atomic<table_object*> table_slots[tables_max];

/// The table in a slot, if it is that one.
[[nodiscard, gnu::always_inline]] inline table_object* object_in(std::uint32_t slot,
                                                                 std::uint64_t unique) noexcept {
    if (slot >= tables_max) return nullptr;
    table_object* t = table_slots[slot].load(std::memory_order_acquire);
    return t && t->unique == unique ? t : nullptr;
}
/// Of the caller's node by its name.
[[nodiscard]] table_object* object_named(atom name);

enum class right : std::uint8_t { none, read, write };

[[noreturn]] void no_table(const table& t);
void check_right(const table_object& t, right wanted);

/// A table that an operation works on. In a read_section as long as it lives.
class open_table {
public:
    [[gnu::always_inline]] open_table(const table& t, right wanted) {
        object_ = t.is_name() ? object_named(t.name()) : object_in(t.slot(), t.unique());
        if (!object_) [[unlikely]]
            no_table(t);
        if (object_->access != table_access::public_ && wanted != right::none)
            check_right(*object_, wanted);
        store_ = object_->store.load(std::memory_order_acquire);
    }
    open_table(const open_table&) = delete;
    [[gnu::always_inline]] ~open_table() {
    }  // NOLINT: inlined, so that nothing of it need be in memory
    table_object* operator->() const { return object_; }
    table_object& operator*() const { return *object_; }
    [[nodiscard]] table_store& store() const { return *store_; }

private:
    read_section section_;
    table_object* object_;
    table_store* store_;
};

/// What nearly every operation finds: a thread in no read_section, and a set by its number that is open to all. Nothing
/// is called then, so that the processor may look far ahead: the next operations' rows are fetched while this one
/// waits for its own. As long as it lives nobody else's code runs in this thread, so it keeps no depth; nothing may be
/// retired.
class plain_section {
public:
    [[gnu::always_inline]] plain_section(const table& t, right wanted) {
        reader_record* r = this_reader;
        if (!r || (r->depth | r->needs_fence) != 0) [[unlikely]]
            return;
        reader_ = r;
        r->epoch.store(reclaim_epoch.load(std::memory_order_acquire), std::memory_order_release);
        std::atomic_signal_fence(std::memory_order_seq_cst);
        const table_object* o = object_in(t.slot(), t.unique());
        if (o && (wanted == right::read ? o->read_plainly : o->written_plainly)) [[likely]]
            object_ = o;
    }
    plain_section(const plain_section&) = delete;
    [[gnu::always_inline]] ~plain_section() {
        if (reader_) reader_->epoch.store(0, std::memory_order_release);
    }
    /// False: the operation is not plain.
    explicit operator bool() const { return object_; }
    const table_object* operator->() const { return object_; }
    [[nodiscard]] table_store& store() const {
        return *object_->store.load(std::memory_order_acquire);
    }

private:
    reader_record* reader_ = nullptr;
    const table_object* object_ = nullptr;
};

/// Charges the calling process, if it is one.
inline void charge(int reductions) {
    charge_here(reductions);
}

}  // namespace beam::detail::ets
