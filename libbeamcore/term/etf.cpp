#include "libbeamcore/term/etf.hpp"

#include <limits>

#include "libbeamcore/term/internal/etf_decoder.hpp"
#include "libbeamcore/term/internal/etf_encoder.hpp"
#include "libbeamcore/term/internal/etf_zlib.hpp"

namespace beam::etf {
namespace {

constexpr std::size_t compressed_head = 5;  // the tag and the size

auto refused(const stopped& s, const char* unit, std::size_t place) {
    return fail(s.code, std::string(unit) + ' ' + std::to_string(place) + ": " + s.why);
}

void write_compressed(const term& t, std::string& out, const encode_options& options) {
    std::string plain;
    encoder e(plain, options);
    e.write(t);
    e.finish();
    auto shorter =
        plain.size() > compressed_head && plain.size() <= std::numeric_limits<std::uint32_t>::max()
            ? deflated(plain, options.compression, plain.size() - compressed_head)
            : std::nullopt;
    if (!shorter) {
        out += plain;
        return;
    }
    char head[compressed_head] = {char(tag::compressed)};
    store_big(head + 1, std::uint32_t(plain.size()));
    out.append(head, sizeof head);
    out += *shorter;
}

// `at` is where the compressed form's size is.
result<decoded> read_compressed(std::string_view bytes, std::size_t at,
                                const decode_options& options) {
    if (bytes.size() - at < sizeof(std::uint32_t))
        return refused({"truncated", "the bytes end before the term does"}, "byte", at);
    if (options.inflated_max == 0)
        return refused({"compressed", "a compressed term, which is not allowed here"}, "byte", at);
    std::size_t size = load_big<std::uint32_t>(bytes.data() + at);
    if (size > options.inflated_max)
        return refused({"too_large", "a compressed term of more bytes than allowed"}, "byte", at);
    at += sizeof(std::uint32_t);
    auto plain = inflated(bytes.substr(at), size);
    if (!plain)
        return refused({"bad_value", "no zlib stream of the size that it says"}, "byte", at);
    decoder d(plain->bytes, options);
    try {
        auto value = d.read();
        if (d.position() == size) return decoded{std::move(value), at + plain->consumed};
    } catch (const stopped& s) {
        return refused(s, "inflated byte", d.position());
    }
    return refused({"trailing_bytes", "more than the term"}, "inflated byte", d.position());
}

}  // namespace

atom_references::~atom_references() = default;

result<void> encode(const term& t, std::string& out, const encode_options& options) {
    const auto before = out.size();
    try {
        if (options.with_version) out += char(version_byte);
        if (options.compression > 0) {
            write_compressed(t, out, options);
        } else {
            encoder e(out, options);
            e.write(t);
            e.finish();
        }
    } catch (const stopped& s) {
        out.resize(before);
        return fail(s.code, s.why);
    } catch (...) {
        out.resize(before);
        throw;
    }
    return {};
}

result<decoded> decode_prefix(std::string_view bytes, const decode_options& options) {
    std::size_t at = 0;
    if (options.with_version) {
        if (bytes.empty()) return refused({"truncated", "no bytes"}, "byte", 0);
        if (std::uint8_t(bytes[0]) != version_byte)
            return refused({"bad_version", "a term begins with 131"}, "byte", 0);
        at = 1;
        if (bytes.size() > 1 && tag(bytes[1]) == tag::compressed)
            return read_compressed(bytes, 2, options);
    }
    decoder d(bytes.substr(at), options);
    try {
        auto value = d.read();
        return decoded{std::move(value), at + d.position()};
    } catch (const stopped& s) {
        return refused(s, "byte", at + d.position());
    }
}

result<term> decode(std::string_view bytes, const decode_options& options) {
    auto read = decode_prefix(bytes, options);
    if (!read) return pass(read);
    if (read->size != bytes.size())
        return refused({"trailing_bytes", "more than the term"}, "byte", read->size);
    return std::move(read->value);
}

}  // namespace beam::etf
