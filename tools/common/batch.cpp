#include "tools/common/batch.hpp"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <deque>
#include <map>

#include "tools/common/failure.hpp"
#include "tools/common/interrupt.hpp"
#include "tools/common/json_line.hpp"
#include "tools/common/pause.hpp"
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
    std::string method;
    json params;
    bool was_not_begun = false;  // the node restarts, and did not take it any more
    std::optional<json> answer;
};

class batch {
public:
    batch(client& node, std::string prefix) : node_(node), prefix_(std::move(prefix)) {}

    exit_code run(int input);

private:
    void take(const std::string& line);
    void send(asked& a);
    void lost();
    void read_answers();
    void answered(const json& message);
    void refuse(asked& a, const failure& error);
    void print_ready();

    client& node_;
    client::session* session_ = nullptr;  // once something was asked
    std::string prefix_;
    std::deque<asked> asked_;
    std::size_t in_flight_ = 0;
    deadline heard_by_;  // when a node that cannot be reached is given up
    pause between_;
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
    a.method = prefix_ + "." + method->get<std::string>();
    a.params = request->value("params", json());
    session_ = &node_.open();
    if (in_flight_++ == 0) heard_by_ = session_->default_deadline();
    send(a);
}

void batch::send(asked& a) {
    session_->attach();
    a.was_not_begun = false;
    a.id = session_->send(a.method, a.params, session_->default_deadline());
}

// The connection is gone. Another node is asked what this one did not begin, and what may be asked twice.
void batch::lost() {
    const bool answered = session_->answered;
    session_->io.reset();
    if (in_flight_ == 0) return;
    if (heard_by_.is_over()) throw session_->turned_away.value_or(node_ended(*node_.common()));
    between_.wait(heard_by_);
    const auto is_open = [](const asked& a) { return a.id >= 0 && !a.answer; };
    const auto was_begun = [&](const asked& a) { return answered && !a.was_not_begun; };
    // A question starts no node, a request does.
    if (std::any_of(asked_.begin(), asked_.end(),
                    [&](const asked& a) { return is_open(a) && !was_begun(a); }))
        session_->attach();
    // All questions come before all requests: their answers are read without a look at any other's.
    std::map<std::string, bool> harmless;
    for (const auto& a : asked_)
        if (is_open(a) && was_begun(a) && !harmless.contains(a.method))
            harmless[a.method] = node_.may_be_repeated(a.method);
    for (auto& a : asked_) {
        if (!is_open(a)) continue;
        if (!was_begun(a) || harmless[a.method]) {
            send(a);
        } else {
            --in_flight_;
            refuse(a, node_ended(*node_.common()));
        }
    }
}

void batch::answered(const json& message) {
    const auto id = message.find("id");
    if (id == message.end() || !id->is_number_integer()) return;
    for (auto& a : asked_) {
        if (a.id != id->get<std::int64_t>() || a.answer) continue;
        heard_by_ = session_->default_deadline();
        between_ = {};
        if (const auto error = message.find("error"); error != message.end()) {
            const auto why = failure_of_answer(*error);
            if (why.kind == "restarting") {
                // Answered by the next, once this one has closed the connection.
                a.was_not_begun = !why.applied_unknown;
                return;
            }
            refuse(a, why);
        } else {
            a.answer = json{{"result", message.value("result", json())}};
        }
        --in_flight_;
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

void batch::read_answers() try {
    for (std::optional<std::string> line;;) {
        const auto got = session_->io->poll_line(line);
        if (got == wait_result::closed) return lost();
        if (got != wait_result::done || !line) return;
        if (const auto message = session_->understand(*line)) answered(*message);
    }
} catch (const connection_lost&) {
    lost();
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
        // Also while nothing is asked: a connection that has ended must not get the next request.
        const int socket = session_ && session_->io ? session_->io->fd() : -1;
        pollfd waits[3] = {
            {reads ? input : -1, POLLIN, 0}, {socket, POLLIN, 0}, {interrupt_fd(), POLLIN, 0}};
        // The time limit is for an answer; whoever types requests may take as long as they like.
        const auto by = in_flight_ > 0 ? session_->default_deadline() : deadline();
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
        if (waits[1].revents) read_answers();
    }
}

}  // namespace

exit_code run_batch(client& node, const std::string& prefix, int input) {
    return batch(node, prefix).run(input);
}

}  // namespace beam::tool
