// Uploads: values that are too long for one line of the control socket come in parts, and are put when all are here.
//
// At most `held_max` bytes are held for all; an upload that gets no part for `idle` is forgotten.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "libbeamcore/otp/gen_server.hpp"
#include "libbeamcore/runtime/timer.hpp"
#include "libbeamcore/term/outcome.hpp"

namespace cache {

class uploads : public beam::gen_server<uploads> {
    struct add_part {
        using reply = beam::outcome<std::uint64_t>;
        std::string name;
        std::uint64_t offset = 0;
        beam::term bytes;
    };
    struct finish {
        using reply = std::vector<beam::term>;
        std::string name;
    };
    struct too_old {
        std::string name;
        std::uint64_t parts = 0;
    };

public:
    /// Adds bytes behind those that are here; a part that is here already is taken as sent twice. Gives how many bytes
    /// are here. Errors: `out_of_order`, `too_large`, `too_many`.
    static beam::future<beam::outcome<std::uint64_t>> add(std::string name, std::uint64_t offset,
                                                          beam::term bytes);
    /// Ends an upload and gives its parts; none if it is unknown.
    static beam::future<std::vector<beam::term>> take(std::string name);

    using arguments = std::tuple<>;
    using calls = beam::messages<add_part, finish>;
    using infos = beam::messages<too_old>;

    static beam::init_result<uploads> init();
    beam::outcome<std::uint64_t> handle_call(add_part m);
    std::vector<beam::term> handle_call(finish m);
    void handle_info(too_old m);

    static constexpr std::size_t held_max = std::size_t(1) << 30;
    static constexpr std::size_t uploads_max = 1000;
    static constexpr auto idle = std::chrono::seconds(60);

private:
    struct upload {
        std::vector<beam::term> parts;
        std::uint64_t size = 0;
    };

    void forget(std::unordered_map<std::string, upload>::iterator it);

    std::unordered_map<std::string, upload> uploads_;
    std::size_t held_ = 0;
};

}  // namespace cache
