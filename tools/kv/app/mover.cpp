#include "tools/kv/app/mover.hpp"

#include "libbeamcore/runtime/link.hpp"
#include "libbeamcore/runtime/name.hpp"
#include "libbeamcore/runtime/send.hpp"
#include "libbeamcore/runtime/timer.hpp"
#include "tools/kv/app/names.hpp"
#include "tools/kv/app/settings.hpp"

namespace kv {

namespace {

constexpr std::size_t moves_at_once = 2;

}  // namespace

void mover::wish(const beam::pid& who, const move_wish& w) {
    const move_asker a{who, w.number};
    if (w.is_wanted)
        beam::cast<ask_permit>(mover_name(), a);
    else
        beam::cast<permit_back>(mover_name(), a);
}

void mover::ask_to_read(const beam::pid& who, std::size_t bytes) {
    beam::cast<ask_piece>(mover_name(), who, bytes, false);
}

void mover::ask_to_take_in(const beam::pid& who, std::size_t bytes) {
    beam::cast<ask_piece>(mover_name(), who, bytes, true);
}

mover::mover(std::uint64_t bytes_a_second)
    : permits_(moves_at_once), out_(bytes_a_second), in_(bytes_a_second) {}

beam::init_result<mover> mover::init() {
    if (!beam::try_register_name(mover_name(), beam::this_process().id()))
        return beam::stop_with{beam::atom("name_taken")};
    const auto limit = copy_limit_setting();
    if (!limit)
        return beam::stop_with{beam::tuple(beam::atom(limit.error().code), limit.error().detail)};
    return mover(*limit);
}

void mover::handle_cast(const ask_permit& m) {
    if (!watched_.contains(m.a.who)) watched_.emplace(m.a.who, beam::monitor(m.a.who));
    permits_.ask(m.a);
    tell();
}

void mover::handle_cast(const permit_back& m) {
    permits_.give_back(m.a);
    if (const auto watch = watched_.find(m.a.who);
        watch != watched_.end() && !permits_.knows(m.a.who)) {
        beam::demonitor(watch->second, {.flush = true});
        watched_.erase(watch);
    }
    tell();
}

void mover::handle_cast(const ask_piece& m) {
    const auto wait = (m.has_come ? in_ : out_).take(m.bytes, beam::monotonic_time());
    if (wait.count() == 0)
        beam::send(m.who, piece_allowed{m.has_come});
    else
        beam::send_after(wait, m.who, piece_allowed{m.has_come});
}

void mover::handle_info(const beam::down_message& m) {
    for (auto watch = watched_.begin(); watch != watched_.end(); ++watch) {
        if (watch->second != m.monitor) continue;
        permits_.died(watch->first);
        watched_.erase(watch);
        break;
    }
    tell();
}

void mover::tell() {
    for (const move_asker& a : permits_.take_news()) beam::send(a.who, move_given{a.number});
}

}  // namespace kv
