// Tables in files: ets:tab2file and file2tab.
//
// A file is text: the table's description and its rows in Erlang's syntax, in blocks, each with its length and
// checksum (XXH3), and at the end the number of rows and a checksum of the whole. It is written beside its place
// and renamed when it is complete and on disk, so a file that is there is whole, and a write that fails leaves
// what was there. The format is beamcore's own: OTP does not read it.
//
// Both read and write in the caller's thread: from a process, through blocking() where the table is big.
#pragma once

#include <cstddef>
#include <string>

#include "libbeamcore/base/export.hpp"
#include "libbeamcore/base/result.hpp"
#include "libbeamcore/ets/table.hpp"
#include "libbeamcore/term/atom.hpp"

namespace beam::ets {

/// Writes the table as it is at the moment of the call (a snapshot) to `path`, in place of what is there.
///
/// Errors: `io`, the detail with the path and the system's words; `unsupported`: a row holds what no file can (an
/// opaque fun). Raises badarg for a table that the caller may not read.
[[nodiscard]] BEAM_EXPORT result<std::size_t> tab2file(const table& t, const std::string& path);

/// Makes a table from a file: same type, access, keypos, named again under its name (ETS-48), the caller its owner and
/// without an heir. Nothing is left of it when it fails.
///
/// Errors: `io`; `not_a_table`: the file is something else; `damaged`: the detail says what and where, or that it
/// ends too early; `name_taken`.
[[nodiscard]] BEAM_EXPORT result<table> file2tab(const std::string& path);

/// What a file holds, without its rows being read. Errors: as file2tab.
struct file_info {
    atom name;
    bool named = false;
    table_type type = table_type::set;
    table_access access = table_access::protected_;
    std::size_t keypos = 1;
    std::size_t size = 0;
};
[[nodiscard]] BEAM_EXPORT result<file_info> tabfile_info(const std::string& path);

}  // namespace beam::ets
