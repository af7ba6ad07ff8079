// term_order make SEED COUNT FILE     writes COUNT random terms in compare() order, one a line
// term_order check SEED COUNT FILE    whether FILE has the same terms, in the same order and text
//
// term_order.sh has Erlang read the first file and write the second.
#include <algorithm>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "libbeamcore/term/syntax.hpp"
#include "tests/unit/term/generator.hpp"

using namespace beam;

// Pids, references and ports have no syntax that Erlang reads.
static bool is_literal(const std::string& text) {
    for (const char* other : {"#Ref<", "#Port<", "<0.", "<1."})
        if (text.find(other) != std::string::npos) return false;
    // OTP 25 writes the UTF-8 bytes of a fun's name as if they were characters.
    bool is_ascii = std::none_of(text.begin(), text.end(), [](char c) { return c < 0; });
    return is_ascii || text.find("fun ") == std::string::npos;
}

static std::vector<term> ordered(std::uint64_t seed, std::size_t count) {
    term_generator generate(seed);
    std::vector<term> terms;
    while (terms.size() < count) {
        auto t = generate.any(int(terms.size() % 4));
        if (is_literal(to_string(t))) terms.push_back(std::move(t));
    }
    std::stable_sort(terms.begin(), terms.end(),
                     [](const term& a, const term& b) { return compare(a, b) < 0; });
    return terms;
}

static int make(const std::vector<term>& terms, const char* file) {
    std::ofstream out(file);
    out << "%% coding: utf-8\n";
    for (const auto& t : terms) out << to_string(t) << ".\n";
    return out.flush() ? 0 : 1;
}

static int check(const std::vector<term>& terms, const char* file) {
    std::ifstream in(file);
    std::string line;
    for (const auto& t : terms) {
        if (!std::getline(in, line)) return std::puts("too few terms"), 1;
        auto text = to_string(t);
        auto read = parse_term(line);
        if (!read || *read != t) {
            std::printf("%s came back as %s\n", text.c_str(), line.c_str());
            return 1;
        }
        // Binaries are text here and numbers there, and there a fun's reserved words are not quoted.
        bool differs =
            text.find("<<") != std::string::npos || text.find("fun ") != std::string::npos;
        if (!differs && line != text + ".") {
            std::printf("%s is written %s by Erlang\n", text.c_str(), line.c_str());
            return 1;
        }
    }
    return 0;
}

int main(int argc, char** argv) {
    if (argc != 5) return 2;
    auto terms = ordered(std::strtoull(argv[2], nullptr, 10), std::strtoul(argv[3], nullptr, 10));
    return std::string(argv[1]) == "make" ? make(terms, argv[4]) : check(terms, argv[4]);
}
