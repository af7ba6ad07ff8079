// What a supervisor is asked and what it tells itself.
#pragma once

#include <cstdint>
#include <type_traits>
#include <vector>

#include "libbeamcore/otp/supervisor.hpp"

namespace beam {

namespace detail {

// What others ask: `otp_name` or, with an argument, `{otp_name, Argument}` as a term.
struct start_spec_request {
    using reply = start_result;
    child_spec spec;
    static constexpr const char* otp_name = "start_child";
    static constexpr auto argument = &start_spec_request::spec;
};
struct start_arguments_request {
    using reply = start_result;
    term arguments;
    static constexpr const char* otp_name = "start_child";
    static constexpr auto argument = &start_arguments_request::arguments;
};
struct terminate_request {
    using reply = outcome<void>;
    term id;
    static constexpr const char* otp_name = "terminate_child";
    static constexpr auto argument = &terminate_request::id;
};
struct restart_request {
    using reply = start_result;
    term id;
    static constexpr const char* otp_name = "restart_child";
    static constexpr auto argument = &restart_request::id;
};
struct delete_request {
    using reply = outcome<void>;
    term id;
    static constexpr const char* otp_name = "delete_child";
    static constexpr auto argument = &delete_request::id;
};
struct get_spec_request {
    using reply = outcome<child_spec>;
    term id;
    static constexpr const char* otp_name = "get_childspec";
    static constexpr auto argument = &get_spec_request::id;
};
struct which_request {
    using reply = std::vector<child_info>;
    static constexpr const char* otp_name = "which_children";
};
struct count_request {
    using reply = children_count;
    static constexpr const char* otp_name = "count_children";
};
// A restart failed: try again, after whatever else is in the mailbox (a stop, for one).
struct try_again {
    term id;
    beam::pid child;
};
// More children are to be told to stop.
struct stop_more {};
// Children that may take so long to stop have had their time.
struct time_is_up {
    std::int64_t limit_ms = 0;
};
// Some children are long in stopping: make sure that their ends will be told.
struct look_after_slow {};

template <class R>
concept supervisor_call = requires {
    R::otp_name;
};

}  // namespace detail

template <detail::supervisor_call R>
struct field_codec<R> {
    static constexpr bool has_argument = requires { R::argument; };

    static term to(const R& value) {
        if constexpr (has_argument)
            return tuple(atom(R::otp_name), to_term(value.*R::argument));
        else
            return atom(R::otp_name);
    }
    static result<void> from(const term& t, R& value) {
        if constexpr (has_argument) {
            if (!t.is_tagged(atom(R::otp_name), 2)) return detail::mismatch(R::otp_name, t);
            using argument = std::remove_reference_t<decltype(value.*R::argument)>;
            return field_codec<argument>::from(t.elements()[1], value.*R::argument);
        } else {
            if (t != atom(R::otp_name)) return detail::mismatch(R::otp_name, t);
            return {};
        }
    }
    template <class>
    static constexpr std::uint64_t fingerprint() {
        return detail::fnv(R::otp_name, detail::fnv("supervisor_call"));
    }
};

}  // namespace beam
