// async_stream: one function over many items, so many at once (Elixir's Task.async_stream).
//
//     auto sizes = beam::async_stream(files, size_of);        // nothing runs yet
//     while (auto size = co_await sizes.next())
//         if (*size) total += **size;
//
// Lazy: an item is read, and its task started, when there is room for it and next() is waited for. A
// stream is its maker's, as a task is; its end, or its maker's, ends what is still at work.
#pragma once

#include <iterator>
#include <optional>
#include <type_traits>
#include <utility>

#include "libbeamcore/otp/detail/task_core.hpp"
#include "libbeamcore/otp/detail/task_stream_core.hpp"
#include "libbeamcore/runtime/process.hpp"
#include "libbeamcore/term/fields.hpp"
#include "libbeamcore/term/outcome.hpp"

namespace beam {

/// Values of tasks, one after the other. Move-only.
template <class R>
class [[nodiscard]] task_stream {
public:
    /// The next value, or the exit reason of a task that failed; nothing at the end. A task that
    /// crashes ends a caller that it is linked to and that does not trap exits.
    [[nodiscard]] awaitable<std::optional<outcome<R>>> next() & {
        std::optional<outcome<message>> m = co_await core_.next();
        co_return detail::typed_answer<R>(std::move(m));
    }

    explicit task_stream(detail::task_stream_core core) : core_(std::move(core)) {}

private:
    detail::task_stream_core core_;
};

namespace detail {

template <class Range>
using item_of = std::remove_cvref_t<decltype(*std::begin(std::declval<Range&>()))>;

template <class R>
using stream_of = task_stream<typename task_value<R>::type>;

template <class Item>
term shown_item(const Item& item) {
    if constexpr (encodable<Item>)
        return field_codec<Item>::to(item);
    else
        return atoms::undefined;
}

/// Owns the range and gives an item at a time to `code`.
template <class Range, class F>
task_stream_core::source stream_source(Range items, F code, bool zip) {
    struct reader {
        Range items;
        F code;
        bool zip;
        std::optional<decltype(std::begin(items))> at;
        std::optional<stream_item> operator()() {
            if (!at) at = std::begin(items);
            if (*at == std::end(items)) return std::nullopt;
            item_of<Range> item = **at;
            ++*at;
            term shown = zip ? shown_item(item) : term();
            return stream_item{task_request_of(code, std::move(item)), std::move(shown)};
        }
    };
    return [r = reader{std::move(items), std::move(code), zip, {}}]() mutable { return r(); };
}

}  // namespace detail

/// Runs `code(item)` for each item of a range (kept by the stream), in tasks linked to the caller.
/// Raises `badarg` if max_concurrency is 0.
template <class Range, class F>
auto async_stream(Range items, F code, task_stream_options options = {}) {
    using R = detail::task_result<F, detail::item_of<Range>>;
    auto source =
        detail::stream_source(std::move(items), std::move(code), options.zip_input_on_exit);
    return detail::stream_of<R>(
        detail::task_stream_core(std::move(source), options, std::nullopt, true));
}

}  // namespace beam
