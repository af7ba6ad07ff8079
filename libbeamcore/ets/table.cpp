#include "libbeamcore/ets/table.hpp"

#include <utility>

#include "libbeamcore/ets/internal/registry.hpp"
#include "libbeamcore/ets/internal/table_object.hpp"
#include "libbeamcore/runtime/detail/local.hpp"

BEAM_DEFINE_DESCRIPTOR(beam::ets_transfer);

namespace beam {

namespace detail::ets {

void no_table(const table& t) {
    if (t.is_name() && !current_or_null())
        bad("a plain thread finds no table by its name: keep what ets::whereis gives");
    bad(t.is_name() ? "there is no table named " + to_string(t.name())
                    : std::string("the table does not exist any more"));
}

void check_right(const table_object& t, right wanted) {
    if (t.access == table_access::public_) return;
    if (t.access == table_access::protected_ && wanted == right::read) return;
    process_block* pb = current_or_null();
    // Two runtimes may have processes of one number.
    if (pb && packed(self(pb).id()) == t.owner.load(std::memory_order_acquire) &&
        &runtime_of(pb) == &t.home->node)
        return;
    bad(t.access == table_access::private_ ? "the table is private and not the caller's"
                                           : "the table is protected and not the caller's");
}

namespace {

void check_owner(const table_object& t) {
    if (packed(this_process().id()) != t.owner.load(std::memory_order_acquire))
        bad("the caller does not own the table");
}

void check_heir(const std::optional<beam::ets::heir>& h) {
    if (h && !h->pid.is_local()) bad("an heir is a process of this node");
}

// Words 2 to 4 of a table's reference: where it is, and a mark that no other reference has.
constexpr std::uint32_t table_mark = 0x00455453;

}  // namespace

}  // namespace detail::ets

namespace ets {

using namespace beam::detail::ets;
using beam::detail::current_or_null;

bad_argument::bad_argument(std::string why)
    : error_exception(atoms::badarg), detail(std::move(why)) {}
bad_argument::bad_argument(const bad_argument&) = default;
bad_argument::~bad_argument() = default;

table::table(const term& t) {
    if (auto a = t.as_atom()) {
        name_ = *a;
        return;
    }
    auto r = t.as_ref();
    if (!r || !r->is_local() || r->words[4] != table_mark)
        bad(shown(t) + " is neither a table's name nor its reference");
    slot_ = r->words[2];
    unique_ = std::uint64_t(r->words[1]) << 32 | r->words[0];
}

term table::to_term() const {
    if (is_name()) return name_;
    ref r;
    r.words[0] = std::uint32_t(unique_);
    r.words[1] = std::uint32_t(unique_ >> 32);
    r.words[2] = slot_;
    r.words[4] = table_mark;
    return r;
}

table new_table(atom name, const table_options& options) {
    registry& all = registry::of_caller();
    if (options.keypos == 0 || options.keypos > UINT32_MAX) bad("keypos is 1 or more");
    check_heir(options.heir);
    charge(10);
    const beam::detail::read_section section;
    return all.create(name, options, this_process().id());
}

void delete_table(const table& t) {
    const open_table found(t, right::write);
    charge(10);
    found->home->remove(t, &*found);
}

table rename(const table& t, atom name) {
    const open_table found(t, right::write);
    found->home->rename(&*found, name);
    return t.is_name() ? table(name) : t;
}

void give_away(const table& t, pid to, term data) {
    registry& all = registry::of_caller();
    const open_table found(t, right::none);
    check_owner(*found);
    all.give_away(&*found, to, std::move(data));
}

void set_heir(const table& t, std::optional<heir> h) {
    (void)registry::of_caller();
    const open_table found(t, right::none);
    check_owner(*found);
    check_heir(h);
    found->home->set_heir(&*found, std::move(h));
}

std::optional<table> whereis(atom name) {
    const beam::detail::read_section section;
    const table_object* t = registry::of_caller().find(name);
    if (!t) return std::nullopt;
    return id_of(*t);
}

std::vector<table> all() {
    return registry::of_caller().all();
}

std::optional<info> info_of(const table& t) {
    const beam::detail::read_section section;
    const table_object* found =
        t.is_name() ? object_named(t.name()) : object_in(t.slot(), t.unique());
    if (!found) return std::nullopt;
    charge(5);
    return found->home->info_of(*found);
}

std::size_t size(const table& t) {
    return open_table(t, right::none).store().size();
}

void safe_fixtable(const table& t, bool fix) {
    (void)registry::of_caller();
    const open_table found(t, right::read);
    found->home->fix(&*found, this_process().id(), fix);
}

}  // namespace ets

}  // namespace beam
