#include "tools/cache/app/uploads.hpp"

#include <utility>

#include "libbeamcore/runtime/name.hpp"
#include "tools/cache/app/application.hpp"
#include "tools/cache/app/limits.hpp"

namespace cache {

beam::future<beam::outcome<std::uint64_t>> uploads::add(std::string name, std::uint64_t offset,
                                                        beam::term bytes) {
    return beam::call<add_part>(uploads_name(), std::move(name), offset, std::move(bytes));
}
beam::future<std::vector<beam::term>> uploads::take(std::string name) {
    return beam::call<finish>(uploads_name(), std::move(name));
}

beam::init_result<uploads> uploads::init() {
    if (!beam::try_register_name(uploads_name(), id()))
        return beam::stop_with{beam::atom("name_taken")};
    return uploads();
}

beam::outcome<std::uint64_t> uploads::handle_call(add_part m) {
    auto it = uploads_.find(m.name);
    if (it == uploads_.end()) {
        if (m.offset != 0) return beam::fail_term(beam::atom("out_of_order"));
        if (uploads_.size() >= uploads_max) return beam::fail_term(beam::atom("too_many"));
        it = uploads_.try_emplace(m.name).first;
    }
    upload& u = it->second;
    const std::size_t size = m.bytes.bytes().size();
    if (m.offset + size == u.size && size > 0) return u.size;
    if (m.offset != u.size) return beam::fail_term(beam::atom("out_of_order"));
    if (u.size + size > value_max) {
        forget(it);
        return beam::fail_term(beam::atom("too_large"));
    }
    if (held_ + size > held_max) return beam::fail_term(beam::atom("too_many"));
    u.parts.push_back(std::move(m.bytes));
    u.size += size;
    held_ += size;
    too_old later{m.name, u.parts.size()};
    beam::send_after(idle, id(), std::move(later));
    return u.size;
}

void uploads::forget(std::unordered_map<std::string, upload>::iterator it) {
    held_ -= it->second.size;
    uploads_.erase(it);
}

std::vector<beam::term> uploads::handle_call(finish m) {
    auto it = uploads_.find(m.name);
    if (it == uploads_.end()) return {};
    std::vector<beam::term> parts = std::move(it->second.parts);
    forget(it);
    return parts;
}

void uploads::handle_info(too_old m) {
    auto it = uploads_.find(m.name);
    if (it != uploads_.end() && it->second.parts.size() == m.parts) forget(it);
}

}  // namespace cache
