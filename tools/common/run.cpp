#include "tools/common/run.hpp"

#include <signal.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <cstring>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tools/common/batch.hpp"
#include "tools/common/completion.hpp"
#include "tools/common/failure.hpp"
#include "tools/common/help.hpp"
#include "tools/common/interrupt.hpp"
#include "tools/common/json_line.hpp"
#include "tools/common/session.hpp"

namespace beam::tool {
namespace {

using nlohmann::json;

// stderr may be closed or full; the exit code is what is left then.
void say(const std::string& text) noexcept {
    try {
        output err(2);
        err.write(text);
        err.flush();
    } catch (...) {
    }
}

int report(const common_state& common, failure error) {
    if (error.what_failed.empty()) error.what_failed = common.what;
    say((common.json ? dump_line(error_json(error)) : error_line(common.tool, error)) + "\n");
    return static_cast<int>(error.exit);
}

// For mistakes in the command line itself, which leave nothing resolved.
bool asks_for_json(int argc, char** argv) {
    const char* variable = std::getenv("BEAM_JSON");
    if (variable && std::strcmp(variable, "1") == 0) return true;
    for (int i = 1; i < argc && std::strcmp(argv[i], "--") != 0; ++i)
        if (std::strcmp(argv[i], "--json") == 0 || std::strcmp(argv[i], "-j") == 0) return true;
    return false;
}

exit_code print_config(common_state& common, bool with_origin) {
    std::string text;
    json values = json::object();
    for (const auto& s : common.settings) {
        text += (text.empty() ? "" : "\n") + s.name + "=" + s.value;
        if (with_origin) text += " (" + s.origin + ")";
        values[s.name] =
            with_origin ? json{{"value", s.value}, {"origin", s.origin}} : json(s.value);
    }
    common.print(text, values);
    common.out.flush();
    return exit_code::done;
}

struct own_commands {
    CLI::App* config = nullptr;
    CLI::App* completion = nullptr;
    bool origin = false;
    std::string shell;
};

void add_own_commands(CLI::App& app, const common_state& common, own_commands& own) {
    constexpr const char* group = "Common commands";
    if (common.has_batch)
        app.add_subcommand("batch", "Answer requests from stdin, one a line, in order")
            ->group(group);
    own.config = app.add_subcommand("config", "Print the settings in force")->group(group);
    own.config->add_flag("--origin", own.origin, "And where each comes from");
    own.completion =
        app.add_subcommand("completion", "Print a completion script: bash, zsh or fish")
            ->group(group);
    own.completion->add_option("SHELL", own.shell, "bash, zsh or fish")->required();
}

[[noreturn]] void is_empty(std::string option) {
    failure error(exit_code::usage, "its value is empty");
    error.what_failed = std::move(option);
    throw error;
}

// What CLI11 would take for something else: the word after `--node=` for its value, and `-hello` for
// `-h`, whatever follows.
void refuse_misread_words(int argc, char** argv) {
    constexpr std::string_view short_options = "hVqvjwnP";
    for (int i = 1; i < argc && std::strcmp(argv[i], "--") != 0; ++i) {
        const std::string word = argv[i];
        if (word.size() >= 4 && word.rfind("--", 0) == 0 && word.find('=') == word.size() - 1)
            is_empty(word.substr(0, word.size() - 1));
        if (word.size() < 3 || word[0] != '-' || word[1] == '-') continue;
        const auto is_flag = [&](char c) {
            return short_options.find(c) != std::string_view::npos;
        };
        if (!is_flag(word[1])) continue;
        for (std::size_t at = 2; at < word.size() && word[at] != '='; ++at) {
            if (is_flag(word[at])) continue;
            failure error(exit_code::usage, "no such option", "-- " + word);
            error.what_failed = word;
            throw error;
        }
    }
}

void refuse_empty_values(const CLI::App& app) {
    for (const CLI::Option* option : app.get_options()) {
        if (option->get_positional()) continue;
        for (const auto& value : option->results())
            if (value.empty()) is_empty(option->get_name());
    }
    for (const CLI::App* command : app.get_subcommands()) refuse_empty_values(*command);
}

// One round of --watch: redrawn on a tty, one line a record elsewhere.
exit_code run_once(const common_options& common, client& node,
                   const std::function<exit_code(client&)>& body, bool redraw) {
    const auto code = body(node);
    if (common->watch) {
        auto text = common->out.take();
        if (redraw) {
            text = "\x1b[H\x1b[2J" + text;
        } else if (!text.empty()) {
            for (std::size_t i = 0; i + 1 < text.size(); ++i)
                if (text[i] == '\n') text[i] = ' ';
        }
        common->out.write(text);
    }
    common->out.flush();
    return code;
}

exit_code run_watched(const common_options& common, client& node,
                      const std::function<exit_code(client&)>& body) {
    const bool redraw = common->watch && !common->json && ::isatty(1) == 1;
    for (;;) {
        const auto code = run_once(common, node, body, redraw);
        if (!common->watch) return code;
        const auto next = deadline::in(*common->watch);
        while (!next.is_over()) {
            ::usleep(static_cast<useconds_t>(std::min(next.poll_timeout(), 100)) * 1000);
            check_interrupted();
        }
    }
}

}  // namespace

std::optional<int> parse(CLI::App& app, int argc, char** argv, const common_options& common) {
    reserve_standard_descriptors();
    auto& c = *common;
    own_commands own;
    add_own_commands(app, c, own);
    c.json = asks_for_json(argc, argv);
    try {
        try {
            refuse_misread_words(argc, argv);
            app.parse(argc, argv);
            refuse_empty_values(app);
        } catch (const CLI::CallForHelp&) {
            c.out.write(app.help());
            c.out.flush();
            return 0;
        } catch (const CLI::CallForVersion& version) {
            c.out.line(version.what());
            c.out.flush();
            return 0;
        } catch (const CLI::ParseError& error) {
            if (error.get_name() == "RequiredError" && app.get_subcommands().empty() &&
                app.remaining(true).empty() && !c.json) {
                say(short_usage(app));
                return static_cast<int>(exit_code::usage);
            }
            throw usage_failure(app, error);
        }
        resolve(c);
        if (*own.config) return static_cast<int>(print_config(c, own.origin));
        if (*own.completion) {
            const auto script = completion_script(app, own.shell);
            if (script.empty())
                throw failure(exit_code::usage, "no such shell: it is one of bash, zsh, fish");
            c.out.write(script);
            c.out.flush();
            return 0;
        }
    } catch (const failure& error) {
        return report(c, error);
    } catch (const std::exception& error) {
        return report(c, failure(exit_code::bug, std::string("the tool failed: ") + error.what()));
    }
    return std::nullopt;
}

int guarded(const common_options& common, const std::function<exit_code(client&)>& body) {
    ::signal(SIGPIPE, SIG_DFL);
    catch_interrupts();
    auto& c = *common;
    try {
        client node(common);
        if (c.has_batch && c.app->got_subcommand("batch")) {
            const auto code =
                run_batch(node, c.application.empty() ? c.tool : c.application, STDIN_FILENO);
            c.out.flush();
            return static_cast<int>(code);
        }
        return static_cast<int>(run_watched(common, node, body));
    } catch (const interrupted&) {
        return static_cast<int>(exit_code::interrupted);
    } catch (const connection_lost&) {
        return report(c, node_ended(c));
    } catch (const failure& error) {
        // What was printed before it went wrong is still a result.
        try {
            c.out.flush();
        } catch (const failure&) {
        }
        return report(c, error);
    } catch (const std::exception& error) {
        return report(c, failure(exit_code::bug, std::string("the tool failed: ") + error.what()));
    }
}

}  // namespace beam::tool
