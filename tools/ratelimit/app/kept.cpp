#include "tools/ratelimit/app/kept.hpp"

#include <time.h>

#include <algorithm>
#include <fstream>

#include "libbeamcore/base/log.hpp"
#include "libbeamcore/release/node_facts.hpp"
#include "libbeamcore/runtime/name.hpp"
#include "libbeamcore/store/store.hpp"
#include "tools/ratelimit/app/names.hpp"

// Databases: `rules` (name -> the rule), `usages` (row name -> a saved usage), `breakers` (name -> a term).

namespace ratelimit::kept {

namespace store = beam::store;

namespace {

const beam::term format = 1;  // of all values; a later version converts what it finds

// A runtime that no node was booted in has no folder: nothing is kept there.
bool is_kept() {
    return !beam::this_node_facts().store_folder.empty();
}

store::database database(const char* name) {
    return store::database(store_name(), name);
}

beam::term store_reason(const beam::error& e) {
    return beam::tuple(beam::atom("store"), beam::atom(e.code), e.detail);
}
beam::outcome<void> done(const beam::result<void>& r) {
    if (!r) return beam::fail_term(store_reason(r.error()));
    return {};
}

/// What cannot be read ends whoever needs it, with the file's name in the reason.
template <class T>
T readable(beam::result<T> r) {
    if (!r) beam::exit(store_reason(r.error()));
    return *std::move(r);
}

template <class F>
void each_item(const char* db, F f) {
    if (!is_kept()) return;
    store::scan_options options;
    do {
        store::page page = readable(store::scan(database(db), options));
        for (const auto& [key, value] : page.items)
            f(key, readable(store::decode_term(value)).value);
        options.after = page.next;
    } while (!options.after.empty());
}

// Reads a value that this version wrote, or ends the caller.
template <class T>
T value_of(const std::string& key, const beam::term& t) {
    auto read = beam::from_term<T>(t);
    if (!read) beam::exit(beam::tuple(beam::atom("bad_value"), key, read.error().detail));
    return *std::move(read);
}

beam::awaitable<beam::outcome<void>> put(const char* db, std::string key, beam::term value) {
    if (!is_kept()) co_return beam::outcome<void>();
    auto writing = store::put_term(database(db), key, format, value);
    beam::result<void> written = co_await writing;
    co_return done(written);
}
beam::awaitable<beam::outcome<void>> erase(const char* db, std::string key) {
    if (!is_kept()) co_return beam::outcome<void>();
    auto writing = store::erase(database(db), key);
    beam::result<void> written = co_await writing;
    co_return done(written);
}

beam::start_result start_store() {
    if (!is_kept()) return beam::ignore{};
    store::open_options options;
    options.name = store_name();
    auto pid = store::start_link(beam::this_node_facts().store_folder / "ratelimit", options);
    if (!pid) return tl::unexpected<beam::term>(std::move(pid.error()));
    return beam::started{*pid, {}};
}

std::int64_t read_clock(clockid_t clock) {
    timespec t{};
    ::clock_gettime(clock, &t);
    return t.tv_sec * 1'000'000'000LL + t.tv_nsec;
}

moment this_moment() {
    moment m;
    m.node_ns = clock_now();
    m.boot_ns = read_clock(CLOCK_BOOTTIME);
    m.wall_ns = read_clock(CLOCK_REALTIME);
    std::ifstream file("/proc/sys/kernel/random/boot_id");
    std::getline(file, m.boot_id);
    return m;
}

struct saved_usage {
    usage_row row;
    moment when;
    BEAM_FIELDS(saved_usage, row, when)
};

}  // namespace

std::int64_t moved(std::int64_t at, const moment& then, const moment& now) {
    const bool same_boot = !then.boot_id.empty() && then.boot_id == now.boot_id;
    const std::int64_t passed = same_boot ? now.boot_ns - then.boot_ns : now.wall_ns - then.wall_ns;
    return now.node_ns - std::max<std::int64_t>(passed, 0) - (then.node_ns - at);
}

beam::child_start store_child() {
    return beam::child_start([] { return start_store(); });
}

std::vector<rule> rules() {
    std::vector<rule> all;
    each_item("rules", [&](const std::string& key, const beam::term& value) {
        all.push_back(value_of<rule>(key, value));
    });
    return all;
}

beam::awaitable<beam::outcome<void>> save_rule(rule r) {
    r.blocked = 0;
    return put("rules", r.name, beam::to_term(r));
}
beam::awaitable<beam::outcome<void>> erase_rule(std::string name) {
    return erase("rules", std::move(name));
}

std::vector<usage_row> usages() {
    std::vector<usage_row> all;
    const moment now = this_moment();
    each_item("usages", [&](const std::string& key, const beam::term& value) {
        auto saved = value_of<saved_usage>(key, value);
        saved.row.at = moved(saved.row.at, saved.when, now);
        saved.row.idle_at = moved(saved.row.idle_at, saved.when, now);
        for (auto& [at, cost] : saved.row.log) at = moved(at, saved.when, now);
        all.push_back(std::move(saved.row));
    });
    return all;
}

std::vector<std::pair<std::string, beam::term>> breakers() {
    std::vector<std::pair<std::string, beam::term>> all;
    each_item("breakers", [&](const std::string& key, const beam::term& value) {
        all.emplace_back(key, value);
    });
    return all;
}
std::optional<beam::term> breaker(const std::string& name) {
    if (!is_kept()) return {};
    auto found = readable(store::get_term(database("breakers"), name));
    if (!found) return {};
    return std::move(found->value);
}
beam::awaitable<beam::outcome<void>> save_breaker(std::string name, beam::term what) {
    return put("breakers", std::move(name), std::move(what));
}
beam::awaitable<beam::outcome<void>> erase_breaker(std::string name) {
    return erase("breakers", std::move(name));
}

// -- the writer ----------------------------------------------------------------------------------------

beam::future<beam::outcome<bool>> writer::save(std::string row_name) {
    return beam::call<save_row>(writer_name(), std::move(row_name));
}
void writer::save_soon(std::string row_name) {
    beam::cast<save_row>(writer_name(), std::move(row_name));
}

beam::init_result<writer> writer::init() {
    if (!beam::try_register_name(writer_name(), beam::this_process().id()))
        return beam::stop_with{beam::atom("name_taken")};
    return writer();
}

void writer::add(std::string name) {
    names_.push_back(std::move(name));
    // Behind everything that waits already, so that all of it is saved in one commit.
    if (!flushing_) beam::cast<flush>(id());
    flushing_ = true;
}

beam::call_result<beam::outcome<bool>> writer::handle_call(save_row m, beam::from caller) {
    callers_.push_back(caller);
    add(std::move(m.name));
    return beam::noreply{};
}
void writer::handle_cast(save_row m) {
    add(std::move(m.name));
}

beam::awaitable<void> writer::handle_cast(flush) {
    std::vector<std::string> names = std::exchange(names_, {});
    std::vector<beam::from> callers = std::exchange(callers_, {});
    flushing_ = false;
    std::sort(names.begin(), names.end());
    names.erase(std::unique(names.begin(), names.end()), names.end());
    saved_usage saved;
    saved.when = this_moment();
    store::batch batch;
    for (const std::string& name : names) {
        auto row = find_row(usage_name(), name);
        if (row && row->is_durable()) {
            saved.row = *std::move(row);
            batch.put(name, store::encode_term(format, beam::to_term(saved)));
        } else {
            batch.erase(name);
        }
    }
    beam::result<void> written;
    if (is_kept()) {
        auto writing = store::write(database("usages"), std::move(batch));
        written = co_await writing;
    }
    if (!written)
        beam::log(beam::log_level::warning, "ratelimit", "what is spent was not saved",
                  {{"reason", written.error().code + ": " + written.error().detail}});
    beam::outcome<bool> answer = true;
    if (!written) answer = beam::fail_term(store_reason(written.error()));
    for (const beam::from& f : callers) beam::reply(f, answer);
}

}  // namespace ratelimit::kept
