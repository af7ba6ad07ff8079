// vault-2: the names of vault-1, other layouts.
#include <array>
#include <stdexcept>
#include <string>

#include "libbeamcore/otp/gen_event.hpp"
#include "libbeamcore/otp/gen_server.hpp"
#include "libbeamcore/release/application_module.hpp"

namespace vault {

struct deposit {
    std::string note = "none";
    std::array<std::int64_t, 4> spare{};
    int amount = 0;
    BEAM_FIELDS(deposit, note, spare, amount)
};
struct get_balance {
    using reply = std::int64_t;
    std::string currency = "EUR";
    BEAM_FIELDS(get_balance, currency)
};

struct error : std::runtime_error {
    explicit error(std::string w) : std::runtime_error("vault-2"), words(std::move(w)) {}
    std::string words;
    int code = 2;
};

struct statistics {
    static inline std::string first = "vault-2";
    static inline int opened = 1000;
};

class account : public beam::gen_server<account> {
public:
    using arguments = std::tuple<std::int64_t>;
    using calls = beam::messages<get_balance>;
    using casts = beam::messages<deposit>;

    account() = default;
    explicit account(std::int64_t balance) : balance_(balance) { ++statistics::opened; }
    std::int64_t handle_call(get_balance) { return balance_; }
    void handle_cast(deposit m) {
        balance_ += m.amount;
        last_note_ = m.note;
    }

    BEAM_FIELDS(account, owner_, last_note_, balance_)

private:
    std::string owner_ = "nobody";
    std::string last_note_;
    std::int64_t balance_ = 0;
};

class ledger : public beam::gen_event_handler<ledger> {
public:
    using events = beam::messages<deposit>;

    void handle_event(const deposit& d) {
        total_ += d.amount;
        last_note_ = d.note;
    }

    BEAM_FIELDS(ledger, last_note_, total_)

private:
    std::string last_note_;
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
    deposit d;
    d.amount = p.amount;
    beam::send(p.account, std::move(d));
    co_return beam::term(beam::atoms::ok);
}

beam::awaitable<beam::answer> balance(beam::request&, account_params p) {
    get_balance ask;
    const std::int64_t n = co_await beam::send_request(p.account, std::move(ask));
    co_return beam::term(n);
}

beam::awaitable<beam::answer> stop_listening(beam::request&, account_params p) {
    auto deleting = beam::gen_event::delete_handler<ledger>(p.account);
    (void)co_await deleting;
    co_return beam::term(beam::atoms::ok);
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
            co_await beam::enter<counting>(n + 100);
    }
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
        throw error("two");
    } catch (const error& e) {
        co_return beam::map({{beam::term("code"), e.code},
                             {beam::term("what"), e.what()},
                             {beam::term("opened"), statistics::opened}});
    }
}

}  // namespace vault

BEAM_APPLICATION(vault, "2", vault::account, vault::ledger, vault::counting) {
    app.method("open", vault::open);
    app.method("pay", vault::pay);
    app.method("balance", vault::balance, {.restartable = true});
    app.method("stop_listening", vault::stop_listening);
    app.method("ask_count", vault::ask_count);
    app.method("version", vault::version);
}
