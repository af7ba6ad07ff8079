// A shared module with types of the same names as descriptor_test.cpp: what it sends is foreign there.
#include "tests/unit/term/descriptor_module.hpp"

namespace chat {
struct greeting {
    std::string text = "hello";
    int added_in_v2 = 7;
    BEAM_FIELDS(greeting, text, added_in_v2)
};
}  // namespace chat

extern "C" __attribute__((visibility("default"))) module_view descriptor_module() {
    static chat::greeting sent;
    return {beam::descriptor_of<chat::greeting>(), beam::descriptor_of<std::string>(),
            beam::descriptor_of<beam::term>(), beam::atoms::ok, &sent};
}
