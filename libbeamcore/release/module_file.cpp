#include "libbeamcore/release/module_file.hpp"

#include <elf.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>

#include "libbeamcore/base/install.hpp"
#include "libbeamcore/base/unique_fd.hpp"

namespace beam {

namespace {

constexpr std::size_t notes_max = 1 << 20;

bool read_at(int fd, std::uint64_t offset, void* to, std::size_t size) {
    return ::pread(fd, to, size, static_cast<off_t>(offset)) == static_cast<ssize_t>(size);
}

std::size_t round_up(std::size_t n, std::size_t to) {
    return (n + to - 1) / to * to;
}

// As application_module.hpp lays it out.
struct note_content {
    std::uint32_t stamp[2];
    char name[64];
    char version[64];
};

std::optional<module_note> find_note(const std::string& notes, std::size_t align) {
    align = align == 8 ? 8 : 4;
    std::size_t at = 0;
    while (at + sizeof(Elf64_Nhdr) <= notes.size()) {
        Elf64_Nhdr header;
        std::memcpy(&header, notes.data() + at, sizeof header);
        const std::size_t owner = at + sizeof header;
        const std::size_t content = round_up(owner + header.n_namesz, align);
        const std::size_t end = content + header.n_descsz;
        if (owner > notes.size() || content > notes.size() || end > notes.size()) return {};
        if (header.n_type == 1 && header.n_namesz == 9 &&
            std::memcmp(notes.data() + owner, "beamcore", 9) == 0 &&
            header.n_descsz == sizeof(note_content)) {
            note_content c;
            std::memcpy(&c, notes.data() + content, sizeof c);
            module_note note;
            note.stamp = std::uint64_t(c.stamp[1]) << 32 | c.stamp[0];
            note.name.assign(c.name, ::strnlen(c.name, sizeof c.name));
            note.version.assign(c.version, ::strnlen(c.version, sizeof c.version));
            return note;
        }
        at = round_up(end, align);
    }
    return {};
}

int compare_numbers(std::string_view a, std::string_view b) {
    while (a.size() > 1 && a.front() == '0') a.remove_prefix(1);
    while (b.size() > 1 && b.front() == '0') b.remove_prefix(1);
    if (a.size() != b.size()) return a.size() < b.size() ? -1 : 1;
    return a.compare(b) < 0 ? -1 : a == b ? 0 : 1;
}

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

std::string_view take_run(std::string_view& text, bool digits) {
    std::size_t n = 0;
    while (n < text.size() && is_digit(text[n]) == digits) ++n;
    auto run = text.substr(0, n);
    text.remove_prefix(n);
    return run;
}

// `NAME-VERSION`; versions begin with a digit.
std::optional<module_file> in_folder(const std::filesystem::path& folder) {
    const std::string base = folder.filename();
    const auto dash = base.find('-');
    if (dash == std::string::npos) return {};
    module_file f{base.substr(0, dash), base.substr(dash + 1), {}};
    if (!is_application_name(f.name) || f.version.empty()) return {};
    f.path = folder / (f.name + ".so");
    std::error_code ignored;
    if (!std::filesystem::is_regular_file(f.path, ignored)) return {};
    return f;
}

}  // namespace

result<module_note> read_module_note(const std::filesystem::path& file) {
    unique_fd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd) return fail("not_found", file.string() + ": " + std::strerror(errno));
    Elf64_Ehdr header;
    if (!read_at(fd.get(), 0, &header, sizeof header) ||
        std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0)
        return fail("bad_module", file.string() + " is not an ELF file");
    if (header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_ident[EI_DATA] != ELFDATA2LSB ||
        header.e_type != ET_DYN || header.e_machine != EM_X86_64 ||
        header.e_phentsize != sizeof(Elf64_Phdr))
        return fail("bad_module", file.string() + " is not a shared library of this machine");
    for (unsigned i = 0; i < header.e_phnum; ++i) {
        Elf64_Phdr segment;
        if (!read_at(fd.get(), header.e_phoff + i * sizeof segment, &segment, sizeof segment))
            break;
        if (segment.p_type != PT_NOTE || segment.p_filesz > notes_max) continue;
        std::string notes(segment.p_filesz, '\0');
        if (!read_at(fd.get(), segment.p_offset, notes.data(), notes.size())) break;
        if (auto note = find_note(notes, segment.p_align)) return *std::move(note);
    }
    return fail("bad_module", file.string() + " has no beamcore note: it is no application");
}

std::vector<std::filesystem::path> module_folders() {
    std::vector<std::filesystem::path> folders;
    if (const char* list = std::getenv("BEAM_APPLICATIONS_PATH")) {
        std::string_view rest(list);
        while (!rest.empty()) {
            const auto colon = std::min(rest.find(':'), rest.size());
            // A relative folder would depend on who started the node from where.
            if (colon > 0 && rest.front() == '/') folders.emplace_back(rest.substr(0, colon));
            rest.remove_prefix(std::min(colon + 1, rest.size()));
        }
    }
    folders.push_back(applications_dir());
    return folders;
}

std::vector<module_file> find_modules(std::string_view name,
                                      const std::vector<std::filesystem::path>& folders) {
    std::vector<module_file> found;
    for (const auto& folder : folders) {
        std::error_code ignored;
        for (const auto& entry : std::filesystem::directory_iterator(folder, ignored)) {
            auto f = in_folder(entry.path());
            if (!f || (!name.empty() && f->name != name)) continue;
            const bool known = std::any_of(found.begin(), found.end(), [&](const module_file& k) {
                return k.name == f->name && k.version == f->version;
            });
            if (!known) found.push_back(*std::move(f));
        }
    }
    std::sort(found.begin(), found.end(), [](const module_file& a, const module_file& b) {
        if (a.name != b.name) return a.name < b.name;
        return compare_versions(a.version, b.version) > 0;
    });
    return found;
}

std::string method_owner(std::string_view prefix,
                         const std::vector<std::filesystem::path>& folders) {
    std::string owner(prefix);
    if (!is_application_name(prefix)) return owner;
    for (const auto& folder : folders) {
        std::string name;
        std::ifstream file(folder / (owner + ".alias"));
        if (std::getline(file, name) && is_application_name(name)) return name;
    }
    return owner;
}

int compare_versions(std::string_view a, std::string_view b) {
    while (!a.empty() || !b.empty()) {
        const bool number = !a.empty() && !b.empty() && is_digit(a.front()) && is_digit(b.front());
        const auto x = take_run(a, number || (!a.empty() && is_digit(a.front())));
        const auto y = take_run(b, number || (!b.empty() && is_digit(b.front())));
        const int c = number ? compare_numbers(x, y) : x.compare(y);
        if (c != 0) return c < 0 ? -1 : 1;
    }
    return 0;
}

bool is_application_name(std::string_view name) {
    if (name.empty() || name.size() > 63 || !(name.front() >= 'a' && name.front() <= 'z'))
        return false;
    return std::all_of(name.begin(), name.end(),
                       [](char c) { return (c >= 'a' && c <= 'z') || is_digit(c) || c == '_'; });
}

std::string stamp_text(std::uint64_t stamp) {
    static constexpr char digits[] = "0123456789abcdef";
    std::string text;
    for (int shift = 60; shift >= 0; shift -= 4) text += digits[(stamp >> shift) & 15];
    return text;
}

}  // namespace beam
