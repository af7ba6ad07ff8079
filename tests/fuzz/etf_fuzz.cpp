// The External Term Format: any bytes are a term or an error, and a term written reads back as it was. Bytes that do not
// begin with 131 are read as after a header of the distribution.
#include "libbeamcore/term/etf.hpp"

#include <cstdint>

#include "tests/fuzz/claim.hpp"

using namespace beam;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const atom header[] = {atoms::ok, atoms::error, atoms::nonode_at_nohost};
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    etf::atom_budget budget(2);
    etf::decode_options options;
    options.budget = &budget;
    options.with_version = size > 0 && data[0] == 131;
    options.inflated_max = 1 << 20;
    if (!options.with_version) options.references = header;

    const auto first = etf::decode_prefix(bytes, options);
    const auto whole = etf::decode(bytes, options);
    if (!first) {
        claim(!whole && whole.error() == first.error(), "the whole fails as its beginning does");
        claim(first.error().detail.find("byte ") != std::string::npos, "an error says where",
              first.error().detail);
        return 0;
    }
    claim(first->size <= size, "a term takes no more than there is");
    claim(whole.has_value() == (first->size == size),
          "a term is all of it or has something behind it");
    if (whole) claim(*whole == first->value, "both ways of reading give one term");

    std::string written;
    claim(etf::encode(first->value, written).has_value(), "what was read can be written");
    const auto again = etf::decode(written);
    claim(again.has_value(), "what is written can be read", written);
    claim(*again == first->value, "what is written reads back equal", written);
    claim(compare(*again, first->value) == 0 && again->hash() == first->value.hash(),
          "equal terms are alike");
    std::string twice;
    claim(etf::encode(*again, twice).has_value() && twice == written, "and is written the same",
          written);
    return 0;
}
