// The compiler of match specifications. Of any term: it is a specification or badarg with a reason, and
// one that is can be run on any object, gives the same each time, and matches as matches() does.
//
// The input is a term in Erlang's syntax, or bytes of which a term is made that is almost a
// specification.
#include "libbeamcore/term/match.hpp"

#include <fuzzer/FuzzedDataProvider.h>

#include <string>
#include <vector>

#include "libbeamcore/term/syntax.hpp"
#include "tests/fuzz/claim.hpp"

using namespace beam;

namespace {

constexpr const char* names[] = {
    "$_",        "$$",       "$1",      "$2",       "$3",         "$10",       "_",
    "a",         "true",     "false",   "const",    "and",        "or",        "xor",
    "not",       "andalso",  "orelse",  "hd",       "tl",         "length",    "size",
    "element",   "abs",      "round",   "trunc",    "ceil",       "floor",     "float",
    "max",       "min",      "map_get", "map_size", "tuple_size", "byte_size", "bit_size",
    "is_atom",   "is_float", "is_list", "is_map",   "is_map_key", "is_record", "is_function",
    "is_number", "+",        "-",       "*",        "/",          "div",       "rem",
    "band",      "bor",      "bxor",    "bnot",     "bsl",        "bsr",       ">",
    ">=",        "<",        "=<",      "==",       "/=",         "=:=",       "=/=",
    "self",      "node"};

constexpr const char* objects[] = {
    "{a,1}", "{a,[1,2,3],#{a => 1, b => {2}}}", "[{1,2.5},<<\"text\">>|tail]",
    "-9223372036854775808",
    "{r,123456789012345678901234567890,1.0e308,<0.1.0>,#Ref<0.1.2.3>,fun m:f/1,<<1:3>>}"};

// Terms out of bytes. Deep ones come of many bytes only.
class term_source {
public:
    explicit term_source(FuzzedDataProvider& from) : from_(from) {}

    term specification() {
        std::vector<term> clauses;
        do {
            clauses.push_back(tuple(any(), list_of(several()), list_of(several())));
        } while (clauses.size() < 4 && from_.ConsumeBool());
        return list_of(std::move(clauses));
    }

    term any() {
        if (depth_ > depth_max || from_.remaining_bytes() == 0) return atom("a");
        ++depth_;
        auto made = one();
        --depth_;
        return made;
    }

private:
    static constexpr int depth_max = 600;  // more than the compiler takes

    std::vector<term> several() {
        std::vector<term> made;
        for (auto n = from_.ConsumeIntegralInRange(0, 4); n > 0; --n) made.push_back(any());
        return made;
    }

    term call() {
        std::vector<term> parts{name()};
        for (auto& t : several()) parts.push_back(std::move(t));
        return tuple_of(std::move(parts));
    }

    static term made_name(const char* text) { return atom(text); }
    term name() { return made_name(from_.PickValueInArray(names)); }

    term one() {
        switch (from_.ConsumeIntegralInRange(0, 13)) {
            case 0:
            case 1:
                return call();
            case 2:
                return tuple(tuple_of(several()));
            case 3:
                return tuple_of(several());
            case 4:
                return list_of(several());
            case 5:
                return list_of(several(), any());
            case 6: {
                std::vector<map_entry> entries;
                for (auto& t : several()) entries.push_back({std::move(t), any()});
                return map_of(std::move(entries));
            }
            case 7:
                return from_.ConsumeIntegral<std::int64_t>();
            case 8:
                return from_.ConsumeIntegral<std::int8_t>();
            case 9:
                return from_.ConsumeFloatingPoint<double>();
            case 10:
                return from_.ConsumeRandomLengthString(20);
            case 11:
                return tuple(any());
            default:
                return name();
        }
    }

    FuzzedDataProvider& from_;
    int depth_ = 0;
};

term parsed(std::string_view text) {
    auto t = parse_term(text);
    claim(t.has_value(), "the fuzzer's own terms can be read", text);
    return *t;
}

const std::vector<term>& known_objects() {
    static const auto all = [] {
        // Names that the texts of the corpus may use; no others come to be while it runs.
        for (const char* n : names) (void)atom(n);
        for (const char* n : {"b", "c", "x", "yes", "ok", "name", "age", "key", "value"})
            (void)atom(n);
        std::vector<term> made;
        for (const char* text : objects) made.push_back(parsed(text));
        return made;
    }();
    return all;
}

void run(const match_spec& spec, const term& object) {
    const auto found = spec.run(object);
    claim(found == spec.run(object), "the same object gives the same");
    claim(spec.is_true(object) == (found && *found == term(atoms::true_)), "is_true() is run()");
    if (found) (void)to_string(*found, {.max_bytes = 1000});
}

// Compiled or not, a pattern matches the same terms.
void compare_matching(const term& pattern, const term& object) {
    const auto alone = compile(list({tuple(pattern, nil, list({true}))}));
    if (!alone) return;
    claim(alone->is_true(object) == matches(pattern, object), "matches() is what is compiled");
}

void check(const term& spec, const term& other) {
    const auto compiled = compile(spec);
    if (!compiled) {
        claim(compiled.error().is("badarg"), "an error is badarg");
        claim(!compiled.error().detail.empty(), "and says why");
        return;
    }
    for (const auto& object : known_objects()) run(*compiled, object);
    run(*compiled, other);
    for (const auto& clause : spec.list_elements()) {
        const auto& pattern = clause.elements()[0];
        for (const auto& object : known_objects()) compare_matching(pattern, object);
        compare_matching(pattern, pattern);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    (void)known_objects();
    // A text ends in a newline.
    if (size > 0 && data[size - 1] == '\n') {
        parse_options options;
        options.create_atoms = false;
        options.digits_max = 300;
        const auto t = parse_term({reinterpret_cast<const char*>(data), size}, options);
        if (t) check(*t, *t);
        return 0;
    }
    FuzzedDataProvider provider(data, size);
    term_source source(provider);
    const auto object = source.any();
    check(source.specification(), object);
    return 0;
}
