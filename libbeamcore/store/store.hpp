// store: durable keys and values of a node.
//
// A store is a process that owns a folder with its data in it. Writes are requests to that process: it
// commits all that came while it was committing in one transaction, so a thousand writers share a few
// syncs of the disk. An answer says that the write is on disk. Reads do not visit the process: they are
// plain function calls in the caller, from a snapshot of what is committed, and take about 2 us
// when the page is in memory (when it is not, the caller's scheduler thread waits for the disk).
//
//     auto started = beam::store::start_link("/var/lib/node/chat", {.name = atom("chat_store")});
//     beam::store::database rooms(atom("chat_store"), "rooms");
//     auto written = co_await beam::store::put(rooms, "general", "...");   // result<void>
//     auto value = beam::store::get(rooms, "general");                     // result<optional<string>>
//
// Keys are not empty and of any length, values any bytes. Keys are ordered bytewise; with LMDB, beyond their first
// 495 bytes their order is fixed, but no matter whose. Databases are made by the first put to them.
//
// When the process ends, what was not answered may or may not have been written; it is never half written
// (a batch is atomic). Killing the OS process or the machine loses nothing that was answered; with open_options::sync_interval
// a stop of the machine may lose what was answered last.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "libbeamcore/base/export.hpp"
#include "libbeamcore/base/result.hpp"
#include "libbeamcore/runtime/call.hpp"
#include "libbeamcore/runtime/server_ref.hpp"
#include "libbeamcore/term/outcome.hpp"

namespace beam::store {

namespace detail {

struct operation {
    enum class kind : std::uint8_t { put, erase, erase_range, expect, expect_absent };
    kind what = kind::put;
    std::string db;
    std::string key;    // erase_range: the first, or empty
    std::string value;  // erase_range: the first that stays, or empty

