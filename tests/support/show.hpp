// How terms look in the messages of failed checks.
#pragma once

#include <doctest/doctest.h>

#include "libbeamcore/term/syntax.hpp"

namespace doctest {

template <>
struct StringMaker<beam::term> {
    static String convert(const beam::term& t) {
        return beam::to_string(t, {.max_bytes = 400}).c_str();
    }
};
template <>
struct StringMaker<beam::atom> {
    static String convert(beam::atom a) { return beam::to_string(a).c_str(); }
};
template <>
struct StringMaker<beam::pid> {
    static String convert(const beam::pid& p) { return beam::to_string(p).c_str(); }
};
template <>
struct StringMaker<beam::ref> {
    static String convert(const beam::ref& r) { return beam::to_string(r).c_str(); }
};

}  // namespace doctest
