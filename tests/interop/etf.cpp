// etf make SEED COUNT FILE        writes COUNT random terms in the External Term Format
// etf check SEED COUNT FILE       whether FILE has the same terms
// etf again FILE TO               reads the terms of FILE, and writes them to TO
//
// A file has each term after its size, of four bytes. etf.sh has Erlang do the other half.
#include "libbeamcore/term/etf.hpp"

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "libbeamcore/term/syntax.hpp"
#include "tests/unit/term/generator.hpp"

using namespace beam;

namespace {

// Node 0 must not be Erlang's own, which has no such processes; and be before the other in the order of terms, as our
// own order of a map's keys has it.
const node_identity us{atom("mine@host"), 3};
const etf::decode_options reading{.self = us, .inflated_max = 100'000'000};

std::vector<term> random_terms(const char* seed, const char* count) {
    (void)node_index({atom("other@host"), 7});  // the generator's node 1
    term_generator generate(std::strtoull(seed, nullptr, 10));
    std::vector<term> terms;
    for (int i = 0, n = std::atoi(count); i < n; ++i) terms.push_back(generate.any(i % 6));
    term deep = atoms::ok;
    for (int i = 0; i < 100'000; ++i)
        deep = i % 2 == 0 ? tuple(std::move(deep)) : list({std::move(deep)});
    terms.push_back(deep);
    return terms;
}

int write(const std::vector<term>& terms, const char* file) {
    std::ofstream out(file, std::ios::binary);
    for (const auto& t : terms) {
        std::string bytes;
        if (auto done = etf::encode(t, bytes, {.self = us}); !done)
            return std::printf("not written: %s\n", done.error().code.c_str()), 1;
        for (int shift = 24; shift >= 0; shift -= 8) out.put(char(bytes.size() >> shift));
        out << bytes;
    }
    return out.flush() ? 0 : 1;
}

std::optional<std::vector<term>> read(const char* file) {
    std::ifstream in(file, std::ios::binary);
    const std::string all(std::istreambuf_iterator<char>(in), {});
    std::vector<term> terms;
    for (std::size_t at = 0; at + 4 <= all.size();) {
        std::size_t size = 0;
        for (int i = 0; i < 4; ++i) size = size << 8 | static_cast<unsigned char>(all[at++]);
        auto t = etf::decode(std::string_view(all).substr(at, size), reading);
        if (!t) {
            std::printf("term %zu: %s: %s\n", terms.size(), t.error().code.c_str(),
                        t.error().detail.c_str());
            return {};
        }
        terms.push_back(std::move(*t));
        at += size;
    }
    return terms;
}

int check(const std::vector<term>& terms, const char* file) {
    auto back = read(file);
    if (!back) return 1;
    if (back->size() != terms.size()) return std::puts("another number of terms"), 1;
    for (std::size_t i = 0; i < terms.size(); ++i) {
        if ((*back)[i] == terms[i]) continue;
        std::printf("%s came back as %s\n", to_string(terms[i], {.max_bytes = 400}).c_str(),
                    to_string((*back)[i], {.max_bytes = 400}).c_str());
        return 1;
    }
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    const std::string what = argc > 1 ? argv[1] : "";
    if (what == "make" && argc == 5) return write(random_terms(argv[2], argv[3]), argv[4]);
    if (what == "check" && argc == 5) return check(random_terms(argv[2], argv[3]), argv[4]);
    if (what == "again" && argc == 4) {
        auto terms = read(argv[2]);
        return terms ? write(*terms, argv[3]) : 1;
    }
    return 2;
}
