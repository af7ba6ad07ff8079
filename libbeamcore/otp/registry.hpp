// registry: processes and values by key, in tables that everybody reads without asking a process.
//
// As Elixir's Registry. A registry is a name and has unique or duplicate keys; an entry is a key, the
// process that registered it and a value. Entries go when their process dies. A process that registers
// is linked to the registry's partition (the process that takes its entries out), so the end of a
// registry ends who is registered in it.
//
// All functions are called from a process. They raise `{badarg, {unknown_registry, Name}}` when there is no
// registry of that name.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "libbeamcore/base/export.hpp"
#include "libbeamcore/otp/child_spec.hpp"
#include "libbeamcore/otp/child_start.hpp"
#include "libbeamcore/otp/start_result.hpp"
#include "libbeamcore/otp/via.hpp"
#include "libbeamcore/runtime/message.hpp"
#include "libbeamcore/runtime/send.hpp"
#include "libbeamcore/term/descriptor.hpp"
#include "libbeamcore/term/fields.hpp"

namespace beam {

enum class registry_keys : std::uint8_t {
    unique,     ///< one entry a key
    duplicate,  ///< any number, also by one process
};

/// How to make a registry.
struct registry_options {
    registry_options(atom name, registry_keys keys = registry_keys::unique, unsigned partitions = 1)
        : name(name), keys(keys), partitions(partitions) {}

    atom name;
    registry_keys keys;
    unsigned partitions;  ///< processes that look after owners; more of them for many changes
    std::vector<atom> listeners{};              ///< names of processes told of each change
    std::vector<std::pair<term, term>> meta{};  ///< see registry::meta
};

/// One process under a key.
struct registry_entry {
    beam::pid pid;
    term value;
};

/// Entries of one key. A single one, the usual case, is not allocated.
class registry_entries {
public:
    using value_type = registry_entry;

    [[nodiscard]] std::size_t size() const { return size_; }
    [[nodiscard]] bool empty() const { return size_ == 0; }
    [[nodiscard]] const registry_entry* begin() const { return size_ > 1 ? more_.data() : &one_; }
    [[nodiscard]] const registry_entry* end() const { return begin() + size_; }
    [[nodiscard]] const registry_entry& operator[](std::size_t i) const { return begin()[i]; }
    [[nodiscard]] const registry_entry& front() const { return *begin(); }

    void push_back(registry_entry e) {
        if (size_ == 0) {
            one_ = std::move(e);
        } else {
            if (size_ == 1) more_.push_back(std::move(one_));
            more_.push_back(std::move(e));
        }
        ++size_;
    }

private:
    std::size_t size_ = 0;
    registry_entry one_{};
    std::vector<registry_entry> more_;
};

/// What listeners are sent: `{register, Registry, Key, Pid, Value}`.
struct registered_message {
    atom registry;
    term key;
    beam::pid pid;
    term value;
    BEAM_FIELDS(registered_message, registry, key, pid, value)
};
/// `{unregister, Registry, Key, Pid}`, also when the process has died.
struct unregistered_message {
    atom registry;
    term key;
    beam::pid pid;
    BEAM_FIELDS(unregistered_message, registry, key, pid)
};

namespace registry {

/// Starts a registry linked to the calling process: a supervisor with a process for each partition. Error:
/// `{already_started, Pid}`; `badarg` for no partitions.
[[nodiscard]] BEAM_EXPORT awaitable<start_result> start_link(registry_options options);
/// The start of a registry as a child of a supervisor; see supervisor::child_of.
[[nodiscard]] BEAM_EXPORT child_start child(registry_options options);

/// Registers the calling process. Gives the partition it is linked to now. Error, for unique keys:
/// `{already_registered, Pid}`.
BEAM_EXPORT outcome<pid> register_key(atom registry, term key, term value = term());

/// Takes the caller's own entries of that key out, if there are any. With the last key the link goes.
BEAM_EXPORT void unregister(atom registry, const term& key);
/// Takes the caller's entries of that key out whose value matches (see match).
BEAM_EXPORT void unregister_match(atom registry, const term& key, const term& pattern,
                                  const term& guards = nil);

/// The entries of a key; in no order. A dead process's entry is not given for unique keys.
[[nodiscard]] BEAM_EXPORT registry_entries lookup(atom registry, const term& key);
/// The process under a unique key.
[[nodiscard]] BEAM_EXPORT std::optional<pid> whereis(atom registry, const term& key);
/// The keys of a process; one with several entries of a key has it several times.
[[nodiscard]] BEAM_EXPORT std::vector<term> keys(atom registry, pid process);
/// The values that a process has under a key.
[[nodiscard]] BEAM_EXPORT std::vector<term> values(atom registry, const term& key, pid process);
/// How many entries there are.
[[nodiscard]] BEAM_EXPORT std::size_t count(atom registry);

/// The entries of a key whose value matches a pattern of match specifications (term/match.hpp) and
/// guards, a list. Raises `badarg` for what is none.
[[nodiscard]] BEAM_EXPORT std::vector<registry_entry> match(atom registry, const term& key,
                                                            const term& pattern,
                                                            const term& guards = nil);
[[nodiscard]] BEAM_EXPORT std::size_t count_match(atom registry, const term& key,
                                                  const term& pattern, const term& guards = nil);
/// What a match specification makes of all entries, seen as `{Key, Pid, Value}`. Looks at each entry.
[[nodiscard]] BEAM_EXPORT std::vector<term> select(atom registry, const term& spec);
[[nodiscard]] BEAM_EXPORT std::size_t count_select(atom registry, const term& spec);

namespace detail {
BEAM_EXPORT std::vector<std::vector<registry_entry>> entries_by_partition(atom registry,
                                                                          const term& key);
}  // namespace detail

/// Calls `f(std::span<const registry_entry>)` once for each partition that has entries of the key, in the
/// caller; what it throws goes on to the caller. Copies the entries first, so `f` may change them.
template <class F>
void dispatch(atom registry, const term& key, F f) {
    for (const auto& entries : detail::entries_by_partition(registry, key))
        f(std::span<const registry_entry>(entries));
}

namespace detail {
BEAM_EXPORT std::optional<term> own_value(atom registry, const term& key);
BEAM_EXPORT void set_own_value(atom registry, const term& key, term value);
}  // namespace detail

/// Makes `f(value)` the value of the caller's unique key and gives it and the old one; nothing if the
/// caller has no such key. Raises `badarg` for a registry of duplicate keys.
template <class F>
std::optional<std::pair<term, term>> update_value(atom registry, const term& key, F f) {
    auto old = detail::own_value(registry, key);
    if (!old) return std::nullopt;
    term fresh = f(static_cast<const term&>(*old));
    detail::set_own_value(registry, key, fresh);
    return std::pair<term, term>(std::move(fresh), std::move(*old));
}

/// Values that belong to the registry as a whole.
BEAM_EXPORT void put_meta(atom registry, term key, term value);
[[nodiscard]] BEAM_EXPORT std::optional<term> meta(atom registry, const term& key);
BEAM_EXPORT void delete_meta(atom registry, const term& key);

/// Sends to the process under that key. Raises `{badarg, {unknown_key, Key}}` if there is none.
template <sendable T>
void send(const via& to, T value) {
    auto p = to.whereis();
    if (!p) raise(tuple(atoms::badarg, tuple(atom("unknown_key"), to.key())));
    beam::send(*p, std::move(value));
}

}  // namespace registry

}  // namespace beam

BEAM_EXPORTED_DESCRIPTOR(beam::registered_message);
BEAM_EXPORTED_DESCRIPTOR(beam::unregistered_message);
