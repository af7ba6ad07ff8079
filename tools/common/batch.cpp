#include "tools/common/batch.hpp"

#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <deque>

#include "tools/common/failure.hpp"
#include "tools/common/interrupt.hpp"
#include "tools/common/json_line.hpp"
#include "tools/common/session.hpp"

namespace beam::tool {
namespace {

using nlohmann::json;

// Below the node's limit of 1000, and small enough that neither side's socket fills with our
// requests while it waits for us to read its answers.
constexpr std::size_t in_flight_max = 100;

struct asked {
    std::int64_t id = -1;  // on the wire; -1: never sent
    json own_id;           // the user's
    std::optional<json> answer;
};

class batch {
public:
    batch(client& node, std::string prefix) : node_(node), prefix_(std::move(prefix)) {}

    exit_code run(int input);

private:
    void take(const std::string& line);
    void answered(const json& message);
    void refuse(asked& a, const failure& error);
    void print_ready();

    client& node_;
    std::string prefix_;
    std::deque<asked> asked_;
    std::size_t in_flight_ = 0;
    exit_code worst_ = exit_code::done;
};

void batch::refuse(asked& a, const failure& error) {
    a.answer = error_json(error);
    worst_ = std::max(worst_, error.exit);
}

void batch::take(const std::string& line) {
    if (line.find_first_not_of(" \t") == std::string::npos) return;
    auto& a = asked_.emplace_back();
    const auto request = parse_line(line);
    if (!request || !request->is_object())
        return refuse(a, failure(exit_code::bad_data, "the line is no JSON object"));
    a.own_id = request->value("id", json());
    const auto method = request->find("method");
    if (method == request->end() || !method->is_string())
        return refuse(a, failure(exit_code::bad_data, "the request has no method"));
    auto& session = node_.open();
    a.id = session.send(prefix_ + "." + method->get<std::string>(),
                        request->value("params", json()), session.default_deadline());
    ++in_flight_;
}

void batch::answered(const json& message) {
    const auto id = message.find("id");
    if (id == message.end() || !id->is_number_integer()) return;
    for (auto& a : asked_) {
        if (a.id != id->get<std::int64_t>() || a.answer) continue;
        --in_flight_;
        if (const auto error = message.find("error"); error != message.end())
            refuse(a, failure_of_answer(*error));
        else
            a.answer = json{{"result", message.value("result", json())}};
        return;
    }
}

void batch::print_ready() {
    auto& out = node_.common()->out;
    while (!asked_.empty() && asked_.front().answer) {
        auto& first = asked_.front();
        if (!first.own_id.is_null()) (*first.answer)["id"] = first.own_id;
        if (!node_.common()->quiet) out.line(dump_line(*first.answer));
        asked_.pop_front();
    }
    out.flush();
}

exit_code batch::run(int input) {
    line_buffer lines(connection::line_max);
    bool ended = false;
    auto& common = *node_.common();
    for (;;) {
        while (in_flight_ < in_flight_max) {
            auto line = lines.next();
            if (!line && ended) {
                line = lines.rest();
                lines = line_buffer(connection::line_max);
                if (line->empty()) break;
            }
            if (!line) break;
            take(*line);
        }
        if (lines.is_too_long()) throw failure(exit_code::bad_data, "a line of more than 64 MiB");
        print_ready();
        if (ended && asked_.empty() && lines.rest().empty()) return worst_;

        const bool reads = !ended && in_flight_ < in_flight_max;
        const int socket = in_flight_ > 0 ? node_.open().io->fd() : -1;
        pollfd waits[3] = {
            {reads ? input : -1, POLLIN, 0}, {socket, POLLIN, 0}, {interrupt_fd(), POLLIN, 0}};
        // The time limit is for an answer; whoever types requests may take as long as they like.
        const auto by = in_flight_ > 0 ? node_.open().default_deadline() : deadline();
        const int n = ::poll(waits, 3, by.poll_timeout());
        check_interrupted();
        if (n == 0) {
            failure error(exit_code::try_again, "no answer in time",
                          "beamd status --node " + common.node, "timeout");
            error.applied_unknown = true;
            throw error;
        }
        if (waits[0].revents) {
            char buffer[64 * 1024];
            const auto got = ::read(input, buffer, sizeof buffer);
            if (got > 0)
                lines.append({buffer, static_cast<std::size_t>(got)});
            else if (got == 0)
                ended = true;
            else if (errno != EINTR)
                throw failure(exit_code::io_error,
                              std::string("cannot read stdin: ") + std::strerror(errno));
        }
        if (waits[1].revents) {
            auto& session = node_.open();
            for (std::optional<std::string> line;;) {
                const auto got = session.io->poll_line(line);
                if (got == wait_result::closed) throw connection_lost{true};
                if (got != wait_result::done || !line) break;
                if (const auto message = session.understand(*line)) answered(*message);
            }
        }
    }
}

}  // namespace

exit_code run_batch(client& node, const std::string& prefix, int input) {
    return batch(node, prefix).run(input);
}

}  // namespace beam::tool
