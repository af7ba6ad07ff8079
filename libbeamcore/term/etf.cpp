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

// `size` is how many bytes came before, and then how many there are with the term.
result<term> read_plain(std::string_view bytes, std::size_t& size, const decode_options& options) {
    decoder d(bytes.substr(size), options);
    try {
        auto value = d.read();
        size += d.position();
        return value;
    } catch (const stopped& s) {
        return refused(s, "byte", size + d.position());
    }
}

// Where the compressed form's size is, `size` begins.
result<term> read_compressed(std::string_view bytes, std::size_t& size,
                             const decode_options& options) {
    if (bytes.size() - size < sizeof(std::uint32_t))
        return refused({"truncated", "the bytes end before the term does"}, "byte", size);
    if (options.inflated_max == 0)
        return refused({"compressed", "a compressed term, which is not allowed here"}, "byte",
                       size);
    std::size_t plain_size = load_big<std::uint32_t>(bytes.data() + size);
    if (plain_size > options.inflated_max)
        return refused({"too_large", "a compressed term of more bytes than allowed"}, "byte", size);
    size += sizeof(std::uint32_t);
    auto plain = inflated(bytes.substr(size), plain_size);
    if (!plain)
        return refused({"bad_value", "no zlib stream of the size that it says"}, "byte", size);
    size += plain->consumed;
    decoder d(plain->bytes, options);
    try {
        auto value = d.read();
        if (d.position() == plain_size) return value;
    } catch (const stopped& s) {
        return refused(s, "inflated byte", d.position());
    }
    return refused({"trailing_bytes", "more than the term"}, "inflated byte", d.position());
}

result<term> read(std::string_view bytes, std::size_t& size, const decode_options& options) {
    if (!options.with_version) return read_plain(bytes, size, options);
    if (bytes.empty()) return refused({"truncated", "no bytes"}, "byte", 0);
    if (std::uint8_t(bytes[0]) != version_byte)
        return refused({"bad_version", "a term begins with 131"}, "byte", 0);
    bool is_compressed = bytes.size() > 1 && tag(bytes[1]) == tag::compressed;
    size = is_compressed ? 2 : 1;
    return is_compressed ? read_compressed(bytes, size, options) : read_plain(bytes, size, options);
}

}  // namespace

atom_references::~atom_references() = default;

result<void> encode(const term& t, std::string& out, const encode_options& options) {
    const auto before = out.size(), spliced = options.splices ? options.splices->size() : 0;
    auto take_back = [&] {
        out.resize(before);
        if (options.splices) options.splices->resize(spliced);
    };
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
        take_back();
        return fail(s.code, s.why);
    } catch (...) {
        take_back();
        throw;
    }
    return {};
}

result<decoded> decode_prefix(std::string_view bytes, const decode_options& options) {
    std::size_t size = 0;
    auto value = read(bytes, size, options);
    if (!value) return pass(value);
    return decoded{std::move(*value), size};
}

result<term> decode(std::string_view bytes, const decode_options& options) {
    std::size_t size = 0;
    auto value = read(bytes, size, options);
    if (value && size != bytes.size())
        return refused({"trailing_bytes", "more than the term"}, "byte", size);
    return value;
}

}  // namespace beam::etf
