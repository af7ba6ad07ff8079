// The parser of Erlang's syntax: any text is a term or an error, and a term printed reads back as it was.
#include "libbeamcore/term/syntax.hpp"

#include <cstdint>

#include "tests/fuzz/claim.hpp"

using namespace beam;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    parse_options options;
    options.depth_max = 200;
    options.digits_max = 300;
    const auto terms = parse_terms(text, options);
    claim(terms || !terms.error().detail.empty(), "an error says what is wrong");

    const auto read = parse_term(text, options);
    if (!read) return 0;
    const auto printed = to_string(*read);
    const auto again = parse_term(printed);
    claim(again.has_value(), "what is printed can be read", printed);
    claim(*again == *read, "what is printed reads back equal", printed);
    claim(to_string(*again) == printed, "and is printed the same", printed);
    claim(compare(*again, *read) == 0 && again->hash() == read->hash(), "equal terms are alike");
    const auto cut = to_string(*read, {.max_bytes = 20});
    claim(cut.size() <= 20, "a text that is cut is short", cut);
    return 0;
}
