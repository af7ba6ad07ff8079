#include "tools/cache/app/keeper.hpp"

#include "libbeamcore/runtime/name.hpp"
#include "tools/cache/app/application.hpp"
#include "tools/cache/app/books.hpp"

namespace cache {

namespace ets = beam::ets;

namespace {

void make_table(beam::atom name) {
    ets::table_options options;
    options.access = ets::table_access::public_;
    options.named = true;
    (void)ets::new_table(name, options);
}

/// Those that are not there: at the beginning, and when all was lost.
void make_tables() {
    if (!ets::whereis(entries_name())) make_table(entries_name());
    if (ets::whereis(books_name())) return;
    make_table(books_name());
    books(books_name()).open();
}

}  // namespace

beam::awaitable<void> keeper::give_tables() {
    auto asked = beam::call<claim>(keeper_name(), beam::timeout(beam::infinity{}), id());
    co_await asked;
}

beam::init_result<keeper> keeper::init() {
    const beam::pid me = id();
    if (!beam::try_register_name(keeper_name(), me))
        return beam::stop_with{beam::atom("name_taken")};
    make_tables();
    beam::cast<keeper_is>(worker_name(), me);
    return keeper();
}

// False: the one before, which is dying, has them still; they come with ets_transfer.
bool keeper::give(beam::pid worker) {
    make_tables();
    bool all = true;
    ets::heir heir;
    heir.pid = id();
    for (beam::atom name : {entries_name(), books_name()}) {
        const auto what = ets::info_of(name);
        if (!what || what->owner == worker) continue;
        if (what->owner != id()) {
            all = false;
            continue;
        }
        // First the heir: the worker may be killed before it runs.
        ets::set_heir(name, heir);
        try {
            ets::give_away(name, worker, name);
        } catch (const ets::bad_argument&) {
            return true;  // it has died meanwhile: the next one asks for itself
        }
    }
    return all;
}

beam::call_result<void> keeper::handle_call(claim m, beam::from caller) {
    if (give(m.worker)) return {};
    waiting_ = {m.worker, caller};
    return beam::noreply{};
}

void keeper::handle_info(const beam::ets_transfer&) {
    if (!waiting_ || !give(waiting_->worker)) return;
    beam::reply(waiting_->caller);
    waiting_.reset();
}

}  // namespace cache
