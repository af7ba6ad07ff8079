// Methods: what an application answers on the node's control socket.
//
// A handler is a coroutine that runs in a process of its own, one a request, so it may wait for as long as
// it likes and may crash without harm (the client is told, exit code 70). It takes the request and, if the
// method has parameters, a struct with declared fields into which they are read:
//
//     struct room_params {
//         std::string room;
//         BEAM_FIELDS(room_params, room)
//     };
//     beam::awaitable<beam::answer> create_room(beam::request& request, room_params p) {
//         beam::pid room = co_await rooms::create(p.room);
//         co_return beam::map({{"room", p.room}, {"pid", room}});
//     }
//     beam::awaitable<beam::answer> join(beam::request& request, room_params p) {
//         ...
//         for (;;) {
//             line l = co_await beam::this_process().receive<line>();
//             co_await request.item(to_term(l));      // waits while the client reads slowly
//         }
//     }
//
// A client that cancels, closes its connection or has run out of time ends the process with an exit signal
// (`{shutdown, cancelled}`, `{shutdown, closed}`, `{shutdown, timeout}`). Terms become JSON as term/json.hpp says.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "libbeamcore/base/export.hpp"
#include "libbeamcore/release/detail/parameters.hpp"
#include "libbeamcore/runtime/callback.hpp"
#include "libbeamcore/runtime/process.hpp"
#include "libbeamcore/term/term.hpp"

namespace beam {

/// Why a request was not done: the error object of the control protocol. A tool prints `why` and `advice`
/// as `TOOL: WHAT failed: WHY; try: ADVICE` and exits with `exit`.
struct request_error {
    std::string kind;    ///< the stable part: `not_found`, `already_exists`
    std::string why;     ///< for people, lower case, no full stop
    std::string advice;  ///< a command to try; may be empty
    int exit = 1;        ///< a tool's exit code: 1 no, 65 bad data, 69 unavailable, 75 try again...
    std::string what;    ///< what was being done; empty: the tool says it
    bool applied_unknown = false;  ///< it may have been done
};

/// The result of a request, or why there is none.
using answer = tl::expected<term, request_error>;

/// The failing side: `co_return refuse("not_found", "no such room", "chatctl list");`.
[[nodiscard]] inline tl::unexpected<request_error> refuse(std::string kind, std::string why,
                                                          std::string advice = {}, int exit = 1) {
    return tl::unexpected<request_error>(
        request_error{std::move(kind), std::move(why), std::move(advice), exit, {}, false});
}

/// Refuses for a reason that another part gave: `{store, Code, Text}`, an error of the store, as what a person can do
/// about it (74, or 75 where trying again helps); any other as a failure of the node (70).
[[nodiscard]] BEAM_EXPORT tl::unexpected<request_error> refuse_for(const term& reason);

/// The request that the calling process was made for. Valid in that process only.
class BEAM_EXPORT request {
public:
    request() = default;
    request(const request&) = delete;
    request& operator=(const request&) = delete;
    virtual ~request();

    [[nodiscard]] virtual std::string_view method() const = 0;
    /// As they came: a map with binaries as keys, or a list; an empty map if there were none.
    [[nodiscard]] virtual const term& params() const = 0;
    /// What the client said of itself in `hello` (`chatctl`), else empty.
    [[nodiscard]] virtual std::string_view tool() const = 0;
    /// The OS user at the other end.
    [[nodiscard]] virtual std::uint32_t uid() const = 0;

    /// Sends one item of a stream. Waits until the client has room for it: a slow reader, or one that
    /// asked for so many (`$/ask`), holds the producer up.
    [[nodiscard]] virtual awaitable<void> item(term value) = 0;
    /// The same for items that may be lost: never waits. What the client has no room for is counted, and
    /// it gets `{"dropped": n}` in its place.
    virtual void lossy_item(term value) = 0;
};

using method_handler = callback<awaitable<answer>(request&)>;

/// One method of an application.
struct method_spec {
    std::string name;  ///< `chat.create_room`: the application, a dot, the rest
    method_handler run;
    /// May be done again from the start by another runtime if it did not finish in this one (a live upgrade
    /// of the runtime, section 9): it only reads, or is the same done twice.
    bool restartable = false;
};

/// Reads parameters into a struct with declared fields. JSON's names are the fields'; `null` is an empty
/// optional; a string is read as an atom or a named enum where the field is one. Absent ones keep their
/// defaults, unknown ones are ignored.
///
/// Errors: `bad_field`, in JSON's words.
template <class T>
[[nodiscard]] result<T> read_parameters(const term& params) {
    const json_wording errors;
    return from_term<T>(detail::parameters_of<T>(params));
}

namespace detail {

BEAM_EXPORT answer bad_parameters(const error& e);

template <class F>
struct handler_function;
template <>
struct handler_function<awaitable<answer> (*)(request&)> {
    static method_handler make(awaitable<answer> (*f)(request&)) { return method_handler(f); }
};
template <class P>
struct handler_function<awaitable<answer> (*)(request&, P)> {
    using parameters = std::remove_cvref_t<P>;

    static awaitable<answer> refused(error e) { co_return bad_parameters(e); }
    static method_handler make(awaitable<answer> (*f)(request&, P)) {
        return method_handler([f](request& r) -> awaitable<answer> {
            auto read = read_parameters<parameters>(r.params());
            if (!read) return refused(std::move(read.error()));
            return f(r, *std::move(read));
        });
    }
};

}  // namespace detail

/// What a method may be besides its name and handler.
struct method_options {
    bool restartable = false;
};

/// A method from a coroutine function `awaitable<answer> f(request&)` or `f(request&, Parameters)`.
/// Parameters that do not fit are answered with the error `bad_params` (exit 2).
template <class F>
[[nodiscard]] method_spec make_method(std::string name, F f, method_options options = {}) {
    method_spec m;
    m.name = std::move(name);
    m.run = detail::handler_function<F>::make(f);
    m.restartable = options.restartable;
    return m;
}

}  // namespace beam
