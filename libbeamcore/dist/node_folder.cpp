#include "libbeamcore/dist/node_folder.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>

#include "libbeamcore/base/unique_fd.hpp"
#include "libbeamcore/dist/internal/private_file.hpp"

namespace beam::dist {

std::string node_file_path(std::string_view folder, std::string_view node) {
    return std::string(folder) + "/" + std::string(node.substr(0, node.find('@'))) + ".dist";
}

result<void> write_node_file(std::string_view folder, const std::string& node,
                             const node_address& at) {
    const auto path = node_file_path(folder, node);
    std::string draft = path + ".XXXXXX";
    unique_fd fd(::mkostemp(draft.data(), O_CLOEXEC));
    if (!fd) return fail("cannot_create", path + ": " + detail::error_text(errno));
    listed_node line{node, at};
    const bool written = detail::write_all(fd.get(), print_listed_node(line) + "\n") &&
                         ::rename(draft.c_str(), path.c_str()) == 0;
    if (written) return {};
    const int number = errno;
    ::unlink(draft.c_str());
    return fail("cannot_create", path + ": " + detail::error_text(number));
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
