// How the parts of a shard lie on the disk and travel between nodes, as bytes.
//
// All begin with no mark of a version of their own: what holds them has one (the store's format, the protocol that nodes
// agree on as they meet).
#pragma once

#include <string>
#include <string_view>

#include "libbeamcore/term/fields.hpp"
#include "tools/kv/app/bytes.hpp"
#include "tools/kv/app/changes.hpp"
#include "tools/kv/shard/checkpoint.hpp"
#include "tools/kv/shard/dedup_table.hpp"
#include "tools/kv/shard/entry.hpp"
#include "tools/kv/shard/messages.hpp"
#include "tools/kv/shard/record.hpp"
#include "tools/kv/shard/request.hpp"

namespace kv {

void write(byte_writer& w, const store_id& s);
void write(byte_writer& w, const log_point& p);
void write(byte_writer& w, const value& v);
void write(byte_writer& w, const entry& e);
void write(byte_writer& w, const shard_record& r);
void write(byte_writer& w, const dedup_table& t);
void write(byte_writer& w, const checkpoint& c);
void write(byte_writer& w, const message& m);
void write(byte_writer& w, const write_request& r);
void write(byte_writer& w, const read_request& r);
void write(byte_writer& w, const answer& a);

// These throw malformed_bytes.

void read(byte_reader& r, store_id& s);
void read(byte_reader& r, log_point& p);
void read(byte_reader& r, value& v);
void read(byte_reader& r, entry& e);
void read(byte_reader& r, shard_record& to);
void read(byte_reader& r, dedup_table& t);
void read(byte_reader& r, checkpoint& c);
void read(byte_reader& r, message& m);
void read(byte_reader& r, write_request& to);
void read(byte_reader& r, read_request& to);
void read(byte_reader& r, answer& a);

/// About how many bytes it takes; of what is always short, any.
template <class T>
[[nodiscard]] std::size_t length_of(const T& /*value*/) {
    return 64;
}
[[nodiscard]] inline std::size_t length_of(const value& v) {
    return 32 + v.bytes.size();
}
[[nodiscard]] inline std::size_t length_of(const entry& e) {
    return 32 + size_of(e);
}
[[nodiscard]] std::size_t length_of(const message& m);

/// All of it.
template <class T>
[[nodiscard]] std::string bytes_of(const T& value) {
    byte_writer w;
    w.expect(length_of(value));
    write(w, value);
    return w.take();
}
template <class T>
[[nodiscard]] T from_bytes(std::string_view bytes) {
    T value{};
    byte_reader r(bytes);
    read(r, value);
    r.expect_end();
    return value;
}

/// With a checksum in front: bytes that a disk may have spoilt. XXH3, its low 32 bits.
[[nodiscard]] std::string sealed(std::string_view bytes);
/// The same of what is written to it, without a copy.
class sealing_writer : public byte_writer {
public:
    sealing_writer() { fixed32(0); }
    [[nodiscard]] std::string take_sealed();
};
template <class T>
[[nodiscard]] std::string sealed_bytes_of(const T& value) {
    sealing_writer w;
    w.expect(length_of(value));
    write(w, value);
    return w.take_sealed();
}
/// Without it. Throws malformed_bytes if it does not fit.
[[nodiscard]] std::string_view unsealed(std::string_view bytes);
/// A sealed value, in the memory that it lies in: a scan reads many. Throws malformed_bytes.
[[nodiscard]] value value_within(std::string sealed_value);

}  // namespace kv

namespace beam {

/// As a field of a message between nodes: a binary.
#define KV_AS_BINARY(type)                                                        \
    template <>                                                                   \
    struct field_codec<type> {                                                    \
        static term to(const type& value) { return binary(kv::bytes_of(value)); } \
        static result<void> from(const term& t, type& value) {                    \
            if (!t.is_binary()) return detail::mismatch("a binary", t);           \
            try {                                                                 \
                value = kv::from_bytes<type>(t.bytes());                          \
            } catch (const kv::malformed_bytes&) {                                \
                return detail::mismatch(#type, t);                                \
            }                                                                     \
            return {};                                                            \
        }                                                                         \
        template <class>                                                          \
        static constexpr std::uint64_t fingerprint() {                            \
            return detail::fnv(#type);                                            \
        }                                                                         \
    };
KV_AS_BINARY(kv::store_id)
KV_AS_BINARY(kv::message)
KV_AS_BINARY(kv::write_request)
KV_AS_BINARY(kv::read_request)
KV_AS_BINARY(kv::answer)
KV_AS_BINARY(kv::changes_request)
KV_AS_BINARY(kv::changes_page)
#undef KV_AS_BINARY

}  // namespace beam
