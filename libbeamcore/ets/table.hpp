// Tables: rows that many processes read and write without asking a process (OTP's ets).
//
// A row is a tuple; its key is one of its elements. A table belongs to the process that made it and goes when that
// process ends, unless it has an heir. Reads take no lock, whoever writes; a write of one row locks a few hundred
// rows around it, for as long as it takes. All operations on one row are atomic, and so are insert and
// insert_new of a list. Everything else that touches several rows (select, fold, ...) sees each row as it is when it
// comes to it; a snapshot (snapshot.hpp) sees the whole table at one moment.
//
//     auto rooms = ets::new_table(atom("rooms"), {.type = ets::table_type::set});
//     ets::insert(rooms, tuple("lobby", 3));                     // rows.hpp
//     ets::lookup(rooms, "lobby");
//     ets::select(rooms, spec, 100);                             // select.hpp
//
// Names, meanings and errors are OTP's: facts rows ETS-01 to 52. What OTP answers with `badarg` raises
// ets::bad_argument here, which is error_exception with reason `badarg` and a text that says why.
//
// From a plain thread (no process: the dirty pool, main) public tables can be read and written, by a `table` got
// from a process; a name cannot be looked up there, and whatever asks for a caller raises badarg.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "libbeamcore/base/export.hpp"
#include "libbeamcore/runtime/exit.hpp"
#include "libbeamcore/runtime/process.hpp"
#include "libbeamcore/term/descriptor.hpp"
#include "libbeamcore/term/term.hpp"

namespace beam {

/// What a process gets when it becomes a table's owner by give_away or as an heir (ETS-29, ETS-30):
/// `{'ETS-TRANSFER', Table, From, Data}`.
struct ets_transfer {
    term table;  ///< its name or reference: ets::table(m.table)
    pid from;    ///< who gave it away, or has died
    term data;   ///< of give_away, or of the heir
};

namespace ets {

/// Thrown for whatever OTP raises `badarg` for. `detail` is for people.
struct BEAM_EXPORT bad_argument : error_exception {
    std::string detail;
    explicit bad_argument(std::string why);
    ~bad_argument();
    bad_argument(const bad_argument&);
};

enum class table_type : std::uint8_t {
    set,            ///< one row a key; keys are compared exactly: 1 and 1.0 are two (ETS-04)
    ordered_set,    ///< one row a key, in the order of terms; 1 and 1.0 are one key (ETS-05)
    bag,            ///< many rows a key, no two equal (ETS-06)
    duplicate_bag,  ///< many rows a key (ETS-07)
};

enum class table_access : std::uint8_t {
    public_,     ///< all read and write
    protected_,  ///< all read, the owner writes
    private_,    ///< the owner reads and writes
};

/// Who gets a table when its owner ends, and what it is told with ets_transfer.
struct heir {
    beam::pid pid;
    term data = {};
};

/// As OTP's defaults (ETS-01).
struct table_options {
    table_type type = table_type::set;
    table_access access = table_access::protected_;
    std::size_t keypos = 1;  ///< which element of a row is the key, from 1
    bool named = false;      ///< found by its name; else by what new_table gives
    std::optional<ets::heir> heir = {};
};

/// Which table: what new_table gives, or the name of a named table. A value of 16 bytes that may be kept, sent (as
/// its term) and used by many; a table that is gone, or none, raises badarg where it is used. Found by name the
/// table costs one more look-up at each use: ask whereis() once where that counts.
class BEAM_EXPORT table {
public:
    constexpr table() = default;  ///< none
    constexpr table(atom name) : name_(name), unique_(0) {}
    /// A name, or the reference of a table of this node; raises badarg for other terms.
    explicit table(const term& t);

    /// The name of one made of a name, else the reference.
    [[nodiscard]] term to_term() const;
    operator term() const { return to_term(); }  // NOLINT: implicit

    friend constexpr bool operator==(const table& a, const table& b) {
        return a.unique_ == b.unique_ && a.slot_ == b.slot_ && a.name_ == b.name_;
    }

    // For ets itself: a place, and the number of the table there.
    constexpr table(std::uint32_t slot, std::uint64_t unique) : slot_(slot), unique_(unique) {}
    [[nodiscard]] constexpr bool is_name() const { return unique_ == 0 && slot_ == no_slot; }
    [[nodiscard]] constexpr atom name() const { return name_; }
    [[nodiscard]] constexpr std::uint32_t slot() const { return slot_; }
    [[nodiscard]] constexpr std::uint64_t unique() const { return unique_; }

private:
    static constexpr std::uint32_t no_slot = ~std::uint32_t{0};
    std::uint32_t slot_ = no_slot;
    atom name_ = {};
    std::uint64_t unique_ = 0;
};

/// Makes a table that belongs to the calling process. `name` is what info shows and, if it is named, how others find
/// it. Raises badarg: the name is taken (ETS-02), keypos is 0, the heir is not a local process.
BEAM_EXPORT table new_table(atom name, const table_options& options = {});

/// Deletes the table; what asked for it later raises badarg (ETS-45). Asks for the right to write. A big table's
/// memory is freed in the background.
BEAM_EXPORT void delete_table(const table& t);

/// Gives a named table another name (ETS-46), any other a new name to show. Returns the new name's table.
BEAM_EXPORT table rename(const table& t, atom name);

/// Makes `to` the owner; it is sent ets_transfer with `data`. Raises badarg for a caller that is not the owner, for
/// the caller itself and for a dead process (ETS-31).
BEAM_EXPORT void give_away(const table& t, pid to, term data);

/// ets:setopts: another heir, or none (ETS-32). Only the owner may.
BEAM_EXPORT void set_heir(const table& t, std::optional<heir> h);

/// The table of that name, as a value that is found at once.
[[nodiscard]] BEAM_EXPORT std::optional<table> whereis(atom name);

/// All tables of the caller's node; a named one by its name.
[[nodiscard]] BEAM_EXPORT std::vector<table> all();

/// Who has fixed a table, and how often.
struct fixation {
    beam::pid pid;
    std::uint32_t count = 0;
};

/// What a table is and holds.
struct info {
    ets::table id;
    atom name;
    bool named = false;
    table_type type = table_type::set;
    table_access access = table_access::protected_;
    std::size_t keypos = 1;
    beam::pid owner;
    std::optional<beam::pid> heir;
    std::size_t size = 0;   ///< rows
    std::size_t bytes = 0;  ///< memory that the table holds, the rows' own included
    std::size_t snapshots = 0;
    std::vector<fixation> fixed = {};
};

/// Nothing for a table that is gone (ETS-28); anybody may ask, also of a private table (ETS-26).
[[nodiscard]] BEAM_EXPORT std::optional<info> info_of(const table& t);

/// How many rows. Raises badarg for no table.
[[nodiscard]] BEAM_EXPORT std::size_t size(const table& t);

/// While a table is fixed, next and prev take keys that have been deleted. Counted for each process and released when
/// it ends (ETS-33 to 35). Traversals need it for nothing else: a row that is there all the time is visited exactly
/// once by any of them, whatever others do meanwhile.
BEAM_EXPORT void safe_fixtable(const table& t, bool fix);

}  // namespace ets

}  // namespace beam

BEAM_EXPORTED_DESCRIPTOR(beam::ets_transfer);
