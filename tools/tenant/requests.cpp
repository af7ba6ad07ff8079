#include "tools/tenant/requests.hpp"

#include <algorithm>

namespace tenant {

namespace {

constexpr char brace = '\1';

}  // namespace

beam::term failure(const char* code, std::string_view text) {
    return beam::tuple(beam::atom("kv"), beam::atom(code), beam::binary(text));
}

bool has_code(const beam::term& why, const char* code) {
    return why.is_tagged(beam::atom("kv"), 3) && why.elements()[1] == beam::atom(code);
}

bool is_definite(const beam::term& why) {
    return why.is_tagged(beam::atom("kv"), 3) && why.elements()[1] != beam::atom("unknown");
}

std::string_view text_of(const beam::term& why) {
    if (!why.is_tagged(beam::atom("kv"), 3)) return {};
    return why.elements()[2].as_text().value_or("");
}

std::string tag_of(std::string name) {
    std::replace(name.begin(), name.end(), '}', brace);
    return "{" + name + "}";
}

std::string name_in(const std::string& key) {
    const std::size_t begin = key.find('{') + 1;
    std::string name = key.substr(begin, key.find('}') - begin);
    std::replace(name.begin(), name.end(), brace, '}');
    return name;
}

namespace detail {

beam::term flat_reason(const beam::term& why) {
    const auto parts = why.elements();
    if (parts.size() == 2) return beam::tuple(beam::atom("kv"), parts[0], parts[1]);
    return beam::tuple(beam::atom("kv"), why, beam::binary(""));
}

beam::term call_failed(const beam::term& why, bool is_write) {
    const auto parts = why.elements();
    const bool was_there = parts.empty() || parts[0] != beam::atom("noproc");
    if (is_write && was_there) return failure("unknown", "kv ended under the write");
    return failure("unavailable", "kv does not run here");
}

}  // namespace detail

beam::awaitable<beam::outcome<std::optional<kv::found>>> get(std::string key) {
    kv::get_options o;
    o.primary = true;
    o.timeout_ms = patience_ms;
    auto asking = kv::get(std::move(key), o);
    beam::outcome<kv::found> found = flat(co_await asking.outcome(), false);
    if (found) co_return std::optional<kv::found>(*std::move(found));
    if (has_code(found.error(), "not_found")) co_return std::optional<kv::found>();
    co_return beam::fail_term(found.error());
}

beam::awaitable<beam::outcome<kv::written>> transact(std::vector<kv::transaction_part> parts) {
    kv::change_options o;
    o.timeout_ms = patience_ms;
    auto writing = kv::transact(std::move(parts), o);
    beam::outcome<kv::written> written = flat(co_await writing.outcome(), true);
    if (!written && has_code(written.error(), "not_found"))
        co_return beam::fail_term(failure("conflict", "the key is gone"));
    co_return written;
}

kv::transaction_part put_part(std::string key, std::string value) {
    kv::transaction_part p;
    p.key = std::move(key);
    p.value = std::move(value);
    return p;
}

kv::transaction_part erase_part(std::string key) {
    kv::transaction_part p;
    p.op = "delete";
    p.key = std::move(key);
    return p;
}

beam::awaitable<beam::outcome<kv::leader>> leader_of(std::string key) {
    auto asking = kv::find_leader(std::move(key));
    beam::outcome<kv::leader> found = flat(co_await asking.outcome(), false);
    co_return found;
}

}  // namespace tenant
