#include "tools/chatctl/app/guests.hpp"

#include <unistd.h>

#include <algorithm>

#include "libbeamcore/runtime/name.hpp"
#include "tools/chatctl/app/application.hpp"
#include "tools/chatctl/app/history.hpp"

namespace chat {

namespace {
constexpr std::uint64_t owner_number = 42;
}

beam::future<beam::outcome<std::string>> guests::name_of(std::uint32_t uid) {
    return beam::call<name_for>(guests_name(), uid);
}

beam::awaitable<beam::init_result<guests>> guests::init() {
    if (!beam::try_register_name(guests_name(), beam::this_process().id()))
        co_return beam::stop_with{beam::atom("name_taken")};
    guests g;
    g.numbers_ = co_await history::guests();
    g.numbers_[::geteuid()] = owner_number;
    co_return std::move(g);
}

beam::awaitable<beam::outcome<std::string>> guests::handle_call(name_for m) {
    auto it = numbers_.find(m.uid);
    if (it == numbers_.end()) {
        std::uint64_t next = owner_number;
        for (const auto& [uid, number] : numbers_) next = std::max(next, number);
        beam::outcome<void> saved = co_await history::add_guest(m.uid, next + 1);
        if (!saved) co_return beam::pass_term(saved);
        it = numbers_.emplace(m.uid, next + 1).first;
    }
    co_return "user" + std::to_string(it->second);
}

}  // namespace chat
