// cache get KEY --or-run CMD: the value, or what CMD prints, which then is the value.
//
// The node lets one of all that ask run CMD (cache.fill). That one puts the value over a connection of its own while
// the first stays open: should it die, the node sees that and lets the next one run.
#include <nlohmann/json.hpp>

#include "libbeamcore/base/duration.hpp"
#include "tools/cache/app/limits.hpp"
#include "tools/cache/commands.hpp"
#include "tools/cache/transfer.hpp"
#include "tools/common/command.hpp"
#include "tools/common/failure.hpp"

namespace cache {

using beam::client;
using beam::tool::exit_code;
using beam::tool::failure;
using nlohmann::json;

namespace {

/// What the command printed; it has ended well, or this throws.
std::string output_of(const std::string& command, const beam::tool::common_state& common) {
    std::string output;
    beam::tool::command_options options;
    options.output = &output;
    options.output_max = value_max;
    if (!common.timeout_is_default) options.limit = common.timeout;
    const auto r = beam::tool::run_command({"/bin/sh", "-c", command}, options);
    if (r.too_much)
        throw failure(exit_code::no,
                      "the command printed more than the 512 MiB that are allowed, and was ended",
                      {}, "too_large");
    if (r.timed_out)
        throw failure(exit_code::try_again,
                      "the command took longer than " + beam::print_duration(*options.limit) +
                          ", and was ended",
                      {}, "timeout");
    if (r.exit == 0) return output;
    throw failure(exit_code(r.exit), "the command exited with " + std::to_string(r.exit), {},
                  "command_failed");
}

}  // namespace

exit_code get_or_run(client& node, const std::string& key, bool raw, const std::string& command,
                     const put_words& words) {
    json put_params = {{"key", bytes_json(key)}};
    add_put_words(put_params, words);
    const json params = {{"key", bytes_json(key)}, {"stale", !words.stale.empty()}};
    std::optional<std::string> made;
    const auto answer = node.stream("cache.fill", params, [&](const json&) {
        made = output_of(command, *node.common());
        // As $(CMD) does, but only the last newline.
        if (!raw && !made->empty() && made->back() == '\n') made->pop_back();
        client second(node.common());
        put_value(second, put_params, *made);
        return false;
    });
    if (made) {
        print_value(node, key, *made, raw, {{"ran", true}, {"stale", false}});
        return exit_code::done;
    }
    if (!answer) throw failure(exit_code::try_again, "the node gave no value");
    print_value(node, key, value_in(node, key, *answer), raw,
                {{"ran", false}, {"stale", answer->value("stale", false)}});
    return exit_code::done;
}

}  // namespace cache
