// session: the cache as one process uses it. Values are read and written in the table by the caller itself; no server
// is asked, so the cache is as fast as the table, and goes on while its worker is being restarted.
//
// What the policy must know (who was born, used, has gone) is gathered here and told to the worker in one message for
// many operations, as is what is counted: settle() does both. It must be called before the process waits, or what
// it did is not known if it is killed while it does. Why not otherwise:
//   * A call to the worker for each get would make it the one place that all must pass.
//   * A mark in the row would be a new row for each get; an atomic beside the table would be memory that is shared,
//     and lost with whoever owns it.
//   * The order of uses is exact as long as one process makes them; between processes it is that of their settling. Uses
//     may be told late (used_max), since what is used often is told often.
//
// The worker may lag behind those who write: then the cache holds more than its limits for a moment. How much is
// bounded (told_max): who is told by is_ahead() must wait for the worker (worker::catch_up) before it goes on.
//
// Functions raise badarg when the tables are gone: keeper and worker died at once.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "libbeamcore/ets/table.hpp"
#include "libbeamcore/term/term.hpp"
#include "tools/cache/app/books.hpp"
#include "tools/cache/app/news.hpp"
#include "tools/cache/app/row.hpp"

namespace cache {

/// How an entry is put.
struct put_options {
    std::optional<std::int64_t> ttl_ms = {};         ///< else the cache's own; 0: it stays
    std::optional<std::int64_t> expires_at_ms = {};  ///< instead of a ttl
    bool keep_ttl = false;                           ///< that of the entry that is there
    bool only_new = false;
    bool only_existing = false;
    std::int64_t stale_ms = 0;  ///< how long the value may still be served when it has expired
    std::optional<beam::term> tags = {};  ///< a list of binaries; else those that are there
    bool gives_old = false;               ///< put_result::old is asked for
};

/// A value, which stays what it was as long as this lives.
struct held_value {
    beam::term bytes = {};
    std::size_t key_size = 0;

    [[nodiscard]] std::string_view value() const { return bytes.bytes().substr(key_size); }
};

class session {
public:
    session();
    session(const session&) = delete;
    session& operator=(const session&) = delete;
    ~session();

    /// The value, counted as a hit or a miss.
    [[nodiscard]] std::optional<held_value> get(std::string_view key);
    /// The same, shown to `f(std::string_view)` where it lies: no copy of it is held. False, without a call: a miss.
    template <class F>
    bool read(std::string_view key, F f) {
        const auto value = [&f](const borrowed_entry& e) { f(e.value()); };
        return read_entry(key, std::ref(value));
    }
    /// A hint: these keys will be asked for soon.
    void fetch_ahead(std::span<const beam::term> hashes) const;
    /// The entry, also one that has expired and may be served stale; nothing is counted.
    [[nodiscard]] std::optional<entry> peek(std::string_view key) const;
    /// Whether there is one that has not expired; nothing is counted.
    [[nodiscard]] bool has(std::string_view key) const;

    struct put_result {
        bool stored = false;
        bool had = false;                    ///< there was an entry
        std::optional<held_value> old = {};  ///< its value
    };
    put_result put(std::string_view key, std::string_view value, const put_options& options = {});
    /// The same with key and value made by bytes_of(), for a value that is too long to be copied here.
    put_result put_bytes(std::string_view key, beam::term bytes, const put_options& options = {});
    /// Puts what `make` makes of the present value (nothing: there is none), keeping time and tags; nothing if it
    /// makes nothing. It gives what bytes_of() makes, and may be asked again when another has put meanwhile.
    std::optional<held_value> change(
        std::string_view key,
        const std::function<std::optional<beam::term>(std::optional<std::string_view> value)>&
            make);
    /// Takes it out. Nothing if there was none.
    std::optional<entry> take(std::string_view key, removal_reason why = removal_reason::deleted);

    // For the worker.
    /// Takes out that one and no other (which was put under the same key); for `expired` only if its time has come.
    /// Gives what it weighed, 0 if it was not taken out.
    std::int64_t take_exactly(key_hash key, std::uint64_t id, removal_reason why);
    /// What stands in the table under that hash.
    [[nodiscard]] std::optional<entry> find(key_hash key) const;
    /// What would be told, instead of its being told.
    [[nodiscard]] news take_news() { return std::exchange(news_, {}); }
    void note_heard(std::int64_t weight);
    /// What was told and not heard.
    [[nodiscard]] std::int64_t unheard() const { return books_.behind().size(); }
    /// What is counted, what is not settled yet included.
    [[nodiscard]] totals counts() const;
    [[nodiscard]] totals counts_at_once() const;
    void set_limits(const limits& l);

    /// Gives an entry another time; 0: it stays. False if there is none.
    bool expire_at(std::string_view key, std::int64_t expires_at_ms);
    /// Counts as a use, and nothing else.
    bool touch(std::string_view key);

    [[nodiscard]] std::int64_t now_ms() const { return now_ms_; }
    /// Looks at the clock: what follows happens now. The constructor does it.
    void look_at_clock();
    [[nodiscard]] const limits& bounds() const { return limits_; }

    /// Counts and tells what was done. Costs a change of a row for what was read, one for what was changed, and one more
    /// with a message if there is something to tell. `all`: uses too, however few.
    void settle(bool all = false);
    /// After settle(): the worker is so far behind that the caller must wait for it.
    [[nodiscard]] bool is_ahead() const { return ahead_ > told_max; }
    /// It has waited.
    void caught_up() { ahead_ = 0; }

    static constexpr std::int64_t told_max = 1 << 14;
    static constexpr std::size_t used_max = 32;

private:
    // A row before and after a change.
    struct replaced {
        std::optional<entry_head> there;
        bool had = false;    // it was of the key that is meant, and live
        bool other = false;  // it was of another key with the same hash
        entry_head made;
    };
    template <class Make>
    bool replace(std::string_view key, key_hash hash, replaced& r, Make make);
    void account(key_hash hash, const replaced& r);

    [[nodiscard]] std::optional<entry> find(std::string_view key) const;
    bool read_entry(std::string_view key, const std::function<void(const borrowed_entry&)>& f);
    std::uint64_t next_id();
    void note_use(std::uint64_t id);
    void note_end(key_hash key, const entry_head& e, removal_reason why);
    std::int64_t weight_of_news();

    beam::ets::table entries_;
    books books_;
    limits limits_;
    std::int64_t limits_version_ = -1;
    std::int64_t now_ms_ = 0;
    std::uint64_t first_id_ = 0;
    std::uint64_t ids_given_ = 0;
    totals counted_;
    bool has_counted_ = false;
    news news_;
    std::int64_t grown_ = 0;  // bytes that were added, where they are limited
    std::int64_t ahead_ = 0;
    std::int64_t heard_ = 0;
};

/// What a key, value or tag must be; else why it is none.
[[nodiscard]] std::optional<std::string> bad_key(std::string_view key);

}  // namespace cache
