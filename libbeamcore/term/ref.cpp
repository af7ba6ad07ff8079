#include "libbeamcore/term/ref.hpp"

namespace beam {

std::string to_string(const ref& r) {
    int words = r.words[4] != 0 ? 5 : r.words[3] != 0 ? 4 : 3;
    auto text = "#Ref<" + std::to_string(r.node);
    while (words-- > 0) text += "." + std::to_string(r.words[words]);
    return text + ">";
}

}  // namespace beam
