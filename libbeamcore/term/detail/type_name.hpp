// A type's qualified name, cut out of __PRETTY_FUNCTION__ at compile time.
#pragma once

#include <cstddef>
#include <string_view>

namespace beam::detail {

template <class T>
constexpr std::string_view type_name_view() noexcept {
    std::string_view f = __PRETTY_FUNCTION__;
    // GCC: "... [with T = chat::join; std::string_view = ...]"; Clang: "... [T = chat::join]".
    auto from = f.find("T = ") + 4;
    std::size_t to = from, open = 0;
    for (; to < f.size(); ++to) {
        char c = f[to];
        if (c == '<' || c == '(' || c == '[' || c == '{') ++open;
        if (open == 0 && (c == ';' || c == ']')) break;
        if (c == '>' || c == ')' || c == ']' || c == '}') --open;
    }
    return f.substr(from, to - from);
}

// The same ending with a zero, so that only the name goes into the object file.
template <class T>
struct type_name_text {
    char text[type_name_view<T>().size() + 1] = {};
    constexpr type_name_text() noexcept {
        auto name = type_name_view<T>();
        for (std::size_t i = 0; i < name.size(); ++i) text[i] = name[i];
    }
};
template <class T>
inline constexpr type_name_text<T> type_name{};

}  // namespace beam::detail
