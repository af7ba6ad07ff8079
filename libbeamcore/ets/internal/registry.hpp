// The tables of one runtime: their names, owners, heirs and fixations.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

#include "libbeamcore/ets/internal/table_object.hpp"
#include "libbeamcore/runtime/runtime.hpp"

namespace beam::detail::ets {

/// Names to tables, found without a lock and changed under the registry's. A place that was used for a name stays its own.
class name_map {
public:
    name_map();
    ~name_map();
    [[nodiscard]] table_object* find(atom name) const noexcept;
    void set(atom name, table_object* t);  // null: no table any more

private:
    struct place {
        std::atomic<std::uint32_t> name{0};  // an atom's index and 1; 0: free
        std::atomic<table_object*> object{nullptr};
    };
    struct places {
        std::size_t mask;
        std::unique_ptr<place[]> at;
    };
    static place& place_of(const places& all, atom name);
    void grow();

    std::atomic<places*> places_;
    std::size_t used_ = 0;
};

class registry {
public:
    explicit registry(runtime& node);
    ~registry();
    registry(const registry&) = delete;

    /// The registry of the calling process's node. Raises badarg from a plain thread.
    static registry& of_caller();
    static registry* of_caller_or_null();

    [[nodiscard]] table_object* find(atom name) const noexcept { return names_.find(name); }

    table create(atom name, const beam::ets::table_options& options, const pid& owner);
    void remove(const table& t, table_object* found);
    void rename(table_object* t, atom name);
    void give_away(table_object* t, const pid& to, term data);
    void set_heir(table_object* t, std::optional<beam::ets::heir> h);
    void fix(table_object* t, const pid& p, bool on);
    void clear(table_object* t);
    [[nodiscard]] std::vector<table> all() const;
    [[nodiscard]] beam::ets::info info_of(const table_object& t) const;

    runtime& node;

private:
    using deferred = std::vector<std::pair<pid, ets_transfer>>;

    static void process_ended(void* context, const pid& ended) noexcept;
    void leave_all(const pid& ended, deferred& told);
    bool pass_on(table_object* t, const pid& to);
    void forget(table_object* t);
    void disown(table_object* t);
    void release_fixations(const pid& p);
    void dispose(table_store* store);
    static void free_object(void* t) noexcept;

    mutable std::mutex mutex_;
    name_map names_;
    std::unordered_map<pid, std::vector<table_object*>> owned_;
    std::unordered_map<pid, std::vector<table_object*>> fixing_;
};

[[nodiscard]] table id_of(const table_object& t);

}  // namespace beam::detail::ets
