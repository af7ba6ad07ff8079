#include "tools/common/client.hpp"

#include <sys/socket.h>

#include <CLI/CLI.hpp>
#include <algorithm>

#include "libbeamcore/base/duration.hpp"
#include "tools/common/attach.hpp"
#include "tools/common/failure.hpp"
#include "tools/common/interrupt.hpp"
#include "tools/common/json_line.hpp"
#include "tools/common/pause.hpp"
#include "tools/common/session.hpp"

#ifndef BEAM_VERSION
#define BEAM_VERSION "0.1.0"
#endif

namespace beam::tool {

using nlohmann::json;
using namespace std::chrono_literals;

namespace {

constexpr int protocol_version = 1;
constexpr std::int64_t hello_id = 0;

// How long the answer to a cancelled request is awaited, so that the node can say what it did.
constexpr auto cancel_grace = 500ms;

failure timed_out(const common_state& c, bool sent);

// Nothing was done: the node never took the request.
failure not_served(const client::session& s) {
    return s.turned_away ? *s.turned_away : timed_out(*s.common, false);
}

failure timed_out(const common_state& c, bool sent) {
    failure error(exit_code::try_again,
                  sent ? "no answer in time" : "the node did not take the request in time",
                  "beamd status --node " + c.node, "timeout");
    error.applied_unknown = sent;
    return error;
}

// `0.10.2` after `0.9`: numbers, not text.
bool is_older(std::string_view a, std::string_view b) {
    while (!a.empty() || !b.empty()) {
        const auto x = std::atol(std::string(a.substr(0, a.find('.'))).c_str());
        const auto y = std::atol(std::string(b.substr(0, b.find('.'))).c_str());
        if (x != y) return x < y;
        a.remove_prefix(std::min(a.find('.'), a.size() - 1) + (a.empty() ? 0 : 1));
        b.remove_prefix(std::min(b.find('.'), b.size() - 1) + (b.empty() ? 0 : 1));
    }
    return false;
}

bool has_id(const json& message, std::int64_t id) {
    const auto it = message.find("id");
    return it != message.end() && it->is_number_integer() && it->get<std::int64_t>() == id;
}

// The item of stream `id`, if the message is one.
const json* item_of(const json& message, std::int64_t id) {
    const auto method = message.find("method");
    if (method == message.end() || *method != "$/item") return nullptr;
    const auto params = message.find("params");
    if (params == message.end() || !params->is_object() || !has_id(*params, id)) return nullptr;
    const auto item = params->find("item");
    return item == params->end() ? &*params : &*item;
}

}  // namespace

failure node_ended(const common_state& c) {
    failure error(exit_code::try_again, "the node ended before it answered",
                  "beamd logs --node " + c.node, "node_ended");
    error.applied_unknown = true;
    return error;
}

client::session::session(common_options options)
    : common(std::move(options)), may_spawn(common->spawn) {}

deadline client::session::default_deadline() const {
    return until ? *until : common->until();
}

void client::session::attach() {
    if (io) return;
    attach_options options;
    options.tool = common->tool;
    options.node = common->node;
    options.socket = common->socket;
    options.spawn = may_spawn;
    options.until = default_deadline();
    io.emplace(tool::attach(options));
    answered = greeted_ok = false;
    const json greeting{
        {"id", hello_id},
        {"method", "hello"},
        {"params",
         {{"protocol", {protocol_version}}, {"tool", common->tool}, {"version", BEAM_VERSION}}}};
    unsent = dump_line(greeting) + "\n";
    common->trace(
        1, "attached to " + (common->socket.empty() ? "node " + common->node : common->socket));
}

void client::session::write(const std::string& bytes, const deadline& by) {
    if (common->verbose >= 2) common->trace(2, "> " + bytes.substr(0, bytes.size() - 1));
    const auto all = std::exchange(unsent, {}) + bytes;
    switch (io->send(all, by)) {
        case wait_result::done:
            return;
        case wait_result::interrupted:
            throw interrupted{};
        case wait_result::timeout:
            throw timed_out(*common, answered);
        default:
            break;
    }
    // The node may have closed after writing why; reading finds out.
}

std::int64_t client::session::send(std::string_view method, const json& params,
                                   const deadline& by) {
    const auto id = next_id++;
    json request{{"id", id}, {"method", method}};
    if (!params.is_null()) request["params"] = params;
    if (!by.is_never()) request["deadline_ms"] = by.poll_timeout();
    const auto line = strict_line(request);
    if (!line) throw failure(exit_code::usage, "what was given is not UTF-8");
    write(*line + "\n", by);
    return id;
}

void client::session::cancel(std::int64_t id) {
    if (!io) return;
    const json notice{{"method", "$/cancel"}, {"params", {{"id", id}}}};
    io->heeds_interrupts = false;
    (void)io->send(dump_line(notice) + "\n", deadline::in(cancel_grace));
    io->heeds_interrupts = true;
}

std::optional<json> client::session::understand(const std::string& line) {
    if (common->verbose >= 2) common->trace(2, "< " + line);
    auto message = parse_line(line);
    if (!message || !message->is_object())
        throw failure(exit_code::protocol,
                      "the node sent what is no message: " + line.substr(0, 60), "beamd doctor");
    const auto error = message->find("error");
    if (error != message->end() && message->value("id", json()).is_null()) {
        refused(*error);
        return std::nullopt;
    }
    if (!has_id(*message, hello_id)) return message;
    answered = true;
    turned_away.reset();
    if (error != message->end()) {
        answered = false;  // nothing that came with it is begun either
        check_restart(*message);
        auto why = failure_of_answer(*error);
        if (why.exit == exit_code::bug) why.exit = exit_code::protocol;
        throw why;
    }
    hello_answer = message->value("result", json::object());
    const auto version = hello_answer.find("protocol");
    if (version == hello_answer.end() || *version != protocol_version)
        throw failure(exit_code::protocol,
                      "the node speaks protocol " +
                          (version == hello_answer.end() ? "?" : dump_line(*version)) +
                          ", this tool 1",
                      "beamd restart");
    greeted_ok = true;
    const auto node_version = hello_answer.find("version");
    if (node_version != hello_answer.end() && node_version->is_string() &&
        is_older(node_version->get<std::string>(), BEAM_VERSION))
        common->notice("the node is older (" + node_version->get<std::string>() +
                       ") than this tool (" BEAM_VERSION "); to replace it: beamd restart");
    return std::nullopt;
}

void client::session::check_restart(const json& answer) {
    const auto error = answer.find("error");
    if (error == answer.end()) return;
    const auto why = failure_of_answer(*error);
    if (why.kind != "restarting") return;
    io.reset();
    throw connection_lost{why.applied_unknown};
}

json client::session::result_of(const json& answer) {
    check_restart(answer);
    if (const auto error = answer.find("error"); error != answer.end())
        throw failure_of_answer(*error);
    const auto result = answer.find("result");
    if (result == answer.end())
        throw failure(exit_code::protocol, "the node's answer has neither result nor error",
                      "beamd restart");
    return *result;
}

// An error that answers no request is about the connection, or about a line the node would not read.
void client::session::refused(const json& error) {
    auto why = failure_of_answer(error);
    if (why.exit != exit_code::try_again) throw why;
    // It closes the connection now; room may come.
    turned_away = std::move(why);
}

std::optional<json> client::session::read(const deadline& by) {
    std::string line;
    for (;;) {
        switch (io->read_line(line, by)) {
            case wait_result::done:
                break;
            case wait_result::timeout:
                return std::nullopt;
            case wait_result::interrupted:
                throw interrupted{};
            case wait_result::closed: {
                const bool was = answered;
                io.reset();
                throw connection_lost{was};
            }
            case wait_result::too_long:
                io.reset();
                throw failure(exit_code::protocol, "the node sent a line of more than 64 MiB",
                              "beamd doctor");
        }
        if (auto message = understand(line)) return message;
    }
}

client::client(common_options common) : session_(std::make_unique<session>(std::move(common))) {}
client::~client() = default;
client::client(client&&) noexcept = default;

const common_options& client::common() const {
    return session_->common;
}
void client::disconnect() {
    session_->io.reset();
}
void client::set_deadline(std::optional<deadline> until) {
    session_->until = until;
}
void client::set_spawn(bool may_spawn) {
    session_->may_spawn = may_spawn;
}

client::session& client::open() {
    session_->attach();
    return *session_;
}

int client::peer_pid() {
    (void)open();
    ucred credentials{};
    socklen_t size = sizeof credentials;
    if (::getsockopt(session_->io->fd(), SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0)
        return -1;
    return credentials.pid;
}

json client::hello() {
    const auto by = session_->default_deadline();
    for (pause between;; between.wait(by)) {
        try {
            open().write({}, by);
            while (!session_->greeted_ok) {
                std::string line;
                switch (session_->io->read_line(line, by)) {
                    case wait_result::done:
                        (void)session_->understand(line);
                        break;
                    case wait_result::timeout:
                        throw not_served(*session_);
                    case wait_result::interrupted:
                        throw interrupted{};
                    default:
                        session_->io.reset();
                        throw connection_lost{};
                }
            }
            return session_->hello_answer;
        } catch (const connection_lost&) {
            if (by.is_over()) throw not_served(*session_);
        }
    }
}

bool client::may_be_repeated(std::string_view method) {
    constexpr std::string_view question = "node.method";
    if (method == question) return true;
    const bool may_spawn = std::exchange(session_->may_spawn, false);
    struct restore {
        session& s;
        bool value;
        ~restore() { s.may_spawn = value; }
    } on_exit{*session_, may_spawn};
    try {
        const auto facts = ask(question, {{"name", method}});
        const auto it = facts.find("restartable");
        return it != facts.end() && *it == true;
    } catch (const failure& error) {
        session_->common->trace(1, "cannot know whether it may be asked again: " + error.why);
        return false;  // a node that does not know the question, or no node
    }
}

json client::ask(std::string_view method) {
    return ask(method, json());
}

json client::ask(std::string_view method, const json& params) {
    auto& s = *session_;
    const auto by = s.default_deadline();
    // One clock for attaching, asking and asking again.
    const auto before = std::exchange(s.until, by);
    struct restore {
        session& s;
        std::optional<deadline> value;
        ~restore() { s.until = value; }
    } on_exit{s, before};
    for (pause between;; between.wait(by)) {
        std::int64_t id = -1;
        try {
            s.attach();
            id = s.send(method, params, by);
            for (;;) {
                const auto message = s.read(by);
                if (!message) {
                    s.io.reset();  // which cancels the request
                    if (s.turned_away) throw *s.turned_away;
                    throw timed_out(*s.common, true);
                }
                if (has_id(*message, id)) return s.result_of(*message);
            }
        } catch (const connection_lost& lost) {
            // Most is done twice at one's peril, so the next runtime is asked whether this is.
            if (lost.answered && !may_be_repeated(method)) throw node_ended(*s.common);
            if (by.is_over()) throw not_served(s);
        } catch (const interrupted&) {
            if (id >= 0) s.cancel(id);
            throw;
        }
    }
}

std::optional<json> client::stream(std::string_view method, const json& params,
                                   const std::function<bool(const json&)>& on_item,
                                   const stream_limits& limits) {
    auto& s = *session_;
    const auto end_at = limits.for_time ? deadline::in(*limits.for_time) : deadline();
    const auto by = s.until                        ? *s.until
                    : s.common->timeout_is_default ? deadline()
                                                   : s.common->until();
    // That the stream may last does not mean that a node which says nothing at all is waited for.
    const auto greeted_by = s.default_deadline();
    s.attach();
    // Idle is the stream, not a node that has yet to answer.
    if (limits.until_idle) (void)hello();
    const auto id = s.send(method, params, by);
    std::uint64_t seen = 0;
    try {
        for (;;) {
            const auto idle_at = limits.until_idle ? deadline::in(*limits.until_idle) : deadline();
            const auto message =
                s.read((s.answered ? by : by.earlier(greeted_by)).earlier(end_at).earlier(idle_at));
            if (!message) {
                if ((by.is_over() || !s.answered) && !end_at.is_over() && !idle_at.is_over()) {
                    s.io.reset();
                    throw timed_out(*s.common, false);
                }
                break;
            }
            if (has_id(*message, id) && message->find("method") == message->end())
                return s.result_of(*message);
            const json* item = item_of(*message, id);
            if (!item) continue;
            if (!on_item(*item) || (limits.count && ++seen >= limits.count)) break;
        }
    } catch (const interrupted&) {
        s.cancel(id);
        throw;
    }
    s.cancel(id);
    return std::nullopt;
}

struct stream_options::typed {
    std::uint64_t count = 0;
    std::string for_time, until_idle;
};

stream_options::stream_options(CLI::App& command) : typed_(std::make_shared<typed>()) {
    command.add_option("--count", typed_->count, "End after N records")
        ->option_text("N")
        ->check(whole_number("--count"));
    command.add_option("--for", typed_->for_time, "End after this time")->option_text("DUR");
    command
        .add_flag("--until-idle{1s}", typed_->until_idle, "End when nothing came for so long (1s)")
        ->option_text("[=DUR]");
}

stream_limits stream_options::limits() const {
    const auto read = [](const char* option,
                         const std::string& text) -> std::optional<std::chrono::nanoseconds> {
        if (text.empty()) return std::nullopt;
        const auto parsed = parse_duration(text);
        if (parsed) return *parsed;
        failure error(exit_code::usage, "not a duration, as 250ms, 10s or 1m30s");
        error.what_failed = std::string(option) + " " + text;
        throw error;
    };
    return {typed_->count, read("--for", typed_->for_time),
            read("--until-idle", typed_->until_idle)};
}

std::optional<json> follow(client& node, const followed_stream& stream) {
    constexpr auto comes_back_within = 2s;
    const auto& common = *node.common();
    const bool may_spawn = common.spawn;
    std::optional<deadline> whole;
    if (!common.timeout_is_default) whole = common.until();
    node.set_deadline(whole);
    auto limits = stream.limits;
    const auto end_at = limits.for_time ? deadline::in(*limits.for_time) : deadline();

    const auto reconnect = [&] {
        // The parent keeps the socket while it restarts its runtime: it is there, or gone.
        const auto patience = deadline::in(comes_back_within);
        node.set_spawn(false);
        for (pause between;; between.wait(patience.is_over() ? deadline() : patience)) {
            try {
                node.set_deadline(whole.value_or(deadline::in(30s)).earlier(end_at));
                (void)node.hello();
                break;
            } catch (const failure& error) {
                if (error.exit != exit_code::unavailable || (patience.is_over() && !may_spawn))
                    throw;
                if (patience.is_over()) node.set_spawn(true);
            }
        }
        node.set_spawn(may_spawn);
        node.set_deadline(whole);
        stream.on_reconnected();
    };

    for (bool lost = false;;) {
        try {
            if (std::exchange(lost, false)) reconnect();
            if (limits.for_time) limits.for_time = end_at.left();
            return node.stream(stream.method, stream.params(),
                               [&](const json& item) {
                                   if (!stream.on_item(item)) return false;
                                   return limits.count == 0 || --limits.count > 0;
                               },
                               {0, limits.for_time, limits.until_idle});
        } catch (const connection_lost&) {
            if (end_at.is_over()) return std::nullopt;
            lost = true;
        }
    }
}

}  // namespace beam::tool