    [[nodiscard]] bool is_expectation() const {
        return what == kind::expect || what == kind::expect_absent;
    }
};

struct write_answer {
    std::string code;  // empty: done
    std::string detail;
    bool applied = true;
    std::optional<std::string> actual{};
};

/// The answer of a store process, still on its way.
class BEAM_EXPORT answer_future {
public:
    explicit answer_future(future<write_answer> f) : future_(std::move(f)) {}
    bool await_ready() { return future_.await_ready(); }
    void await_suspend(std::coroutine_handle<> h) noexcept { future_.await_suspend(h); }

protected:
    /// What the caller of a process that is gone or did not answer in time is told is an answer, too.
    write_answer take();

private:
    future<write_answer> future_;
};

}  // namespace detail

/// What keeps the data of a store. Chosen when the store is made; its folder shows which it is.
enum class engine_type : std::uint8_t {
    /// One file. Up at once after whatever end, and reads cost next to nothing. It is read through a map of it: who
    /// overwrites it meanwhile kills the OS process (SIGBUS). After two lives in a row that did not close the store,
    /// its pages are read and checked before it is opened, all but the insides of large values: `corrupt`
    /// names the first that is damaged. Keys and values carry checksums; LMDB's own pages do not: damage of those
    /// may hide a key.
    lmdb,
    /// A folder of files. One to three times as many durable writes (the more of them wait together, the better), and
    /// data beyond memory; a read takes two to three times as long. It has at most about 128 MiB of memory, and 20 MiB of
    /// the disk from the start. All its files carry checksums: damage is `corrupt`, never a wrong answer (but an end
    /// that is missing from the log of a store that was not closed is taken for a write that was not finished). An open
    /// after a kill reads the log again (0.3 s for 50 MB; it has 64 MiB at most), a close writes out what lies in
    /// memory; a scheduler thread waits meanwhile. A failed write ends the store: what it was may be
    /// written or not, and who supervises the store opens it again.
    rocksdb,
};
[[nodiscard]] BEAM_EXPORT std::string to_string(engine_type e);
/// "lmdb" or "rocksdb".
[[nodiscard]] BEAM_EXPORT std::optional<engine_type> parse_engine(std::string_view name);

struct open_options {
    std::optional<atom> name{};  ///< registered for the process
    /// Nothing: what the folder has; LMDB for a new one.
    std::optional<engine_type> engine{};
    /// LMDB: address space for the file, which takes what it needs on disk. Raised (doubled) when it is used up.
    std::size_t map_size = std::size_t{64} << 30;
    unsigned databases_max = 256;
    unsigned readers_max = 1024;  ///< LMDB: reads at one moment
    /// Requests and bytes that one commit takes together.
    std::size_t commit_requests_max = 10'000;
    std::size_t commit_bytes_max = std::size_t{64} << 20;
    /// Bytes of requests that may wait or be under way; what comes beyond is answered with `overloaded`.
    std::size_t queue_bytes_max = std::size_t{256} << 20;
    /// How long a lazy batch waits for another that it is committed with.
    std::chrono::milliseconds lazy_delay_max{100};
    /// Nothing: an answer says that the write is on disk. Else that the operating system has it: a kill of the OS process loses
    /// nothing that was answered; a stop of the machine loses what was answered last, at most what came since the last sync, and
    /// leaves all before it. A sync begins at most that long after a write. RocksDB only: LMDB has no commit that a stop of
    /// the machine leaves whole without a sync (`no_sync_interval`).
    std::optional<std::chrono::milliseconds> sync_interval{};
};

/// Starts a store process linked to the caller; `path` is a folder, made if its parent exists (mode
/// 0700). Opens before it returns, in a few milliseconds. A shutdown by the caller's process (its
/// supervisor) lets it answer what waits first.
///
/// A store whose disk fails (`eio`; RocksDB: any failed write) ends with `{store_failed, Code, Detail}`.
///
/// Errors, as `{Code, Detail}` with the file's or the folder's name in Detail: `already_open` (in this OS process by
/// anybody; RocksDB: in any), `engine_mismatch` (the folder has a store of another engine), `no_engine`
/// (RocksDB is not installed), `no_sync_interval`, `corrupt`, `enoent`, `eacces`, `enospc`, ..., `name_taken`.
[[nodiscard]] BEAM_EXPORT outcome<pid> start_link(const std::string& path,
                                                  const open_options& options = {});
/// The same without a link.
[[nodiscard]] BEAM_EXPORT outcome<pid> start(const std::string& path,
                                             const open_options& options = {});

/// One named database of a store. A value to pass around; it holds nothing open.
class BEAM_EXPORT database {
public:
    database(const server_ref& store, std::string name = "main")  // NOLINT: implicit
        : store_(store), name_(std::move(name)) {}
    database(pid store) : database(server_ref(store)) {}   // NOLINT: implicit
    database(atom store) : database(server_ref(store)) {}  // NOLINT: implicit

    [[nodiscard]] const server_ref& store() const { return store_; }
    [[nodiscard]] const std::string& name() const { return name_; }

private:
    server_ref store_;
    std::string name_;
};

// Writing. All functions send at once and give a future; several may be under way. Errors of all:
// `timeout` and `unavailable` (the store ended, or ends by a failure that the detail tells): it may be written
// nevertheless. `noproc`, `closed`, `overloaded`, `key_empty`, `bad_database` (a name that is empty or has over 400
// bytes), `enospc` and others of the system, with the file's name in the detail: nothing was written.

/// `co_await` gives result<void>.
class BEAM_EXPORT write_future : public detail::answer_future {
public:
    using answer_future::answer_future;
    result<void> await_resume();
};

BEAM_EXPORT write_future put(const database& db, std::string_view key, std::string_view value,
                             timeout limit = infinity{});
/// Nothing there: done as well.
BEAM_EXPORT write_future erase(const database& db, std::string_view key,
                               timeout limit = infinity{});
/// All keys that begin so; "" is all.
BEAM_EXPORT write_future erase_prefix(const database& db, std::string_view prefix,
                                      timeout limit = infinity{});
/// All keys from `first` on that come before `last`, bytewise; an empty `last` is the end.
BEAM_EXPORT write_future erase_range(const database& db, std::string_view first,
                                     std::string_view last, timeout limit = infinity{});

/// Several writes that happen all or not at all, in the order given; a plain value.
class BEAM_EXPORT batch {
public:
    /// Those that follow are for that database; at first, for the one that write() names.
    batch& in(std::string db);
    batch& put(std::string_view key, std::string_view value);
    /// The same without a copy of them.
    batch& put_moved(std::string key, std::string value);
    batch& erase(std::string_view key);
    batch& erase_prefix(std::string_view prefix);
    batch& erase_range(std::string_view first, std::string_view last);
    /// Nothing of the batch is done unless the key has this value (or, with nothing, is absent) before the
    /// batch: error `conflict`, with the key as detail.
    batch& expect(std::string_view key, std::optional<std::string_view> value);
    /// Those of another, after these. Whether it is lazy, or durable, stays as it is here.
    batch& append(batch other);

