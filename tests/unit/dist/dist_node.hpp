// Several nodes in one OS process.
#pragma once

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <utility>

#include "libbeamcore/dist/distribution.hpp"
#include "libbeamcore/runtime/name.hpp"
#include "libbeamcore/runtime/runtime.hpp"
#include "libbeamcore/term/syntax.hpp"
#include "tests/support/simulated.hpp"

namespace test {

/// A runtime that is a node; the first of a test serves as the others' EPMD.
class dist_node {
public:
    dist_node(const std::string& name, std::uint16_t epmd_port, beam::dist::options o = {}) {
        o.name = name + "@127.0.0.1";
        if (o.cookie.empty()) o.cookie = "secret";
        o.epmd_port = epmd_port;
        beam::runtime_options r;
        r.schedulers = 2;
        node_ = std::make_unique<beam::runtime>(r);
        node_->spawn(
            [](beam::self me, beam::dist::options given) -> beam::process {
                me.trap_exit(true);
                auto starting = beam::dist::start_link(std::move(given));
                beam::outcome<beam::pid> p = co_await starting;
                CHECK_MESSAGE(p, beam::to_string(p ? beam::term() : p.error()));
                beam::register_name(beam::atom("keeper"), me.id());
                co_await me.sleep_for(beam::infinity{});
            },
            o);
        run_in(*node_, [](beam::self me) -> beam::awaitable<void> {
            while (!beam::whereis(beam::atom("keeper"))) co_await me.yield();
        });
        name_ = beam::atom(o.name);
    }
    beam::runtime& operator*() const { return *node_; }
    beam::runtime* operator->() const { return node_.get(); }
    [[nodiscard]] beam::atom name() const { return name_; }
    void die() { node_.reset(); }

private:
    std::unique_ptr<beam::runtime> node_;
    beam::atom name_;
};

}  // namespace test
