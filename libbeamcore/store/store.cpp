#include "libbeamcore/store/store.hpp"

#include <algorithm>
#include <iterator>

#include "libbeamcore/runtime/blocking.hpp"
#include "libbeamcore/runtime/detail/local.hpp"
#include "libbeamcore/runtime/spawn.hpp"
#include "libbeamcore/store/internal/environment.hpp"
#include "libbeamcore/store/internal/range.hpp"
#include "libbeamcore/store/internal/store_process.hpp"
#include "libbeamcore/term/syntax.hpp"

BEAM_DEFINE_DESCRIPTOR(beam::store::statistics);
BEAM_DEFINE_DESCRIPTOR(beam::store::written);

namespace beam::store {

using detail::operation;
using detail::write_answer;

std::string to_string(engine_type e) {
    return e == engine_type::rocksdb ? "rocksdb" : "lmdb";
}

std::optional<engine_type> parse_engine(std::string_view name) {
    for (const auto e : {engine_type::lmdb, engine_type::rocksdb})
        if (name == to_string(e)) return e;
    return std::nullopt;
}

// Starting.

namespace {

term reason_of(const error& e) {
    return tuple(atom(e.code), e.detail);
}

outcome<pid> start_with(const std::string& path, const open_options& options, bool linked) {
    auto env = std::make_shared<detail::environment>(path, options);
    if (auto r = env->open(); !r) return fail_term(reason_of(r.error()));
    const pid parent = this_process().id();
    spawn_options spawning;
    spawning.link = linked;
    spawning.name = options.name;
    auto* pb = beam::detail::spawn_begin(spawning, nullptr);
    if (!pb) {
        env->close();
        return fail_term(tuple(atom("name_taken"), options.name ? term(*options.name) : term()));
    }
    // Before it runs: who has the pid may read.
    const pid store = beam::detail::self_of(pb).id();
    detail::open_stores::of(beam::detail::runtime_of(pb)).add(store, env);
    auto body = std::make_unique<detail::store_process>(
        std::move(env), options, beam::detail::runtime_of(pb), store, parent);
    return beam::detail::spawn_commit(pb, std::move(body), nullptr,
                                      beam::detail::intern_initial_call("beam::store"), spawning)
        .pid;
}

}  // namespace

outcome<pid> start_link(const std::string& path, const open_options& options) {
    return start_with(path, options, true);
}
outcome<pid> start(const std::string& path, const open_options& options) {
    return start_with(path, options, false);
}

// Writing.

namespace detail {

namespace {

write_answer no_answer(const term& failure) {
    // {Why, {gen_server, call, _}}
    const auto parts = failure.elements();
    const term why = parts.empty() ? failure : parts[0];
    print_options shown;
    shown.max_bytes = 500;
    if (why == atoms::noproc) return {"noproc", "no such store", false};
    if (why == atoms::timeout) return {"timeout", "the store did not answer in time", false};
    return {"unavailable", to_string(why, shown), false};
}

std::vector<operation> operations_for(const database& db, std::vector<operation> ops) {
    for (auto& op : ops)
        if (op.db.empty()) op.db = db.name();
    return ops;
}

future<write_answer> send_operations(const database& db, std::vector<operation> ops, bool is_cas,
                                     timeout limit, bool is_lazy = false, bool is_durable = false) {
    return send_request(
        db.store(), write_request{operations_for(db, std::move(ops)), is_cas, is_lazy, is_durable},
        limit);
}

future<write_answer> send_one(const database& db, operation::kind what, std::string_view key,
                              std::string_view value, timeout limit) {
    std::vector<operation> ops;
    ops.push_back({what, {}, std::string(key), std::string(value)});
    return send_operations(db, std::move(ops), false, limit);
}

}  // namespace

write_answer answer_future::take() {
    auto answer = future_.outcome().await_resume();
    if (!answer) return no_answer(answer.error());
    return *std::move(answer);
}

}  // namespace detail

result<void> write_future::await_resume() {
    write_answer a = take();
    if (!a.code.empty()) return fail(std::move(a.code), std::move(a.detail));
    return {};
}

result<cas_result> cas_future::await_resume() {
    write_answer a = take();
    if (!a.code.empty()) return fail(std::move(a.code), std::move(a.detail));
    return cas_result{a.applied, std::move(a.actual)};
}

write_future put(const database& db, std::string_view key, std::string_view value, timeout limit) {
    return write_future(detail::send_one(db, operation::kind::put, key, value, limit));
}
write_future erase(const database& db, std::string_view key, timeout limit) {
    return write_future(detail::send_one(db, operation::kind::erase, key, {}, limit));
}
write_future erase_prefix(const database& db, std::string_view prefix, timeout limit) {
    const auto range = detail::range_of_prefix(prefix);
    return erase_range(db, range.first, range.last, limit);
}
write_future erase_range(const database& db, std::string_view first, std::string_view last,
                         timeout limit) {
    return write_future(detail::send_one(db, operation::kind::erase_range, first, last, limit));
}

batch& batch::in(std::string db) {
    db_ = std::move(db);
    return *this;
}
batch& batch::add(operation::kind what, std::string key, std::string value) {
    bytes_ += key.size() + value.size();
    operations_.push_back({what, db_, std::move(key), std::move(value)});
    return *this;
}
batch& batch::put(std::string_view key, std::string_view value) {
    return add(operation::kind::put, std::string(key), std::string(value));
}
batch& batch::put_moved(std::string key, std::string value) {
    return add(operation::kind::put, std::move(key), std::move(value));
}
batch& batch::erase(std::string_view key) {
    return add(operation::kind::erase, std::string(key), {});
}
batch& batch::erase_prefix(std::string_view prefix) {
    const auto range = detail::range_of_prefix(prefix);
    return erase_range(range.first, range.last);
}
batch& batch::erase_range(std::string_view first, std::string_view last) {
    return add(operation::kind::erase_range, std::string(first), std::string(last));
}
batch& batch::append(batch other) {
    bytes_ += other.bytes_;
    if (operations_.empty())
        operations_ = std::move(other.operations_);
    else
        operations_.insert(operations_.end(), std::make_move_iterator(other.operations_.begin()),
                           std::make_move_iterator(other.operations_.end()));
    return *this;
}

batch& batch::lazy() {
    is_lazy_ = true;
    return *this;
}
batch& batch::durable() {
    is_durable_ = true;
    return *this;
}
batch& batch::expect(std::string_view key, std::optional<std::string_view> value) {
    return value ? add(operation::kind::expect, std::string(key), std::string(*value))
                 : add(operation::kind::expect_absent, std::string(key), {});
}

write_future write(const database& db, batch b, timeout limit) {
    return write_future(detail::send_operations(db, std::move(b.operations()), false, limit,
                                                b.is_lazy(), b.is_durable()));
}

void notify_write(const database& db, batch b, pid to, std::uint64_t tag) {
    const auto store = db.store().resolve();
    if (!store || !beam::detail::pid_exists(*store)) {
        send(to, written{tag, "noproc", "no such store"});
        return;
    }
    detail::notify_request request;
    request.operations = detail::operations_for(db, std::move(b.operations()));
    request.to = {to, tag};
    request.is_lazy = b.is_lazy();
    request.is_durable = b.is_durable();
    send(*store, std::move(request));
}

cas_future cas(const database& db, std::string_view key, std::optional<std::string_view> expected,
               std::optional<std::string_view> desired, timeout limit) {
    batch b;
    b.expect(key, expected);
    desired ? b.put(key, *desired) : b.erase(key);
    return cas_future(detail::send_operations(db, std::move(b.operations()), true, limit));
}

write_future close(const server_ref& store, timeout limit) {
    return write_future(send_request(store, detail::close_request{}, limit));
}
write_future reopen(const server_ref& store, timeout limit) {
    return write_future(send_request(store, detail::reopen_request{}, limit));
}

// Reading.

namespace {

result<std::shared_ptr<detail::environment>> find(const server_ref& store) {
    const auto p = store.resolve();
    auto env = p ? detail::open_stores::of(this_process().node()).find(*p) : nullptr;
    if (!env) return fail("noproc", "no such store");
    this_process().bump_reductions(4);
    return env;
}

/// In reductions: an item is some 300 ns, and they are read, checked and copied at 1 GB/s.
int cost_of(const page& p) {
    std::size_t bytes = 0;
    for (const auto& [key, value] : p.items) bytes += key.size() + value.size();
    return int(std::min<std::size_t>(p.items.size() + bytes / 256, 4000));
}

}  // namespace

result<std::optional<std::string>> get(const database& db, std::string_view key) {
    auto env = find(db.store());
    if (!env) return pass(env);
    if (key.empty()) return fail("key_empty");
    return (*env)->data().get(db.name(), key);
}

result<page> scan(const database& db, const scan_options& options) {
    auto env = find(db.store());
    if (!env) return pass(env);
    auto p = (*env)->data().scan(db.name(), options);
    if (p) this_process().bump_reductions(cost_of(*p));
    return p;
}

result<std::uint64_t> count(const database& db) {
    auto env = find(db.store());
    if (!env) return pass(env);
    return (*env)->data().count(db.name());
}

result<std::vector<std::string>> databases(const server_ref& store) {
    auto env = find(store);
    if (!env) return pass(env);
    return (*env)->data().databases();
}

result<statistics> info(const server_ref& store) {
    auto env = find(store);
    if (!env) return pass(env);
    return (*env)->info();
}

awaitable<result<void>> backup(server_ref store, std::string folder) {
    auto env = find(store);
    if (!env) co_return pass(env);
    auto copy = blocking([kept = *env, folder] {
        const auto r = kept->backup(folder);
        return r ? write_answer{} : write_answer{r.error().code, r.error().detail, false};
    });
    const write_answer a = co_await copy;
    if (!a.code.empty()) co_return fail(a.code, a.detail);
    co_return result<void>{};
}

// Terms.

std::string encode_term(const term& vsn, const term& value) {
    return to_string(tuple(vsn, value));
}

result<versioned_term> decode_term(std::string_view text) {
    auto t = parse_term(text);
    if (!t) return fail("corrupt", t.error().code + ": " + t.error().detail);
    const auto parts = t->elements();
    if (!t->is_tuple() || parts.size() != 2) return fail("corrupt", "not {Vsn, Value}");
    return versioned_term{parts[0], parts[1]};
}

write_future put_term(const database& db, std::string_view key, const term& vsn, const term& value,
                      timeout limit) {
    return put(db, key, encode_term(vsn, value), limit);
}

result<std::optional<versioned_term>> get_term(const database& db, std::string_view key) {
    auto text = get(db, key);
    if (!text) return pass(text);
    if (!*text) return std::nullopt;
    auto t = decode_term(**text);
    if (!t) return pass(t);
    return *std::move(t);
}

}  // namespace beam::store
