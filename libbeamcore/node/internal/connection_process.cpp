#include "libbeamcore/node/internal/connection_process.hpp"

#include "libbeamcore/base/log.hpp"
#include "libbeamcore/node/internal/control_request.hpp"
#include "libbeamcore/node/internal/node_methods.hpp"
#include "libbeamcore/runtime/blocking.hpp"
#include "libbeamcore/runtime/exit.hpp"
#include "libbeamcore/term/json.hpp"
#include "libbeamcore/term/syntax.hpp"

namespace beam::control {

namespace {

// Lines that may come at once. Small: what has come must be kept even when the client does not read.
constexpr std::uint32_t lines_at_once = 16;
// Parsing a longer line takes so long that it would hold its scheduler up.
constexpr std::size_t long_line = 128 << 10;
// A shorter one is charged for: several in a turn held it up for 6 ms.
constexpr std::size_t parsed_a_reduction = 64;

term reason(const char* why) {
    return tuple(atoms::shutdown, atom(why));
}

// A client of beamcore's comes back by itself when it reads "restarting".
rpc::failure ending_failure(const node_context& node) {
    return node.state == node_state::restarting
               ? rpc::make_failure(rpc::stopping, "restarting", "the node is restarting", "", 75)
               : rpc::make_failure(rpc::stopping, "stopping", "the node is stopping", "", 75);
}

bool is_blank(std::string_view text) {
    return text.find_first_not_of(" \t\r") == std::string_view::npos;
}

}  // namespace

connection_process::connection_process(node_context* node) : node_(node) {
    (void)process().trap_exit(true);
}

connection_process::~connection_process() {
    if (!counted_ || !node_) return;
    node_->last_client_ms.store(node_->now_ms());
    node_->clients.fetch_sub(1);
}

// -- input ----------------------------------------------------------------------------------------

cast_result connection_process::handle_info(take_over m) {
    peer_ = std::move(m.peer);
    counted_ = true;
    node_->clients.fetch_add(1);
    node_->last_client_ms.store(node_->now_ms());
    if (auto who = peer_.peer_credentials(); who) uid_ = who->user;
    draining_ = is_ending(node_->state);
    line_max_ = node_->live.line_max;
    peer_.set_line_max(line_max_);
    peer_.set_framing(io::framing::line);
    read_more();
    return {};
}

void connection_process::read_more() {
    if (credit_ > 0 || input_ended_ || closing_ || is_backed_up()) return;
    credit_ = lines_at_once;
    peer_.activate(lines_at_once);
}

cast_result connection_process::handle_info(io::passive) {
    credit_ = 0;
    read_more();
    return {};
}

awaitable<cast_result> connection_process::handle_info(io::line m) {
    if (closing_) co_return cast_result();
    if (!is_blank(m.text)) co_await take_line(std::move(m.text));
    co_return after();
}

cast_result connection_process::handle_info(io::end_of_input m) {
    input_ended_ = true;
    if (m.reason == atom("line_too_long")) {
        // Where the next line begins is not known any more.
        write(rpc::error_line(
            "null", rpc::make_failure(rpc::invalid_request, "too_long",
                                      "a line of more than " + std::to_string(line_max_) + " bytes",
                                      "", 65)));
        closing_ = true;
        end_all(reason("closed"));
    }
    return after();
}

cast_result connection_process::handle_info(io::end_of_output) {
    output_ended_ = closing_ = true;
    unwritten_.clear();
    return after();
}

awaitable<void> connection_process::take_line(std::string text) {
    tl::expected<rpc::call, rpc::bad_call> parsed = rpc::call{};
    if (text.size() < long_line) {
        (void)process().bump_reductions(int(text.size() / parsed_a_reduction));
        parsed = rpc::parse_call(text);
    } else {
        auto job = blocking([text = std::move(text)] { return rpc::parse_call(text); });
        parsed = co_await job;
    }
    if (!parsed) {
        write(rpc::error_line(to_json_text(parsed.error().id), parsed.error().why));
        co_return;
    }
    if (parsed->method.starts_with("$/")) {
        notice(*parsed);
        co_return;
    }
    begin(*std::move(parsed));
}

// -- requests -------------------------------------------------------------------------------------

void connection_process::begin(rpc::call c) {
    node_->requests.fetch_add(1, std::memory_order_relaxed);
    const std::string id_text = c.id ? to_json_text(*c.id) : std::string();
    const auto refuse_it = [&](const rpc::failure& why) {
        if (c.id) write(rpc::error_line(id_text, why));
    };
    if (failed_hello_ && c.method != "hello") {
        refuse_it(*failed_hello_);
        return;
    }
    // Our own drain may still be on its way.
    if (draining_ || is_ending(node_->state)) {
        refuse_it(ending_failure(*node_));
        return;
    }
    if (c.id && by_id_.contains(id_text)) {
        refuse_it(rpc::make_failure(rpc::invalid_request, "duplicate_id",
                                    "a request with this id is not yet answered", "", 65));
        return;
    }
    if (answer_at_once(c, id_text)) return;
    if (in_flight_.size() + dying_.size() >= node_->settings.requests_max) {
        refuse_it(rpc::make_failure(rpc::overloaded, "overloaded",
                                    std::to_string(node_->settings.requests_max) +
                                        " requests of this connection are not yet answered",
                                    "", 75));
        return;
    }
    if (c.deadline_ms && *c.deadline_ms == 0) {
        refuse_it(rpc::make_failure(rpc::timed_out, "timeout", "no time was left", "", 75));
        return;
    }

    auto job = std::make_shared<request_job>();
    job->node = node_;
    job->key = next_key_++;
    job->connection = id();
    job->id_text = id_text;
    job->method = std::move(c.method);
    job->params = std::move(c.params);
    job->tool = tool_;
    job->uid = uid_;
    job->is_notification = !c.id;
    entry e;
    e.id = c.id.value_or(term(atoms::null));
    e.id_text = id_text;
    e.is_notification = !c.id;
    e.gate = job->gate;
    e.demand = c.ask;
    if (c.deadline_ms)
        e.deadline =
            send_after(std::chrono::milliseconds(*c.deadline_ms), id(), deadline_passed{job->key});
    const std::uint64_t key = job->key;
    auto at = in_flight_.emplace(key, std::move(e)).first;
    if (c.id) by_id_[id_text] = key;

    const pid made = start_request(std::move(job));
    at->second.process = made;
    by_process_[made] = key;
}

bool connection_process::answer_at_once(const rpc::call& c, std::string_view id_text) {
    if (c.method == "hello") {
        hello(c, id_text);
        return true;
    }
    const quick_method quick = find_quick_method(c.method);
    if (!quick) return false;
    answer a = quick(*node_, c.params);
    if (!c.id) return true;
    if (a)
        write(rpc::result_line(id_text, *a));
    else
        write(rpc::error_line(id_text, {rpc::refused, a.error()}));
    return true;
}

void connection_process::hello(const rpc::call& c, std::string_view id_text) {
    if (const term* tool = c.params.map_find(term("tool")); tool && tool->as_text())
        tool_ = tool->as_text()->substr(0, 64);
    bool speaks = true;
    if (const term* versions = c.params.map_find(term("protocol"))) {
        speaks = versions->as_int64() == 1;
        for (const term& v : versions->list_elements()) speaks |= v.as_int64() == 1;
    }
    if (!speaks) {
        failed_hello_ = rpc::make_failure(rpc::no_common_protocol, "protocol",
                                          "this node speaks protocol 1", "beamd restart", 76);
        if (c.id) write(rpc::error_line(id_text, *failed_hello_));
        return;
    }
    failed_hello_.reset();
    // Given to the kernel at once, before the next line is looked at: a client whose connection ends without this answer
    // takes it that nothing of what it sent was begun, and sends it again.
    if (c.id) write(rpc::result_line(id_text, hello_answer(*node_)), when::at_once);
}

// -- notices --------------------------------------------------------------------------------------

void connection_process::notice(const rpc::call& c) {
    if (c.method == "$/cancel")
        cancel(c);
    else if (c.method == "$/ask")
        ask(c);
    else if (c.id)
        write(rpc::error_line(
            to_json_text(*c.id),
            rpc::make_failure(rpc::method_not_found, "unknown_method",
                              "there is no method \"" + c.method + "\"", "beamd restart", 76)));
}

connection_process::entries::iterator connection_process::find_id(const rpc::call& notice) {
    const term* wanted = notice.params.map_find(term("id"));
    if (!wanted) return in_flight_.end();
    auto at = by_id_.find(to_json_text(*wanted));
    return at == by_id_.end() ? in_flight_.end() : in_flight_.find(at->second);
}

void connection_process::cancel(const rpc::call& c) {
    auto at = find_id(c);
    const bool known = at != in_flight_.end();
    if (known) {
        auto why = rpc::make_failure(rpc::cancelled, "cancelled", "it was cancelled", "", 130);
        why.error.applied_unknown = !at->second.streams;
        give_up(at, why, reason("cancelled"));
    }
    if (c.id) write(rpc::result_line(to_json_text(*c.id), term(known)));
}

void connection_process::ask(const rpc::call& c) {
    auto at = find_id(c);
    const term* n = c.params.map_find(term("n"));
    const auto more = n ? n->as_uint64() : std::nullopt;
    const bool ok = at != in_flight_.end() && more;
    if (ok) {
        auto& demand = at->second.demand;
        const std::uint64_t had = demand.value_or(0);
        demand = had + std::min(*more, UINT64_MAX - had);
        retry_items();
    }
    if (c.id) write(rpc::result_line(to_json_text(*c.id), term(ok)));
}

// -- what requests send ---------------------------------------------------------------------------

cast_result connection_process::handle_info(request_done m) {
    auto at = in_flight_.find(m.key);
    if (at != in_flight_.end()) settle(at, std::move(m.line));
    return after();
}

bool connection_process::send_item(entry& e, const std::string& line) {
    if (is_backed_up() || e.demand == 0) return false;
    e.streams = true;
    if (e.demand) --*e.demand;
    if (const auto lost = e.gate->dropped.exchange(0)) write(rpc::dropped_line(e.id_text, lost));
    write(line);
    return true;
}

call_result<void> connection_process::handle_call(stream_item m, from caller) {
    auto at = in_flight_.find(m.key);
    if (at == in_flight_.end() || closing_) return noreply{};  // it is about to end
    if (send_item(at->second, m.line)) return {};
    at->second.streams = true;
    at->second.waiting = entry::waiting_item{caller, std::move(m.line)};
    return noreply{};
}

cast_result connection_process::handle_info(lossy_stream_item m) {
    m.gate->in_flight.fetch_sub(1);
    auto at = in_flight_.find(m.key);
    if (at == in_flight_.end() || closing_) return {};
    if (!send_item(at->second, m.line)) {
        at->second.streams = true;
        at->second.lossy_cut = true;
        m.gate->dropped.fetch_add(1);
    }
    return {};
}

void connection_process::retry_items() {
    for (auto& [key, e] : in_flight_) {
        if (is_backed_up()) return;
        if (e.waiting) {
            if (!send_item(e, e.waiting->line)) continue;
            reply(e.waiting->caller);
            e.waiting.reset();
        } else if (e.lossy_cut && e.demand != 0) {
            e.lossy_cut = false;
            if (const auto lost = e.gate->dropped.exchange(0))
                write(rpc::dropped_line(e.id_text, lost));
        }
    }
}

// -- ends -----------------------------------------------------------------------------------------

cast_result connection_process::handle_info(exit_message m) {
    dying_.erase(m.from);
    auto found = by_process_.find(m.from);
    if (found == by_process_.end()) return after();
    auto at = in_flight_.find(found->second);
    const term& why = m.reason;
    rpc::failure f;
    if (why == atoms::shutdown || why.is_tagged(atoms::shutdown, 2)) {
        f = is_ending(node_->state)
                ? ending_failure(*node_)
                : rpc::make_failure(rpc::stopping, "ended",
                                    "it was ended: " + to_string(why, {.max_bytes = 200}), "", 75);
    } else {
        f = rpc::make_failure(rpc::crashed, "crashed",
                              "it crashed in the node (" + to_string(why, {.max_bytes = 200}) +
                                  "); see " + node_->options.log_path(),
                              "beamd logs", 70);
    }
    f.error.applied_unknown = true;
    settle(at, rpc::error_line(at->second.id_text, f));
    return after();
}

cast_result connection_process::handle_info(deadline_passed m) {
    auto at = in_flight_.find(m.key);
    if (at != in_flight_.end()) {
        auto why = rpc::make_failure(rpc::timed_out, "timeout", "it took longer than its deadline",
                                     "", 75);
        why.error.applied_unknown = true;
        give_up(at, why, reason("timeout"));
    }
    return after();
}

cast_result connection_process::handle_info(drain) {
    draining_ = true;
    // A stream would go on for ever.
    for (auto at = in_flight_.begin(); at != in_flight_.end();) {
        auto next = std::next(at);
        if (at->second.streams) give_up(at, ending_failure(*node_), reason("stopping"));
        at = next;
    }
    return after();
}

// Answered, one way or the other: the entry goes.
void connection_process::settle(entries::iterator at, std::string line) {
    entry& e = at->second;
    if (e.deadline) (void)cancel_timer(*e.deadline);
    if (!e.is_notification) {
        if (const auto lost = e.gate->dropped.exchange(0); lost && e.streams)
            write(rpc::dropped_line(e.id_text, lost));
        write(std::move(line));
    }
    if (e.process) by_process_.erase(e.process);
    if (auto id = by_id_.find(e.id_text); id != by_id_.end() && id->second == at->first)
        by_id_.erase(id);
    in_flight_.erase(at);
}

void connection_process::give_up(entries::iterator at, const rpc::failure& why, term exit_reason) {
    if (at->second.process) {
        dying_[at->second.process] = 0;
        exit(at->second.process, std::move(exit_reason));
    }
    settle(at, rpc::error_line(at->second.id_text, why));
}

void connection_process::end_all(const term& exit_reason) {
    for (auto& [key, e] : in_flight_) {
        if (e.deadline) (void)cancel_timer(*e.deadline);
        if (e.process) exit(e.process, exit_reason);
    }
    in_flight_.clear();
    by_process_.clear();
    by_id_.clear();
}

// -- output ---------------------------------------------------------------------------------------

void connection_process::write(std::string line, when sent) {
    if (output_ended_) return;
    if (!is_backed_up()) {
        auto written = sent == when::at_once ? peer_.try_write(line) : peer_.try_write_soon(line);
        if (!written) {
            output_ended_ = closing_ = true;
            return;
        }
        if (*written) return;
        if (credit_ > 0) {
            // Nothing more is read until the client reads; what is in the mailbox already is taken.
            peer_.deactivate();
            credit_ = 0;
        }
    }
    unwritten_.push_back(std::move(line));
}

cast_result connection_process::handle_info(io::writable) {
    while (!unwritten_.empty()) {
        auto written = peer_.try_write(unwritten_.front());
        if (!written) {
            output_ended_ = closing_ = true;
            unwritten_.clear();
            break;
        }
        if (!*written) return {};
        unwritten_.pop_front();
    }
    retry_items();
    return after();
}

// What follows from the present state: read on, or end.
cast_result connection_process::after() {
    if (output_ended_) {
        end_all(reason("closed"));
        peer_.abort();
        return stop_with{reason("closed")};
    }
    const bool nothing_to_do = in_flight_.empty() && !is_backed_up();
    if (nothing_to_do && (closing_ || input_ended_ || draining_)) {
        peer_.close();
        return stop_with{reason("closed")};
    }
    read_more();
    return {};
}

}  // namespace beam::control
