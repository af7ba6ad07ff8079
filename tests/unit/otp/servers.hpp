// Servers for the tests of gen_server: a counter, and one that does in each way what a handler can do.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "libbeamcore/otp/gen_server.hpp"
#include "node.hpp"

namespace test::servers {

// What servers saw, in order. A test runs on one thread.
inline std::vector<std::string> seen;

class counter : public beam::gen_server<counter> {
    struct get_count {
        using reply = int;
    };
    struct increment_by {
        int amount;
    };

public:
    static beam::future<int> get(beam::pid counter, beam::timeout t = std::chrono::seconds(5)) {
        return beam::call<get_count>(counter, t);
    }
    static void increment(const beam::server_ref& counter, int amount) {
        beam::cast<increment_by>(counter, amount);
    }

    using calls = beam::messages<get_count>;
    using casts = beam::messages<increment_by>;

    explicit counter(int initial) : count_(initial) {}
    int handle_call(get_count, beam::from) { return count_; }
    void handle_cast(increment_by m) { count_ += m.amount; }

private:
    int count_;
};

// One request for each way in which a handler can go on.
struct echo {
    using reply = std::string;
    std::string text;
};
struct ignore_me {
    using reply = int;
};
struct keep_me {
    using reply = int;
};
struct answer_kept {
    using reply = bool;
};
struct exit_with {
    using reply = int;
    beam::term reason;
};
struct raise_with {
    using reply = int;
    beam::term reason;
};
struct throw_reply {
    using reply = int;
};
struct throw_bad {
    using reply = int;
};
struct stop_and_answer {
    using reply = int;
    beam::term reason;
};
struct stop_silently {
    using reply = int;
    beam::term reason;
};
struct answer_elsewhere {
    using reply = int;
};
struct with_timeout {
    using reply = int;
    int ms;
};
struct with_continue {
    using reply = int;
    int chain;
};
struct with_hibernate {
    using reply = int;
};
struct slowly {
    using reply = int;
    int ms;
};
struct nothing_much {
    using reply = void;
};
struct note {
    std::string text;
};
struct stop_by_cast {
    beam::term reason;
};
struct go_on {
    int chain;
};

class kitchen : public beam::gen_server<kitchen> {
public:
    using calls =
        beam::messages<echo, ignore_me, keep_me, answer_kept, exit_with, raise_with, throw_reply,
                       throw_bad, stop_and_answer, stop_silently, answer_elsewhere, with_timeout,
                       with_continue, with_hibernate, slowly, nothing_much>;
    using casts = beam::messages<note, stop_by_cast>;
    using continues = beam::messages<go_on>;

    explicit kitchen(bool traps = false) {
        if (traps) process().trap_exit(true);
    }

    std::string handle_call(echo m) { return m.text; }
    beam::call_result<int> handle_call(ignore_me) { return beam::noreply{}; }
    beam::call_result<int> handle_call(keep_me, beam::from f) {
        kept_ = f;
        return beam::noreply{};
    }
    bool handle_call(answer_kept) {
        beam::reply(kept_, 42);
        return true;
    }
    int handle_call(exit_with m) { beam::exit(m.reason); }
    int handle_call(raise_with m) { beam::raise(m.reason); }
    int handle_call(throw_reply) { throw beam::call_result<int>(7); }
    int handle_call(throw_bad) { throw beam::term(beam::atom("nonsense")); }
    beam::call_result<int> handle_call(stop_and_answer m) {
        return {beam::stop_with{m.reason}, 11};
    }
    beam::call_result<int> handle_call(stop_silently m) { return beam::stop_with{m.reason}; }
    beam::call_result<int> handle_call(answer_elsewhere, beam::from f) {
        beam::spawn(
            [](beam::self, beam::from caller) -> beam::process {
                beam::reply(caller, 99);
                co_return;
            },
            f);
        return beam::noreply{};
    }
    beam::call_result<int> handle_call(with_timeout m) {
        return {1, beam::then::timeout(std::chrono::milliseconds(m.ms))};
    }
    beam::call_result<int> handle_call(with_continue m) {
        return {1, beam::then::continue_with(go_on{m.chain})};
    }
    beam::call_result<int> handle_call(with_hibernate) { return {1, beam::then::hibernate()}; }
    beam::awaitable<int> handle_call(slowly m) {
        beam::self me = beam::this_process();
        co_await me.sleep_for(std::chrono::milliseconds(m.ms));
        co_return m.ms;
    }
    void handle_call(nothing_much) { seen.push_back("nothing_much"); }

    void handle_cast(note m) { seen.push_back(m.text); }
    beam::cast_result handle_cast(stop_by_cast m) { return beam::stop_with{m.reason}; }

    void handle_info(beam::timed_out) { seen.push_back("timeout"); }
    void handle_info(beam::exit_message m) { seen.push_back("EXIT " + shown(m.reason)); }
    beam::cast_result handle_continue(go_on m) {
        seen.push_back("continue " + std::to_string(m.chain));
        if (m.chain > 0) return beam::then::continue_with(go_on{m.chain - 1});
        return {};
    }
    void hibernate() { seen.push_back("hibernate"); }
    void terminate(const beam::term& reason) { seen.push_back("terminate " + shown(reason)); }

private:
    beam::from kept_{};
};

}  // namespace test::servers
