// cache get KEY --or-run CMD: the value, or what CMD prints, which then is the value.
//
// The node lets one of all that ask run CMD (cache.fill). That one puts the value over a connection of its own while
// the first stays open: should it die, the node sees that and lets the next one run.
#include <sys/wait.h>

#include <cstdio>
#include <nlohmann/json.hpp>

#include "tools/cache/app/limits.hpp"
#include "tools/cache/commands.hpp"
#include "tools/cache/transfer.hpp"
#include "tools/common/failure.hpp"
#include "tools/common/interrupt.hpp"

namespace cache {

using beam::client;
using beam::tool::exit_code;
using beam::tool::failure;
using nlohmann::json;

namespace {

struct command_result {
    std::string output;
    int status = 0;
};

command_result run_command(const std::string& command) {
    std::fflush(stdout);
    std::FILE* pipe = ::popen(command.c_str(), "re");
    if (!pipe) throw failure(exit_code::io_error, "cannot run a shell");
    command_result r;
    char buffer[65536];
    while (std::size_t n = std::fread(buffer, 1, sizeof buffer, pipe)) {
        if (r.output.size() <= value_max) r.output.append(buffer, n);
    }
    r.status = ::pclose(pipe);
    beam::tool::check_interrupted();
    return r;
}

void check(const command_result& r) {
    if (WIFEXITED(r.status) && WEXITSTATUS(r.status) == 0) return;
    // As a shell says it.
    const int code = WIFEXITED(r.status) ? WEXITSTATUS(r.status) : 128 + WTERMSIG(r.status);
    failure error(exit_code(code), "the command exited with " + std::to_string(code), {},
                  "command_failed");
    throw error;
}

}  // namespace

exit_code get_or_run(client& node, const std::string& key, bool raw, const std::string& command,
                     const put_words& words) {
    json put_params = {{"key", bytes_json(key)}};
    add_put_words(put_params, words);
    const json params = {{"key", bytes_json(key)}, {"stale", !words.stale.empty()}};
    std::optional<std::string> made;
    const auto answer = node.stream("cache.fill", params, [&](const json&) {
        command_result r = run_command(command);
        check(r);
        // As $(CMD) does, but only the last newline.
        if (!raw && !r.output.empty() && r.output.back() == '\n') r.output.pop_back();
        client second(node.common());
        put_value(second, put_params, r.output);
        made = std::move(r.output);
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
