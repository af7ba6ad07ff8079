#include "libbeamcore/term/internal/etf_names.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>

#include "libbeamcore/base/utf8.hpp"
#include "libbeamcore/term/internal/atom_table.hpp"
#include "libbeamcore/term/internal/etf_stopped.hpp"

namespace beam::etf {

atom name_reader::of_utf8(std::string_view text) {
    auto found = text.size() <= detail::atom_head_size
                     ? detail::existing_atom(detail::head_of(text), std::uint32_t(text.size()))
                     : existing_atom(text);
    if (found) return *found;
    if (!is_valid_utf8(text)) throw stopped{"bad_atom", "an atom that is not UTF-8"};
    if (utf8_length(text) > atom::length_max)
        throw stopped{"bad_atom", "an atom of more than 255 characters"};
    pay();
    if (auto made = try_atom(text)) return *made;
    throw stopped{"system_limit", "the atom table is full"};
}

atom name_reader::of_latin1(std::string_view text) {
    if (std::all_of(text.begin(), text.end(), [](char c) { return c >= 0; })) return of_utf8(text);
    std::string utf8;
    for (char c : text) append_utf8(utf8, static_cast<unsigned char>(c));
    return of_utf8(utf8);
}

atom name_reader::at_place(std::size_t place) const {
    if (place < options_.references.size()) return options_.references[place];
    throw stopped{"unknown_reference", "a reference to an atom that the header does not have"};
}

std::uint32_t name_reader::node(const node_identity& node) {
    if (node == options_.self) return 0;
    if (last_index_ != 0 && node == last_) return last_index_;
    auto index = existing_node_index(node);
    if (!index) {
        pay();
        try {
            index = node_index(node);
        } catch (const std::length_error&) {
            throw stopped{"system_limit", "the table of nodes is full"};
        }
    }
    last_ = node, last_index_ = *index;
    return *index;
}

void name_reader::pay() {
    if (options_.budget && !options_.budget->take())
        throw stopped{"too_many_atoms", "more new atoms and nodes than allowed"};
}

}  // namespace beam::etf
