#include "tools/ratelimit/app/breaker_table.hpp"

#include "libbeamcore/ets/rows.hpp"
#include "libbeamcore/otp/registry.hpp"
#include "libbeamcore/runtime/groups.hpp"
#include "libbeamcore/runtime/send.hpp"
#include "tools/ratelimit/app/kept.hpp"
#include "tools/ratelimit/app/names.hpp"

namespace breakers {

namespace {

namespace ets = beam::ets;
using row_table = ets::typed_table<breaker_row>;

bool is_open(state_kind s) {
    return s == state_kind::open || s == state_kind::half_open;
}

beam::atom open_count() {
    return beam::atom("breakers_open");
}
void add_open(int n) {
    if (n == 0) return;
    ets::counter_update update;
    update.increment = n;
    ets::update_counter(ratelimit::marks_name(), open_count(), update,
                        beam::tuple(open_count(), 0));
}

}  // namespace

const char* name_of(state_kind s) {
    for (const auto& n : beam_enum_names(s).names)
        if (n.value == s) return n.name;
    return "";
}

ets::table make_breakers_table() {
    ets::table_options options;
    options.type = ets::table_type::ordered_set;
    options.access = ets::table_access::public_;
    options.named = true;
    return ets::new_table(ratelimit::breakers_name(), options);
}

kept_breaker read_kept(const std::string& name) {
    kept_breaker k;
    if (const auto found = ratelimit::kept::breaker(name)) {
        auto read = beam::from_term<kept_breaker>(*found);
        if (!read) beam::exit(beam::tuple(beam::atom("bad_value"), name, read.error().detail));
        k = *std::move(read);
    }
    return k;
}

std::optional<breaker_row> find_row(const std::string& name) {
    return row_table(ratelimit::breakers_name()).lookup(name);
}

void put_row(const breaker_row& row) {
    const row_table rows(ratelimit::breakers_name());
    const auto old = rows.lookup(row.name);  // nobody but its process writes it
    rows.insert(row);
    add_open(int(is_open(row.state)) - int(old && is_open(old->state)));
}

void erase_row(const std::string& name) {
    const auto old = row_table(ratelimit::breakers_name()).take(name);
    if (old && is_open(old->state)) add_open(-1);
}

std::uint64_t open_breakers() {
    const beam::term n = ets::lookup_element(ratelimit::marks_name(), open_count(), 2, 0);
    return n.as_uint64().value_or(0);
}

std::vector<breaker_row> page_after(const std::string& name, std::size_t limit) {
    const row_table rows(ratelimit::breakers_name());
    std::vector<breaker_row> page;
    auto key = name.empty() ? ets::first(rows.table()) : ets::next(rows.table(), name);
    while (key && page.size() < limit) {
        if (auto row = rows.lookup(std::string(key->bytes()))) page.push_back(*std::move(row));
        key = ets::next(rows.table(), *key);
    }
    return page;
}

void tell_watchers(const breaker_event& e) {
    for (const beam::term& group : {beam::term(e.name), beam::term(beam::atom("all"))})
        for (const beam::pid& p : beam::pg::get_members(ratelimit::breaker_watchers(), group))
            beam::send(p, e);
}

void watch(const std::string& name) {
    const beam::term group = name.empty() ? beam::term(beam::atom("all")) : beam::term(name);
    beam::pg::join(ratelimit::breaker_watchers(), group, beam::this_process().id());
}

std::optional<beam::pid> find_breaker(const std::string& name) {
    return beam::registry::whereis(ratelimit::breaker_registry(), name);
}

std::vector<beam::pid> all_breakers() {
    std::vector<beam::pid> all;
    // [{{'_', '$1', '_'}, [], ['$1']}]: the processes.
    const beam::term any = beam::atom("_"), pid = beam::atom("$1");
    const beam::term spec =
        beam::list({beam::tuple(beam::tuple(any, pid, any), beam::nil, beam::list({pid}))});
    for (const beam::term& found : beam::registry::select(ratelimit::breaker_registry(), spec))
        if (const auto p = found.as_pid()) all.push_back(*p);
    return all;
}

}  // namespace breakers
