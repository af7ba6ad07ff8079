// The functions of one runtime that others may call (functions.hpp).
#pragma once

#include <cstdint>
#include <memory>
#include <shared_mutex>
#include <unordered_map>

#include "libbeamcore/dist/functions.hpp"
#include "libbeamcore/runtime/runtime.hpp"

namespace beam::dist::detail {

class function_table {
public:
    struct key {
        atom module, function;
        unsigned arity = 0;
        friend bool operator==(const key&, const key&) = default;
    };

    [[nodiscard]] static function_table& of(runtime& node);

    void put(const key& k, remote_function code);
    void put_if_absent(const key& k, remote_function code);
    void remove(const key& k);
    [[nodiscard]] std::shared_ptr<remote_function> find(const key& k) const;
    [[nodiscard]] std::vector<std::pair<atom, unsigned>> of_module(atom module) const;

private:
    struct hash {
        std::size_t operator()(const key& k) const noexcept {
            return (std::size_t(k.module.index()) << 32 | k.function.index()) * 31 + k.arity;
        }
    };
    mutable std::shared_mutex mutex_;
    std::unordered_map<key, std::shared_ptr<remote_function>, hash> functions_;
};

/// `{undef, [{M, F, Args, []}]}`'s inside, as `{undef, Stack}`.
[[nodiscard]] term undefined_function(atom module, atom function, const std::vector<term>& args);

}  // namespace beam::dist::detail
