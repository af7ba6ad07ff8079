// A tool's conversation with a node: requests, answers, streams.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "tools/common/deadline.hpp"
#include "tools/common/options.hpp"

namespace beam::tool {

/// When a stream ends by itself. It then has done what was asked: exit 0.
struct stream_limits {
    std::uint64_t count = 0;                             ///< after so many items; 0: no limit
    std::optional<std::chrono::nanoseconds> for_time;    ///< after this time
    std::optional<std::chrono::nanoseconds> until_idle;  ///< when nothing came for so long
};

/// The connection was lost before the answer, while a stream ran or a request may have been done.
struct connection_lost {
    bool answered = false;  ///< the node had said something on this connection
};

/// A connection to the node that the common options name, made by the first request: a command that
/// asks nothing starts nothing.
///
/// Every request throws a failure unless it succeeded: the node's own error; 75 at the deadline, or
/// when the node ended meanwhile (with `applied_unknown` if the request was sent); what attach()
/// throws; `interrupted` after Ctrl-C, the request being cancelled. A connection that ends before the
/// node has answered `hello` was never served (the node was restarting): the request is sent again,
/// whatever it is. A node promises that: its answer to `hello` is on the wire before it begins what
/// came after it, and what is on the wire can be read when the node is dead.
class client {
public:
    explicit client(common_options common);
    ~client();
    client(client&&) noexcept;
    client& operator=(client&&) = delete;

    /// The result of one request.
    nlohmann::json ask(std::string_view method);
    nlohmann::json ask(std::string_view method, const nlohmann::json& params);

    /// Asks for a stream and hands every item to `on_item` until that returns false, a limit is
    /// reached (then nothing is returned), or the node ends it with a result. Without --timeout, it
    /// may last for ever. Throws `connection_lost` if the node goes away.
    std::optional<nlohmann::json> stream(std::string_view method, const nlohmann::json& params,
                                         const std::function<bool(const nlohmann::json&)>& on_item,
                                         const stream_limits& limits = {});

    /// Drops the connection; the next request attaches again.
    void disconnect();

    /// Attaches now, and greets the node. Returns the answer to `hello`.
    nlohmann::json hello();

    /// The process that listens on the socket, a node's parent.
    [[nodiscard]] int peer_pid();

    /// What is asked from now on must be done by then; by default what --timeout says.
    void set_deadline(std::optional<deadline> until);

    /// Whether a request may start a node.
    void set_spawn(bool may_spawn);

    [[nodiscard]] const common_options& common() const;

    /// Whether the method does no harm when it is asked twice: what to know after a loss. Asks the
    /// node, without starting one; false if there is none.
    [[nodiscard]] bool may_be_repeated(std::string_view method);

    /// The connection's descriptor, attached if need be, for batch().
    class session;
    [[nodiscard]] session& open();

private:
    std::unique_ptr<session> session_;
};

/// Adds `--count`, `--for` and `--until-idle` to a streaming command. Read the limits after parsing.
class stream_options {
public:
    explicit stream_options(CLI::App& command);

    /// Throws a failure with exit 2 for a malformed duration.
    [[nodiscard]] stream_limits limits() const;

private:
    struct typed;
    std::shared_ptr<typed> typed_;
};

/// A stream that survives restarts of the node.
struct followed_stream {
    std::string method;
    /// The parameters, asked for anew after every reconnection: they carry the cursor of the last item
    /// that was printed, so that none comes twice.
    std::function<nlohmann::json()> params;
    std::function<bool(const nlohmann::json&)> on_item;
    /// Told once for each loss, after the stream was asked for again.
    std::function<void()> on_reconnected = [] {};
    stream_limits limits;
};

/// Runs it to its end. After a loss it waits for the node to come back; one that is not back within
/// 2 s is started as any tool starts one. A node that was stopped on purpose ends the stream with an
/// error, and that ends this.
std::optional<nlohmann::json> follow(client& node, const followed_stream& stream);

}  // namespace beam::tool

namespace beam {
using tool::client;
}
