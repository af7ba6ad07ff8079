// What a process is called that runs a plain function: the function's name, found once by its address.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "libbeamcore/base/export.hpp"

namespace beam::detail {

/// An atom's index for the name of the function at `code` (symbol.hpp). Tens of microseconds.
BEAM_EXPORT std::uint32_t intern_function(const void* code);

/// The names of functions of one type, as atoms' indices. Lies in the module whose functions they are, so that
/// no address in it can come to mean another function. Any thread, without a lock.
class function_names {
public:
    constexpr function_names() = default;

    /// 0 for one too many: it is to be called by its type.
    [[nodiscard]] std::uint32_t of(const void* code) {
        std::size_t i = reinterpret_cast<std::uintptr_t>(code) / 16;
        for (std::size_t n = 0; n < room; ++n, ++i) {
            entry& e = entries_[i % room];
            const void* known = e.code.load(std::memory_order_relaxed);
            if (known == code) {
                const std::uint32_t name = e.name.load(std::memory_order_relaxed);
                return name != 0 ? name : intern_function(code);  // another thread is about to say
            }
            if (known) continue;
            const std::uint32_t name = intern_function(code);
            if (e.code.compare_exchange_strong(known, code, std::memory_order_relaxed))
                e.name.store(name, std::memory_order_relaxed);
            return name;
        }
        return 0;
    }

private:
    static constexpr std::size_t room = 64;
    struct entry {
        std::atomic<const void*> code{nullptr};
        std::atomic<std::uint32_t> name{0};
    };
    std::array<entry, room> entries_{};
};

/// Of a function pointer; 0 for anything else.
template <class F>
[[nodiscard]] std::uint32_t function_name(const F& code) {
    if constexpr (std::is_pointer_v<F>) {
        static constinit function_names names;
        return names.of(reinterpret_cast<const void*>(code));
    } else {
        return 0;
    }
}

}  // namespace beam::detail
