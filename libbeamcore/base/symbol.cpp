#include "libbeamcore/base/symbol.hpp"

#include <cxxabi.h>
#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>

#include "libbeamcore/base/unique_fd.hpp"

namespace beam {

namespace {

std::string hexadecimal(std::uintptr_t n) {
    char text[24];
    std::snprintf(text, sizeof text, "0x%zx", std::size_t(n));
    return text;
}

// Everything read from it is checked: it may have been replaced. Read piece by piece, not mapped: the pages of a table of
// symbols cost more than reading it where a page fault is slow.
class elf_file {
public:
    explicit elf_file(const char* path) : fd_(::open(path, O_RDONLY | O_CLOEXEC)) {}

    /// The mangled name of the function at `address`, as the file counts addresses; empty if unknown.
    [[nodiscard]] std::string function_at(std::uint64_t address) const {
        ElfW(Ehdr) head{};
        if (read(0, &head, sizeof head) != sizeof head ||
            std::memcmp(head.e_ident, ELFMAG, SELFMAG) != 0)
            return {};
        std::vector<ElfW(Shdr)> sections(head.e_shnum);
        const std::size_t size = sections.size() * sizeof(ElfW(Shdr));
        if (read(head.e_shoff, sections.data(), size) != size) return {};
        for (const unsigned wanted : {SHT_SYMTAB, SHT_DYNSYM})
            for (const auto& section : sections)
                if (section.sh_type == wanted && section.sh_link < sections.size())
                    if (auto name = find(section, sections[section.sh_link], address);
                        !name.empty())
                        return name;
        return {};
    }

private:
    /// How many bytes there were.
    std::size_t read(std::uint64_t offset, void* to, std::size_t size) const {
        std::size_t read = 0;
        while (read < size) {
            const ssize_t n = ::pread(fd_.get(), static_cast<char*>(to) + read, size - read,
                                      static_cast<off_t>(offset + read));
            if (n < 0 && errno == EINTR) continue;
            if (n <= 0) break;
            read += static_cast<std::size_t>(n);
        }
        return read;
    }

    [[nodiscard]] std::string find(const ElfW(Shdr) & symbols, const ElfW(Shdr) & names,
                                   std::uint64_t address) const {
        std::array<ElfW(Sym), 1024> some;
        std::uint64_t left = symbols.sh_size / sizeof(ElfW(Sym)), at = symbols.sh_offset;
        while (left > 0) {
            const std::size_t wanted = std::size_t(std::min<std::uint64_t>(left, some.size()));
            const std::size_t n =
                read(at, some.data(), wanted * sizeof(ElfW(Sym))) / sizeof(ElfW(Sym));
            if (n == 0) return {};
            for (std::size_t i = 0; i < n; ++i) {
                const auto& s = some[i];
                if (ELF64_ST_TYPE(s.st_info) != STT_FUNC || address < s.st_value ||
                    address - s.st_value >= s.st_size || s.st_name >= names.sh_size)
                    continue;
                return text_at(names.sh_offset + s.st_name, names.sh_size - s.st_name);
            }
            left -= n;
            at += n * sizeof(ElfW(Sym));
        }
        return {};
    }

    /// Up to its zero byte; names of templates may be long.
    [[nodiscard]] std::string text_at(std::uint64_t offset, std::uint64_t most) const {
        std::array<char, 1024> some;
        std::string text;
        while (most > 0) {
            const std::size_t n =
                read(offset, some.data(), std::size_t(std::min<std::uint64_t>(most, some.size())));
            const std::size_t length = ::strnlen(some.data(), n);
            text.append(some.data(), length);
            if (length < n || n == 0) break;
            offset += n;
            most -= n;
        }
        return text;
    }

    unique_fd fd_;
};

}  // namespace

std::string demangle(const char* name) {
    int status = 0;
    std::unique_ptr<char, void (*)(void*)> readable(
        abi::__cxa_demangle(name, nullptr, nullptr, &status), std::free);
    return status == 0 ? readable.get() : name;
}

std::string short_function_name(std::string_view demangled) {
    constexpr std::string_view anonymous = "(anonymous namespace)::";
    std::string text(demangled);
    for (auto at = text.find(anonymous); at != std::string::npos; at = text.find(anonymous, at))
        text.erase(at, anonymous.size());
    // Parameters stand outside of template arguments and of `{lambda(int)#1}`; those of an enclosing function
    // are followed by `::`. What is before the last space is a return type.
    int depth = 0;
    std::string name;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (c == '(' && depth == 0 && !name.ends_with("operator")) {
            int open = 0;
            std::size_t end = i;
            do {
                open += text[end] == '(' ? 1 : text[end] == ')' ? -1 : 0;
            } while (++end < text.size() && open > 0);
            if (text.compare(end, 2, "::") != 0) break;
            i = end - 1;
            continue;
        }
        if (c == '<' || c == '{') ++depth;
        if (c == '>' || c == '}') --depth;
        if (c == ' ' && depth == 0)
            name.clear();
        else
            name += c;
    }
    return name;
}

std::string symbol_of(const void* code) {
    Dl_info info{};
    link_map* map = nullptr;
    const auto address = reinterpret_cast<std::uintptr_t>(code);
    if (::dladdr1(code, &info, reinterpret_cast<void**>(&map), RTLD_DL_LINKMAP) == 0 || !map ||
        !info.dli_fname)
        return hexadecimal(address);
    const std::uint64_t in_file = address - map->l_addr;
    // The executable's own name is what it was started as; the kernel knows where it is.
    const char* path = map->l_name && *map->l_name ? map->l_name : "/proc/self/exe";
    if (const std::string name = elf_file(path).function_at(in_file); !name.empty())
        return short_function_name(demangle(name.c_str()));
    const char* slash = std::strrchr(info.dli_fname, '/');
    return std::string(slash ? slash + 1 : info.dli_fname) + "+" + hexadecimal(in_file);
}

}  // namespace beam