    /// It needs no commit of its own: it is committed, and answered, with the next batch that is not lazy, or
    /// open_options::lazy_delay_max after it came. Its turn among the others does not change.
    batch& lazy();
    /// It is answered when it is on disk, and all that was written before it, whatever open_options::sync_interval says.
    batch& durable();

    [[nodiscard]] std::size_t size() const { return operations_.size(); }
    /// Of keys and values.
    [[nodiscard]] std::size_t bytes() const { return bytes_; }
    [[nodiscard]] std::vector<detail::operation>& operations() { return operations_; }
    [[nodiscard]] bool is_lazy() const { return is_lazy_; }
    [[nodiscard]] bool is_durable() const { return is_durable_; }

private:
    batch& add(detail::operation::kind what, std::string key, std::string value);
    std::string db_;
    std::vector<detail::operation> operations_;
    std::size_t bytes_ = 0;
    bool is_lazy_ = false;
    bool is_durable_ = false;
};
/// Also: `conflict`.
BEAM_EXPORT write_future write(const database& db, batch b, timeout limit = infinity{});

/// The answer to notify_write(), a message.
struct written {
    std::uint64_t tag = 0;
    std::string error;   ///< empty: it is on disk. Else a code of those above
    std::string detail;  ///< for people
    BEAM_FIELDS(written, tag, error, detail)
};
/// write() for who has many batches under way: the answer comes to the process `to` as a message `written` with that
/// tag. Answers to what one process asked come in the order it asked (a refusal waits for its turn, too), as
/// what is asked is committed in that order. A store that ends answers nothing more, so monitor it: what was
/// not answered then may or may not be written. No store has that name, or its process is dead: `noproc`, at once.
BEAM_EXPORT void notify_write(const database& db, batch b, pid to, std::uint64_t tag);

struct cas_result {
    bool swapped = false;
    std::optional<std::string> actual{};  ///< what was there, if not swapped
};
/// `co_await` gives result<cas_result>.
class BEAM_EXPORT cas_future : public detail::answer_future {
public:
    using answer_future::answer_future;
    result<cas_result> await_resume();
};
/// Compare and swap: `desired` takes the place of `expected`; nothing stands for absence in both.
BEAM_EXPORT cas_future cas(const database& db, std::string_view key,
                           std::optional<std::string_view> expected,
                           std::optional<std::string_view> desired, timeout limit = infinity{});

// Reading, in the calling process. Errors of all: `noproc` (no such store), `closed`, `corrupt` (the file is named),
// `too_many_readers`, and others of the system.

[[nodiscard]] BEAM_EXPORT result<std::optional<std::string>> get(const database& db,
                                                                 std::string_view key);

struct scan_options {
    std::string prefix{};
    std::string first{};  ///< no key before it, bytewise. Behind a key: the key and a zero byte
    std::string last{};   ///< neither this key nor one behind it; empty: no limit
    std::string after{};  ///< page::next of the page before (same options); empty: the beginning
    std::size_t limit = 1000;         ///< items, and
    std::size_t bytes_max = 1 << 20;  ///< about that many bytes, at least one item
    bool reverse = false;             ///< last key first
    bool keys_only = false;
};
struct page {
    std::vector<std::pair<std::string, std::string>> items;
    std::string next{};  ///< where to go on; empty: there is no more. Not a key: opaque
};
/// One page of the keys that begin with a prefix and lie in a range. Each page is a snapshot of its own moment; between
/// two pages others run (and write).
[[nodiscard]] BEAM_EXPORT result<page> scan(const database& db, const scan_options& options = {});

/// How many keys it has. RocksDB reads them all for that, a million a second, and the caller's scheduler waits.
[[nodiscard]] BEAM_EXPORT result<std::uint64_t> count(const database& db);
[[nodiscard]] BEAM_EXPORT result<std::vector<std::string>> databases(const server_ref& store);

struct statistics {
    std::string engine;                ///< as parse_engine() reads it
    std::string file;                  ///< LMDB: the file; else the folder
    std::uint64_t file_bytes = 0;      ///< of all its files
    std::uint64_t map_bytes = 0;       ///< LMDB
    std::uint64_t keys = 0;            ///< of all databases; RocksDB: about so many
    std::uint64_t commits = 0;         ///< since it was started
    std::uint64_t requests = 0;        ///< that these commits took
    std::uint64_t largest_commit = 0;  ///< requests in one
    std::uint64_t failed_commits = 0;
    std::uint64_t map_raises = 0;
    std::uint64_t late_syncs =
        0;  ///< of commits that were answered before: open_options::sync_interval
    bool is_open = false;
    /// Names the last stop of the machine (or a failure of the disk) under writes that were answered and not synced: what was
    /// answered last before it may be missing. Random; it stays, so who acts on it remembers on which it has. Empty: there was none.
    std::string loss;
    BEAM_FIELDS(statistics, engine, file, file_bytes, map_bytes, keys, commits, requests,
                largest_commit, failed_commits, map_raises, late_syncs, is_open, loss)
};
[[nodiscard]] BEAM_EXPORT result<statistics> info(const server_ref& store);

/// Copies all that is committed into a new folder, whose parent exists; start() opens it as a store. Writes go on
/// meanwhile (LMDB: but for one that must raise the map, which waits), an end of the store waits for it. On the disk it
/// is called `FOLDER.partial` until it is whole. Runs on the dirty pool; if the caller dies it is finished nevertheless.
///
/// Errors: those of reading, `eexist` (something is there already), `enospc`, ...
[[nodiscard]] BEAM_EXPORT awaitable<result<void>> backup(server_ref store, std::string folder);

// For upgrades: the file is let go and taken again.

/// Answers what waits, then closes the file. Afterwards reads give `closed`, writes wait for reopen().
BEAM_EXPORT write_future close(const server_ref& store, timeout limit = infinity{});
/// Errors: those of start_link().
BEAM_EXPORT write_future reopen(const server_ref& store, timeout limit = infinity{});

// Terms, with the version of what wrote them: a later version converts what it finds.

struct versioned_term {
    term vsn;
    term value;
};
/// Stores `{Vsn, Value}` in Erlang's syntax.
BEAM_EXPORT write_future put_term(const database& db, std::string_view key, const term& vsn,
                                  const term& value, timeout limit = infinity{});
[[nodiscard]] BEAM_EXPORT std::string encode_term(const term& vsn, const term& value);
/// Errors: `corrupt`.
[[nodiscard]] BEAM_EXPORT result<versioned_term> decode_term(std::string_view text);
[[nodiscard]] BEAM_EXPORT result<std::optional<versioned_term>> get_term(const database& db,
                                                                         std::string_view key);

}  // namespace beam::store

BEAM_EXPORTED_DESCRIPTOR(beam::store::statistics);
BEAM_EXPORTED_DESCRIPTOR(beam::store::written);
