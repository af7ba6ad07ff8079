#include "libbeamcore/otp/start_result.hpp"

namespace beam {

term field_codec<start_result>::to(const start_result& value) {
    if (!value) return tuple(atoms::error, value.error());
    const auto* s = std::get_if<started>(&*value);
    if (!s) return atoms::ignore;
    return s->info ? tuple(atoms::ok, s->pid, *s->info) : tuple(atoms::ok, s->pid);
}

result<void> field_codec<start_result>::from(const term& t, start_result& value) {
    const auto e = t.elements();
    if (t == atoms::ignore) {
        value = ignore{};
    } else if (t.is_tagged(atoms::error, 2)) {
        value = fail_term(e[1]);
    } else if (e.size() >= 2 && e.size() <= 3 && e[0] == atoms::ok && e[1].is_pid()) {
        value = started{*e[1].as_pid(), e.size() == 3 ? std::optional(e[2]) : std::nullopt};
    } else {
        return detail::mismatch("{ok, Pid}, ignore or {error, Reason}", t);
    }
    return {};
}

}  // namespace beam
