#include "libbeamcore/pubsub/tracker_entry.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <tuple>

#include "libbeamcore/base/hash.hpp"

namespace beam::tracker {

namespace {

// Without what nodes hold differently.
std::uint64_t shared_hash(const term& t) {
    switch (t.kind()) {
        case term_kind::pid:
        case term_kind::ref:
        case term_kind::port:
        case term_kind::fun:
            return 1;
        case term_kind::tuple: {
            std::uint64_t h = 2;
            for (const auto& e : t.elements()) h = hash_combine(h, shared_hash(e));
            return h;
        }
        case term_kind::map: {
            // Added up: the order of the keys may hang on how a pid is held.
            std::uint64_t h = 3;
            for (const auto& e : t.entries())
                h += hash_combine(shared_hash(e.key), shared_hash(e.value));
            return h;
        }
        case term_kind::list: {
            std::uint64_t h = 4;
            auto view = t.list_elements();
            for (const auto& e : view) h = hash_combine(h, shared_hash(e));
            return hash_combine(h, shared_hash(view.last_tail()));
        }
        default:
            return t.hash();
    }
}

}  // namespace

std::string to_string(const dot& d) {
    std::array<char, 48> numbers{};
    std::snprintf(numbers.data(), numbers.size(), "/%llx/%llu",
                  static_cast<unsigned long long>(d.incarnation),
                  static_cast<unsigned long long>(d.counter));
    return std::string(d.node.name()) + numbers.data();
}

const presence* headline(std::span<const presence> sessions, std::uint64_t hlc_max) {
    auto rank = [hlc_max](const presence& p) {
        return std::make_tuple(std::min(p.hlc, hlc_max), p.ref);
    };
    auto found =
        std::max_element(sessions.begin(), sessions.end(),
                         [&](const presence& a, const presence& b) { return rank(a) < rank(b); });
    return found == sessions.end() ? nullptr : &*found;
}

std::size_t encoded_bytes(const term& t) {
    switch (t.kind()) {
        case term_kind::integer: {
            if (auto i = t.as_int64()) return *i >= 0 && *i < 256 ? 2 : 11;
            auto big = t.as_big_integer();
            return 6 + (big ? big->magnitude.size() : 0);
        }
        case term_kind::floating:
            return 9;
        case term_kind::atom:
            return 3 + t.as_atom()->name().size();
        case term_kind::bitstring:
            return 6 + t.bytes().size();
        case term_kind::tuple: {
            std::size_t n = 5;
            for (const auto& e : t.elements()) n += encoded_bytes(e);
            return n;
        }
        case term_kind::map: {
            std::size_t n = 5;
            for (const auto& e : t.entries()) n += encoded_bytes(e.key) + encoded_bytes(e.value);
            return n;
        }
        case term_kind::list: {
            std::size_t n = 5;
            auto view = t.list_elements();
            for (const auto& e : view) n += encoded_bytes(e);
            return n + encoded_bytes(view.last_tail());
        }
        case term_kind::nil:
            return 1;
        default:
            return 60;  // a pid, reference or port with its node's name
    }
}

std::size_t encoded_bytes(const entry& e) {
    constexpr std::size_t numbers_and_process = 100;
    return numbers_and_process + encoded_bytes(e.topic) + encoded_bytes(e.key) +
           encoded_bytes(e.session) + encoded_bytes(e.meta);
}

std::uint64_t entry_hash(const entry& e) {
    std::uint64_t h = hash_combine(e.counter, e.previous);
    h = hash_combine(h, e.hlc);
    for (const term* t : {&e.topic, &e.key, &e.session}) h = hash_combine(h, t->hash());
    return hash_combine(h, shared_hash(e.meta));
}

}  // namespace beam::tracker

namespace beam {

term field_codec<tracker::entry>::to(const tracker::entry& e) {
    return tuple(e.counter, e.previous, e.hlc, e.topic, e.key, e.session, e.meta, e.process);
}

result<void> field_codec<tracker::entry>::from(const term& t, tracker::entry& e) {
    auto part = t.elements();
    if (part.size() < 8) return detail::mismatch("an entry of a tracker", t);
    const auto counter = part[0].as_uint64(), previous = part[1].as_uint64(),
               hlc = part[2].as_uint64();
    const auto process = part[7].as_pid();
    const bool texts = part[3].is_binary() && part[4].is_binary() && part[5].is_binary();
    if (!counter || !previous || !hlc || !texts)
        return detail::mismatch("an entry of a tracker", t);
    e = {*counter, *previous, *hlc, part[3], part[4], part[5], part[6], process ? *process : pid{}};
    return {};
}

}  // namespace beam
