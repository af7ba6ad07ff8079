// The protocol's state on one connection; client and batch share it.
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "tools/common/client.hpp"
#include "tools/common/connection.hpp"
#include "tools/common/failure.hpp"

namespace beam::tool {

class client::session {
public:
    explicit session(common_options options);

    common_options common;
    std::optional<connection> io;
    std::string unsent;     // hello, which goes out with the first request
    bool answered = false;  // hello's answer came: what was sent may have been done
    bool greeted_ok = false;
    nlohmann::json hello_answer;
    std::int64_t next_id = 1;
    std::optional<deadline> until;
    std::optional<failure> turned_away;  // why the node took no more clients when it was last tried
    bool may_spawn;

    void attach();

    /// Writes a request, and hello before the first. Returns its id.
    std::int64_t send(std::string_view method, const nlohmann::json& params, const deadline& by);
    void write(const std::string& bytes, const deadline& by);
    void cancel(std::int64_t id);

    /// The next message that is not hello's answer. Throws connection_lost, interrupted, or a
    /// failure; nothing at the deadline.
    [[nodiscard]] std::optional<nlohmann::json> read(const deadline& by);

    /// Reads one line's meaning: takes hello's answer, returns everything else.
    [[nodiscard]] std::optional<nlohmann::json> understand(const std::string& line);

    /// The result in an answer, or its failure thrown. A node that restarts refuses what comes too
    /// late for it: that is a lost connection, thrown as one.
    [[nodiscard]] nlohmann::json result_of(const nlohmann::json& answer);
    void check_restart(const nlohmann::json& answer);

    [[nodiscard]] deadline default_deadline() const;

private:
    void refused(const nlohmann::json& error);
};

/// The node ended and may have done what was asked: 75.
[[nodiscard]] failure node_ended(const common_state& common);

}  // namespace beam::tool
