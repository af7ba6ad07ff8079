#include "libbeamcore/base/symbol.hpp"

#include <cxxabi.h>
#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "libbeamcore/base/unique_fd.hpp"

namespace beam {

namespace {

std::string hexadecimal(std::uintptr_t n) {
    char text[24];
    std::snprintf(text, sizeof text, "0x%zx", std::size_t(n));
    return text;
}

// A file, mapped. Everything read from it is checked against its size: it may have been replaced.
class elf_file {
public:
    explicit elf_file(const char* path) {
        unique_fd fd(::open(path, O_RDONLY | O_CLOEXEC));
        struct stat s {};
        if (!fd || ::fstat(fd.get(), &s) != 0 || s.st_size <= 0) return;
        void* p = ::mmap(nullptr, std::size_t(s.st_size), PROT_READ, MAP_PRIVATE, fd.get(), 0);
        if (p == MAP_FAILED) return;
        begin_ = static_cast<const char*>(p);
        size_ = std::size_t(s.st_size);
    }
    elf_file(const elf_file&) = delete;
    elf_file& operator=(const elf_file&) = delete;
    ~elf_file() {
        if (begin_) ::munmap(const_cast<char*>(begin_), size_);
    }

    /// The mangled name of the function at `address`, as the file counts addresses; empty if unknown.
    [[nodiscard]] std::string function_at(std::uint64_t address) const {
        const auto* head = at<ElfW(Ehdr)>(0, 1);
        if (!head || std::memcmp(head->e_ident, ELFMAG, SELFMAG) != 0) return {};
        const auto* sections = at<ElfW(Shdr)>(head->e_shoff, head->e_shnum);
        if (!sections) return {};
        for (const unsigned wanted : {SHT_SYMTAB, SHT_DYNSYM})
            for (unsigned i = 0; i < head->e_shnum; ++i)
                if (sections[i].sh_type == wanted && sections[i].sh_link < head->e_shnum)
                    if (auto name = find(sections[i], sections[sections[i].sh_link], address);
                        !name.empty())
                        return name;
        return {};
    }

private:
    template <class T>
    [[nodiscard]] const T* at(std::uint64_t offset, std::uint64_t count) const {
        if (!begin_ || offset > size_ || count > (size_ - offset) / sizeof(T)) return nullptr;
        return reinterpret_cast<const T*>(begin_ + offset);
    }

    [[nodiscard]] std::string find(const ElfW(Shdr) & symbols, const ElfW(Shdr) & names,
                                   std::uint64_t address) const {
        const auto count = symbols.sh_size / sizeof(ElfW(Sym));
        const auto* all = at<ElfW(Sym)>(symbols.sh_offset, count);
        const auto* text = at<char>(names.sh_offset, names.sh_size);
        if (!all || !text) return {};
        for (std::uint64_t i = 0; i < count; ++i) {
            const auto& s = all[i];
            if (ELF64_ST_TYPE(s.st_info) != STT_FUNC || address < s.st_value ||
                address - s.st_value >= s.st_size || s.st_name >= names.sh_size)
                continue;
            return std::string(text + s.st_name,
                               ::strnlen(text + s.st_name, names.sh_size - s.st_name));
        }
        return {};
    }

    const char* begin_ = nullptr;
    std::size_t size_ = 0;
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
