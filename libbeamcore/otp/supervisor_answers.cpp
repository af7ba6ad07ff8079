// The answers of supervisors in OTP's forms, as other nodes have them.
#include <string_view>

#include "libbeamcore/otp/supervisor.hpp"

namespace beam {

term field_codec<child_info>::to(const child_info& value) {
    return value.to_term();
}

result<void> field_codec<child_info>::from(const term& t, child_info& value) {
    const auto e = t.elements();
    if (e.size() != 4) return detail::mismatch("{Id, Child, Type, Modules}", t);
    value.id = e[0];
    value.pid = e[1].as_pid();
    value.restarting = e[1] == atoms::restarting;
    value.type = e[2] == atom("supervisor") ? child_type::supervisor : child_type::worker;
    value.modules = e[3];
    return {};
}

term field_codec<children_count>::to(const children_count& value) {
    return value.to_term();
}

result<void> field_codec<children_count>::from(const term& t, children_count& value) {
    if (!t.is_list()) return detail::mismatch("a list of counts", t);
    for (const term& pair : t.list_elements()) {
        const auto e = pair.elements();
        const auto n = e.size() == 2 ? e[1].as_uint64() : std::nullopt;
        if (!n || !e[0].is_atom()) return detail::mismatch("{What, Count}", pair);
        const std::string_view what = e[0].as_atom()->name();
        if (what == "specs") value.specs = *n;
        if (what == "active") value.active = *n;
        if (what == "supervisors") value.supervisors = *n;
        if (what == "workers") value.workers = *n;
    }
    return {};
}

term field_codec<child_spec>::to(const child_spec& value) {
    return to_term(value);
}

result<void> field_codec<child_spec>::from(const term& t, child_spec& value) {
    auto read = child_spec_from_term(t);
    if (!read) return detail::mismatch("a child specification", t);
    value = std::move(*read);
    return {};
}

}  // namespace beam
