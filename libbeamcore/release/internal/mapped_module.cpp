#include "libbeamcore/release/internal/mapped_module.hpp"

#include <dlfcn.h>
#include <link.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstring>
#include <map>
#include <mutex>

#include "libbeamcore/base/log.hpp"
#include "libbeamcore/release/code_server.hpp"

namespace beam::detail {

namespace {

// -- what lies where purged code was --------------------------------------------------------------

// A reserved range. Read by a signal handler: a place is empty while begin is 0.
struct reserved_range {
    std::atomic<std::uintptr_t> begin{0};
    std::atomic<std::uintptr_t> end{0};
    char name[128] = {};
};

// So many are kept; then the oldest is given back, so that a node that is upgraded for years does not
// run out of address space.
constexpr std::size_t reserved_max = 64;
std::array<reserved_range, reserved_max> reserved;
std::size_t reserved_next = 0;  // under registry().mutex

void reserve(const code_range& range, const std::string& name) {
    auto* begin = const_cast<void*>(range.begin);
    const auto size =
        std::size_t(static_cast<const char*>(range.end) - static_cast<const char*>(range.begin));
    void* got = ::mmap(begin, size, PROT_NONE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
    if (got == MAP_FAILED) return;
    if (got != begin) {  // an old kernel that knows no MAP_FIXED_NOREPLACE
        ::munmap(got, size);
        return;
    }
    reserved_range& place = reserved[reserved_next++ % reserved_max];
    if (const auto old = place.begin.exchange(0))
        ::munmap(reinterpret_cast<void*>(old), place.end.load() - old);
    ::strncpy(place.name, name.c_str(), sizeof place.name - 1);
    place.end.store(reinterpret_cast<std::uintptr_t>(range.end));
    place.begin.store(reinterpret_cast<std::uintptr_t>(begin), std::memory_order_release);
}

struct sigaction action_before;

void say(const char* text) {
    [[maybe_unused]] auto n = ::write(STDERR_FILENO, text, ::strlen(text));
}

[[maybe_unused]] void on_fault(int signal, siginfo_t* info, void*) {
    const bool is_sent = info->si_code <= 0;
    const auto at = is_sent ? 0 : reinterpret_cast<std::uintptr_t>(info->si_addr);
    for (const auto& place : reserved) {
        const auto begin = place.begin.load(std::memory_order_acquire);
        if (begin == 0 || at < begin || at >= place.end.load()) continue;
        say("call into purged ");
        say(place.name);
        say("\n");
        break;
    }
    // Again, and now as if we had never been here. What somebody sent does not come again by itself.
    ::sigaction(signal, &action_before, nullptr);
    if (is_sent) ::raise(signal);
}

// -- what is mapped -------------------------------------------------------------------------------

struct module_registry {
    std::mutex mutex;
    std::map<std::filesystem::path, std::weak_ptr<mapped_module>> mapped;
    // Let go of by all nodes while something still referred to it: used again when it is asked for.
    std::map<std::filesystem::path, void*> stuck;
    // Kept for ever: somebody may hold a pointer to one, and there are as many as versions of applications.
    std::map<std::filesystem::path, std::unique_ptr<std::pair<module_record, std::string>>> records;
};

module_registry& registry() {
    static auto* made = new module_registry;  // modules may outlive main
    return *made;
}

module_record* record_of(module_registry& r, const std::filesystem::path& path,
                         std::string_view name, std::string_view version) {
    auto& made = r.records[path];
    if (!made) {
        made = std::make_unique<std::pair<module_record, std::string>>();
        made->second = std::string(name) + '\0' + std::string(version);
        made->first.name = made->second.c_str();
        made->first.version = made->second.c_str() + name.size() + 1;
    }
    return &made->first;
}

code_range range_of(void* handle) {
    link_map* map = nullptr;
    code_range range;
    if (::dlinfo(handle, RTLD_DI_LINKMAP, &map) != 0) return range;
    struct search {
        link_map* map;
        code_range* range;
    } s{map, &range};
    ::dl_iterate_phdr(
        [](dl_phdr_info* info, std::size_t, void* data) {
            auto& wanted = *static_cast<search*>(data);
            if (info->dlpi_addr != wanted.map->l_addr ||
                std::strcmp(info->dlpi_name, wanted.map->l_name) != 0)
                return 0;
            const auto page = std::uintptr_t(::sysconf(_SC_PAGESIZE));
            std::uintptr_t low = UINTPTR_MAX, high = 0;
            for (unsigned i = 0; i < info->dlpi_phnum; ++i) {
                const auto& segment = info->dlpi_phdr[i];
                if (segment.p_type != PT_LOAD) continue;
                const std::uintptr_t begin = info->dlpi_addr + segment.p_vaddr;
                low = std::min(low, begin / page * page);
                high = std::max(high, (begin + segment.p_memsz + page - 1) / page * page);
            }
            wanted.range->begin = reinterpret_cast<void*>(low);
            wanted.range->end = reinterpret_cast<void*>(high);
            return 1;
        },
        &s);
    return range;
}

}  // namespace

result<std::shared_ptr<mapped_module>> mapped_module::open(const std::filesystem::path& file,
                                                           std::string_view name,
                                                           std::string_view version) {
    module_registry& r = registry();
    std::lock_guard lock(r.mutex);
    if (auto known = r.mapped[file].lock()) return known;
    void* handle = nullptr;
    if (auto it = r.stuck.find(file); it != r.stuck.end()) {
        handle = it->second;
        r.stuck.erase(it);
    } else {
        handle = ::dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
    }
    if (!handle) return fail("cannot_load", ::dlerror());
    auto* entry = reinterpret_cast<void (*)(module_code*)>(::dlsym(handle, "beam_module_entry"));
    if (!entry) {
        ::dlclose(handle);
        return fail("cannot_load", file.string() + " has no beam_module_entry");
    }
    std::shared_ptr<mapped_module> made(new mapped_module);
    made->path_ = file;
    made->handle_ = handle;
    made->entry_ = entry;
    made->record_ = record_of(r, file, name, version);
    made->range_ = range_of(handle);
    r.mapped[file] = made;
    return made;
}

mapped_module::~mapped_module() {
    if (!handle_) return;
    module_registry& r = registry();
    std::lock_guard lock(r.mutex);
    const std::string name = std::string(record_->name) + "-" + record_->version;
    if (const auto users = record_->users.load(std::memory_order_acquire); users != 0) {
        log(log_level::warning, "release", "module stays mapped",
            {{"module", name}, {"users", std::to_string(users)}});
        r.stuck[path_] = handle_;
        return;
    }
    ::dlclose(handle_);
    // Opened anew meanwhile (another thread may have found the old one ended): it is in use.
    if (void* still = ::dlopen(path_.c_str(), RTLD_NOW | RTLD_NOLOAD | RTLD_LOCAL)) {
        ::dlclose(still);
        return;
    }
    reserve(range_, name);
}

module_code mapped_module::describe() const {
    module_code code;
    code.record = record_;
    entry_(&code);
    return code;
}

void mapped_module::add_definition(std::int64_t callbacks) {
    std::lock_guard lock(mutex_);
    ++definitions_;
    definition_callbacks_ += callbacks;
}

void mapped_module::remove_definition(std::int64_t callbacks) {
    std::lock_guard lock(mutex_);
    --definitions_;
    definition_callbacks_ -= callbacks;
}

std::int64_t mapped_module::own_users() const {
    std::lock_guard lock(mutex_);
    if (definitions_ > 1) return 0;
    return record_->users.load(std::memory_order_acquire) - definition_callbacks_;
}

bool is_mapped(const std::filesystem::path& file) {
    module_registry& r = registry();
    std::lock_guard lock(r.mutex);
    auto it = r.mapped.find(file);
    return it != r.mapped.end() && !it->second.expired();
}

}  // namespace beam::detail

namespace beam {

void name_calls_into_purged_code() {
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    static std::once_flag once;
    std::call_once(once, [] {
        struct sigaction action {};
        action.sa_sigaction = detail::on_fault;
        action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
        ::sigaction(SIGSEGV, &action, &detail::action_before);
    });
#endif
}

}  // namespace beam
