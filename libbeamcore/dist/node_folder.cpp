#include "libbeamcore/dist/node_folder.hpp"

#include <unistd.h>

#include "libbeamcore/dist/internal/private_file.hpp"

namespace beam::dist {

std::string node_file_path(std::string_view folder, std::string_view node) {
    return std::string(folder) + "/" + std::string(node.substr(0, node.find('@'))) + ".dist";
}

result<void> write_node_file(std::string_view folder, const std::string& node,
                             const node_address& at) {
    const listed_node line{node, at};
    return detail::write_private_file(node_file_path(folder, node), print_listed_node(line) + "\n");
}

result<node_address> read_node_file(std::string_view folder, const std::string& node) {
    const auto path = node_file_path(folder, node);
    auto text = detail::read_private_file(path, 2 * 1024);
    if (!text) return pass(text);
    if (text->empty() || text->back() != '\n') return fail("bad_file", path + " is not whole");
    text->pop_back();
    auto line = parse_listed_node(*text);
    if (!line || !line->at) return fail("bad_file", path + " does not say where a node listens");
    if (line->name != node) return fail("bad_file", path + " is of " + line->name);
    return *line->at;
}

void remove_node_file(std::string_view folder, const std::string& node, const node_address& at) {
    const auto there = read_node_file(folder, node);
    if (there && *there == at) ::unlink(node_file_path(folder, node).c_str());
}

}  // namespace beam::dist
