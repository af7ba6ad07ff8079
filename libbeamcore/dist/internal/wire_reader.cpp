#include "libbeamcore/dist/internal/wire_reader.hpp"

#include "libbeamcore/dist/internal/wire_tags.hpp"

namespace beam::dist::detail {

bool node_cache::find_name(std::string_view text, atom& to) {
    if (text == self_name_) {
        to = self_.name;
        return true;
    }
    if (text != last_text_) {
        const auto found = existing_atom(text);
        if (!found) return false;
        last_name_ = *found;
        last_text_ = last_name_.name();
    }
    to = last_name_;
    return true;
}

bool node_cache::find_index(atom name, std::uint32_t creation, std::uint32_t& to) {
    const node_identity node{name, creation};
    if (node == self_) {
        to = 0;
        return true;
    }
    if (last_index_ == 0 || node != last_node_) {
        const auto found = existing_node_index(node);
        if (!found) return false;
        last_node_ = node;
        last_index_ = *found;
    }
    to = last_index_;
    return true;
}

bool wire_reader::tag(std::uint8_t expected) {
    return bytes_.u8() == expected && bytes_.ok();
}

bool wire_reader::head(std::uint8_t& arity, std::uint8_t& code) {
    if (!tag(tag_small_tuple)) return false;
    arity = bytes_.u8();
    if (!tag(tag_small_integer)) return false;
    code = bytes_.u8();
    return bytes_.ok();
}

bool wire_reader::atom_text(std::uint8_t tag, std::string_view& text) {
    if (tag != tag_small_atom_utf8) return false;
    text = bytes_.bytes(bytes_.u8());
    return bytes_.ok();
}

bool wire_reader::named(std::uint8_t tag, atom& to) {
    if (tag == tag_atom_cache_ref) {
        const std::size_t place = bytes_.u8();
        if (!bytes_.ok() || place >= references_.size()) return false;
        to = references_[place];
        return true;
    }
    std::string_view text;
    if (!atom_text(tag, text)) return false;
    const auto found = existing_atom(text);
    if (!found) return false;
    to = *found;
    return true;
}

bool wire_reader::node_name(atom& to) {
    const std::uint8_t tag = bytes_.u8();
    if (tag == tag_atom_cache_ref) return named(tag, to);
    std::string_view text;
    return atom_text(tag, text) && nodes_.find_name(text, to);
}

bool wire_reader::take(pid& to) {
    atom name;
    if (!tag(tag_new_pid) || !node_name(name)) return false;
    to.id = bytes_.u32();
    to.serial = bytes_.u32();
    const auto creation = bytes_.u32();
    return bytes_.ok() && nodes_.find_index(name, creation, to.node);
}

bool wire_reader::take(ref& to) {
    if (!tag(tag_newer_reference)) return false;
    const std::size_t words = bytes_.u16();
    atom name;
    if (words == 0 || words > std::size(to.words) || !node_name(name)) return false;
    const auto creation = bytes_.u32();
    for (std::size_t i = 0; i < words; ++i) to.words[i] = bytes_.u32();
    return bytes_.ok() && nodes_.find_index(name, creation, to.node);
}

bool wire_reader::take(atom& to) {
    return named(bytes_.u8(), to) && bytes_.ok();
}

bool wire_reader::skip_atom() {
    const std::uint8_t tag = bytes_.u8();
    if (tag == tag_atom_cache_ref) return bytes_.u8() < references_.size() && bytes_.ok();
    std::string_view text;
    // Only one that is known is surely a whole one.
    return atom_text(tag, text) && (text.empty() || existing_atom(text));
}

bool wire_reader::take(control::target& to) {
    if (!bytes_.rest().empty() && std::uint8_t(bytes_.rest().front()) == tag_new_pid) {
        pid p;
        if (!take(p)) return false;
        to = p;
        return true;
    }
    atom name;
    if (!take(name)) return false;
    to = name;
    return true;
}

bool wire_reader::take(std::uint64_t& to) {
    switch (bytes_.u8()) {
        case tag_small_integer:
            to = bytes_.u8();
            return bytes_.ok();
        case tag_integer:
            to = bytes_.u32();
            return bytes_.ok() && to <= INT32_MAX;
        default:
            return false;
    }
}

}  // namespace beam::dist::detail
