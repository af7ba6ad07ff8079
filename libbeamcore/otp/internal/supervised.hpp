// A supervisor's children: records in the order of their start, found by id and by pid.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <utility>

#include "libbeamcore/otp/child_spec.hpp"
#include "libbeamcore/otp/internal/pid_map.hpp"

namespace beam::detail {

enum class child_status : std::uint8_t {
    stopped,
    running,
    restarting,  // a restart failed; another attempt is on its way
};

// One child. A supervisor may have millions: what is not needed for each stays in the specification.
struct supervised {
    static constexpr std::int64_t forever = -1, kill_at_once = -2;

    supervised* older = nullptr;
    supervised* newer = nullptr;
    term id;
    child_start start;  // empty for a temporary child that was started
    std::int64_t shutdown_ms = forever;
    beam::pid pid{};  // of the running process, or of the one that a restarting child was
    child_status status = child_status::stopped;
    restart_type restart = restart_type::permanent;
    child_type type = child_type::worker;
    bool significant = false;

    [[nodiscard]] bool is_temporary() const { return restart == restart_type::temporary; }
    [[nodiscard]] bool is_running() const { return status == child_status::running; }

    static void* operator new(std::size_t n);
    static void operator delete(void* p, std::size_t n) noexcept;
};

class children_table {
public:
    children_table() = default;
    children_table(const children_table&) = delete;
    children_table& operator=(const children_table&) = delete;
    ~children_table();

    // Takes the newest place. `by_id`: can be found by its id, which must be new.
    supervised* add(const child_spec& spec, bool by_id);
    void remove(supervised* c);

    [[nodiscard]] supervised* oldest() const { return oldest_; }
    [[nodiscard]] supervised* newest() const { return newest_; }
    [[nodiscard]] std::size_t size() const { return size_; }
    [[nodiscard]] std::size_t running() const { return running_; }
    [[nodiscard]] std::size_t restarting() const { return restarting_; }
    [[nodiscard]] std::size_t supervisors() const { return supervisors_; }

    [[nodiscard]] supervised* find(const term& id) const;
    // The running or restarting child with that (last) pid.
    [[nodiscard]] supervised* find(const beam::pid& p) const { return by_pid_.find(p); }

    void set_running(supervised* c, const beam::pid& p);
    void set_stopped(supervised* c);
    // Keeps the pid, by which a dynamic child is still known.
    void set_restarting(supervised* c);

    // Reads the fields of `spec` into `c`, all but its id.
    void apply(supervised* c, const child_spec& spec);
    // Makes `c` the newest.
    void move_to_end(supervised* c);

private:
    void unhook(supervised* c);
    void hook(supervised* c);
    void forget_pid(supervised* c);

    supervised* oldest_ = nullptr;
    supervised* newest_ = nullptr;
    std::size_t size_ = 0, running_ = 0, restarting_ = 0, supervisors_ = 0;
    std::unordered_map<term, supervised*> by_id_;
    pid_map<supervised> by_pid_;
};

}  // namespace beam::detail
