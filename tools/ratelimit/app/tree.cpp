#include "libbeamcore/otp/dynamic_supervisor.hpp"
#include "libbeamcore/otp/registry.hpp"
#include "tools/ratelimit/app/application.hpp"
#include "tools/ratelimit/app/breaker.hpp"
#include "tools/ratelimit/app/gate.hpp"
#include "tools/ratelimit/app/kept.hpp"
#include "tools/ratelimit/app/limiter.hpp"
#include "tools/ratelimit/app/names.hpp"
#include "tools/ratelimit/app/starter.hpp"
#include "tools/ratelimit/app/tables.hpp"

namespace breakers {

namespace {
// One that cannot live is given up after these.
constexpr beam::dynamic_supervisor_flags breaker_flags{.max_restarts = 1000,
                                                       .max_seconds = std::chrono::seconds(5)};
}  // namespace

beam::supervisor_init breakers_sup::init() {
    std::vector<beam::child_spec> children;
    children.push_back(beam::supervisor::child_of(
        "registry", beam::registry::child(beam::registry_options(ratelimit::breaker_registry()))));
    children.push_back(beam::supervisor::child_of(
        "breaker_sup",
        beam::dynamic_supervisor::child(breaker_flags, ratelimit::breaker_supervisor())));
    children.push_back(beam::child_spec("starter", beam::child<starter>()));
    beam::supervisor_flags flags;
    flags.strategy = beam::restart_strategy::rest_for_one;
    flags.intensity = 10;
    return beam::supervisor_init(flags, std::move(children));
}

}  // namespace breakers

namespace ratelimit {

namespace {

struct ratelimit_sup {
    static beam::supervisor_init init() {
        std::vector<beam::child_spec> children;
        children.push_back(beam::child_spec("store", kept::store_child()));
        children.push_back(beam::child_spec("keeper", beam::child<keeper>()));
        children.push_back(beam::child_spec("limiter", beam::child<limiter>()));
        children.push_back(beam::child_spec("writer", beam::child<kept::writer>()));
        children.push_back(beam::child_spec("gate", beam::child<gate>()));
        children.push_back(
            beam::supervisor::child_of("breakers", beam::child<breakers::breakers_sup>()));
        beam::supervisor_flags flags;
        flags.intensity = 100;
        return beam::supervisor_init(flags, std::move(children));
    }
};

}  // namespace

beam::awaitable<beam::start_result> ratelimit_app::start(beam::term) {
    return beam::supervisor::start_link_named<ratelimit_sup>(beam::atom("ratelimit_sup"));
}

beam::awaitable<std::optional<std::string>> why_it_stays() {
    if (const auto n = breakers::open_breakers(); n > 0)
        co_return std::to_string(n) + (n == 1 ? " breaker is open" : " breakers are open");
    auto key = co_await some_spent_key();
    if (key) co_return "a limit is spent (" + *key + ")";
    co_return std::nullopt;
}

}  // namespace ratelimit
