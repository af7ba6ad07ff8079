// vault-1: accounts. vault-2 has the same names with other layouts.
#include <stdexcept>
#include <string>

#include "libbeamcore/otp/gen_event.hpp"
#include "libbeamcore/otp/gen_server.hpp"
#include "libbeamcore/otp/supervisor.hpp"
#include "libbeamcore/release/application_module.hpp"
#include "libbeamcore/runtime/timer.hpp"

namespace vault {

using namespace std::chrono_literals;

struct deposit {
    int amount = 0;
    BEAM_FIELDS(deposit, amount)
};
struct get_balance {
    using reply = std::int64_t;
    BEAM_FIELDS(get_balance)
};
struct sealed {  // declares no fields: it cannot leave this version
    std::string content;
};

struct error : std::runtime_error {
    explicit error(int c) : std::runtime_error("vault-1"), code(c) {}
    int code;
};

struct statistics {
    static inline int opened = 0;
};

class account : public beam::gen_server<account> {
public:
    using arguments = std::tuple<std::int64_t>;
    using calls = beam::messages<get_balance>;
    using casts = beam::messages<deposit>;

    account() = default;
    explicit account(std::int64_t balance) : balance_(balance) { ++statistics::opened; }
    std::int64_t handle_call(get_balance) { return balance_; }
    void handle_cast(deposit m) { balance_ += m.amount; }

    BEAM_FIELDS(account, balance_)

private:
    std::int64_t balance_ = 0;
};

// A handler of events, in a manager whose own code is libbeamcore's.
class ledger : public beam::gen_event_handler<ledger> {
public:
    using events = beam::messages<deposit>;

    void handle_event(const deposit& d) { total_ += d.amount; }

    BEAM_FIELDS(ledger, total_)

private:
    std::int64_t total_ = 0;
};

struct open_params {
    std::int64_t balance = 0;
    BEAM_FIELDS(open_params, balance)
};
struct account_params {
    beam::pid account;
    int amount = 0;
    BEAM_FIELDS(account_params, account, amount)
};

beam::awaitable<beam::answer> open(beam::request&, open_params p) {
    auto started = beam::start<account>(p.balance);
    if (!started) co_return beam::refuse("cannot_open", "it does not start");
    co_return beam::term(*started);
}

beam::awaitable<beam::answer> pay(beam::request&, account_params p) {
    beam::cast<deposit>(p.account, p.amount);
    co_return beam::term(beam::atoms::ok);
}

beam::awaitable<beam::answer> balance(beam::request&, account_params p) {
    const std::int64_t n = co_await beam::call<get_balance>(p.account);
    co_return beam::term(n);
}

beam::awaitable<beam::answer> pay_later(beam::request&, account_params p) {
    deposit d{p.amount};
    (void)beam::send_after(1h, p.account, d);
    co_return beam::term(beam::atoms::ok);
}

beam::awaitable<beam::answer> seal(beam::request&, account_params p) {
    beam::send(p.account, sealed{"only vault-1 can open this"});
    co_return beam::term(beam::atoms::ok);
}

beam::process watch(beam::self self) {
    while (true) co_await self.receive();
}
beam::awaitable<beam::answer> guard(beam::request&) {
    co_return beam::term(beam::spawn(watch));
}

beam::awaitable<beam::answer> listen(beam::request&) {
    const auto manager = beam::gen_event::start();
    if (!manager) co_return beam::refuse("cannot_open", "it does not start");
    const beam::pid m = *manager;
    auto adding = beam::gen_event::add_handler<ledger>(m);
    (void)co_await adding;
    beam::gen_event::notify<deposit>(m, 5);
    co_return beam::term(m);
}

struct tick {
    BEAM_FIELDS(tick)
};
struct tell {
    beam::pid to;
    BEAM_FIELDS(tell, to)
};
// Counts ticks, and goes on with the current version's code after each.
beam::process counting(beam::self self, std::int64_t n) {
    for (;;) {
        auto m = co_await self.receive<tick, tell>();
        if (const tell* asked = std::get_if<tell>(&m))
            beam::send(asked->to, n);
        else
            co_await beam::enter<counting>(n + 1);
    }
}

beam::awaitable<beam::answer> count(beam::request&) {
    co_return beam::term(beam::spawn(counting, std::int64_t(0)));
}
// A supervisor with one such child.
beam::awaitable<beam::answer> nursery(beam::request&) {
    std::vector<beam::child_spec> children;
    children.emplace_back(beam::term(beam::atom("counting")),
                          beam::child<counting>(std::int64_t(5)));
    auto starting = beam::supervisor::start_link({}, std::move(children));
    beam::start_result r = co_await starting;
    const auto top = beam::started_pid(std::move(r));
    if (!top) co_return beam::refuse("cannot_open", "it does not start");
    co_return beam::term(*top);
}
beam::awaitable<beam::answer> tick_once(beam::request&, account_params p) {
    beam::send(p.account, tick{});
    co_return beam::term(beam::atoms::ok);
}

beam::awaitable<beam::answer> ask_count(beam::request&, account_params p) {
    beam::self me = beam::this_process();
    tell question{me.id()};
    beam::send(p.account, question);
    const auto n = co_await me.receive<std::int64_t>();
    co_return beam::term(n);
}

beam::awaitable<beam::answer> version(beam::request&) {
    try {
        throw error(1);
    } catch (const error& e) {
        co_return beam::map({{beam::term("code"), e.code},
                             {beam::term("what"), e.what()},
                             {beam::term("opened"), statistics::opened}});
    }
}

beam::awaitable<beam::answer> break_in(beam::request&) {
    throw error(7);
    co_return beam::term();
}

}  // namespace vault

BEAM_APPLICATION(vault, "1", vault::account, vault::ledger, vault::counting) {
    app.spec.description = "Accounts";
    app.method("open", vault::open);
    app.method("pay", vault::pay);
    app.method("balance", vault::balance, {.restartable = true});
    app.method("pay_later", vault::pay_later);
    app.method("seal", vault::seal);
    app.method("guard", vault::guard);
    app.method("listen", vault::listen);
    app.method("count", vault::count);
    app.method("nursery", vault::nursery);
    app.method("tick", vault::tick_once);
    app.method("ask_count", vault::ask_count);
    app.method("version", vault::version);
    app.method("break_in", vault::break_in);
}
