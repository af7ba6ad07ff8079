#include "tools/common/help.hpp"

#include <vector>

#include "tools/common/suggestion.hpp"

namespace beam::tool {
namespace {

std::string full_name(const CLI::App& app) {
    const CLI::App* parent = app.get_parent();
    return parent ? full_name(*parent) + " " + app.get_name() : app.get_name();
}

// The command that parsing had reached.
const CLI::App& innermost(const CLI::App& app) {
    const auto parsed = app.get_subcommands();
    return parsed.empty() ? app : innermost(*parsed.front());
}

std::vector<std::string> command_names(const CLI::App& app) {
    std::vector<std::string> names;
    for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
        names.push_back(command->get_name());
        for (const auto& alias : command->get_aliases()) names.push_back(alias);
    }
    return names;
}

std::vector<std::string> option_names(const CLI::App& command) {
    std::vector<std::string> names;
    for (const CLI::App* app = &command; app; app = app->get_parent())
        for (const CLI::Option* option : app->get_options())
            for (const auto& name : option->get_lnames()) names.push_back("--" + name);
    return names;
}

std::string joined(const std::vector<std::string>& words) {
    std::string out;
    for (const auto& word : words) out += (out.empty() ? "" : ", ") + word;
    return out;
}

bool takes_arguments(const CLI::App& command) {
    for (const CLI::Option* option : command.get_options())
        if (option->get_positional()) return true;
    return false;
}

std::string with_suggestion(std::string why, std::string_view word,
                            const std::vector<std::string>& known) {
    if (auto near = nearest(word, known)) why += ", did you mean \"" + *near + "\"?";
    return why;
}

// CLI11 writes "KEY is required", "--ttl: 1 required NAME missing" and the like: no capital at the
// start of ours, no full stop.
std::string tidy(std::string text) {
    while (!text.empty() && (text.back() == '\n' || text.back() == '.')) text.pop_back();
    if (text.size() > 1 && text[0] >= 'A' && text[0] <= 'Z' && text[1] >= 'a')
        text[0] = static_cast<char>(text[0] - 'A' + 'a');
    return text;
}

}  // namespace

std::string help_formatter::make_help(const CLI::App* app, std::string name,
                                      CLI::AppFormatMode mode) const {
    if (mode == CLI::AppFormatMode::Sub) return make_expanded(app);
    std::string out;
    const auto lines = app->get_footer();
    // A command made after its parent's examples were set has got those; they are not its own.
    if (!lines.empty() && !(app->get_parent() && app->get_parent()->get_footer() == lines)) {
        out += "Examples:\n";
        for (std::size_t at = 0; at < lines.size();) {
            const auto end = std::min(lines.find('\n', at), lines.size());
            out += "  " + lines.substr(at, end - at) + "\n";
            at = end + 1;
        }
        out += "\n";
    }
    auto commands = make_subcommands(app, mode);
    if (const auto at = commands.find("\nSubcommands:\n"); at != std::string::npos)
        commands.replace(at + 1, 11, "Commands");
    out += make_description(app) + make_usage(app, std::move(name));
    out += make_positionals(app) + commands + make_groups(app, mode);
    // CLI11 parts groups by one line or two.
    for (std::size_t at; (at = out.find("\n\n\n")) != std::string::npos;) out.erase(at, 1);
    while (out.size() > 1 && out[out.size() - 2] == '\n') out.pop_back();
    if (app->get_parent()) {
        const CLI::App* root = app;
        while (root->get_parent()) root = root->get_parent();
        out += "\nCommon options: " + root->get_name() + " --help\n";
    }
    return out;
}

std::string help_formatter::make_usage(const CLI::App* app, std::string) const {
    std::string out = "\nUsage: " + full_name(*app);
    if (!command_names(*app).empty())
        out += app->get_require_subcommand_min() == 0 ? " [COMMAND]" : " COMMAND";
    for (const CLI::Option* option : app->get_options())
        if (option->get_positional()) out += " " + make_option_usage(option);
    if (!command_names(*app).empty()) out += " [ARGS]";
    return out + " [OPTIONS]\n";
}

// Without the `{2s}` that CLI11 shows for a flag that may have a value.
std::string help_formatter::make_option_name(const CLI::Option* option, bool is_positional) const {
    std::string out;
    bool inside = false;
    for (char c : CLI::Formatter::make_option_name(option, is_positional)) {
        if (c == '{') inside = true;
        if (!inside) out += c;
        if (c == '}') inside = false;
        if (c == ',' && !inside) out += ' ';
    }
    return out;
}

std::string help_formatter::make_option_opts(const CLI::Option* option) const {
    const auto& text = option->get_option_text();
    if (option->get_positional()) return {};
    if (!text.empty()) return text.rfind("[=", 0) == 0 ? text : " " + text;
    if (option->get_type_size() == 0 || option->get_expected_min() == 0) return {};
    return " " + option->get_type_name();
}

std::string short_usage(const CLI::App& app) {
    std::string out = "usage: " + full_name(app) + " COMMAND [ARGS] [OPTIONS]\n  commands:";
    for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; }))
        out += " " + command->get_name();
    return out + "\n  try: " + full_name(app) + " --help\n";
}

failure usage_failure(const CLI::App& app, const CLI::ParseError& error) {
    const CLI::App& command = innermost(app);
    const auto help = full_name(command) + " --help";
    const auto left = app.remaining(true);
    // What could not be placed is the likeliest mistake, whatever else is missing because of it.
    for (const auto& word : left) {
        if (word == "--") continue;
        failure out(exit_code::usage, {}, help);
        out.what_failed = word;
        if (word.size() > 1 && word.front() == '-') {
            out.what_failed = word.substr(0, word.find('='));
            out.why = with_suggestion("no such option", out.what_failed, option_names(command));
            if (word[1] != '-' && takes_arguments(command)) out.next = "-- " + word;
        } else if (command.get_require_subcommand_max() > 0 && command.get_subcommands().empty() &&
                   !command_names(command).empty()) {
            out.why = with_suggestion("no such command", word, command_names(command));
        } else {
            out.why = "one argument too many";
        }
        return out;
    }
    failure out(exit_code::usage, tidy(error.what()), help);
    const std::string said = error.what();
    if (said.rfind("A subcommand", 0) == 0) {
        out.why = "a command is missing, one of: " + joined(command_names(command));
    } else if (const auto end = said.find(" is required"); end != std::string::npos) {
        out.why = said.substr(0, end) + " is missing";
    } else if (error.get_name() == "ArgumentMismatch" && said.rfind("--", 0) == 0) {
        out.what_failed = said.substr(0, said.find(':'));
        out.why = "its value is missing";
        return out;
    }
    out.what_failed = full_name(command).substr(app.get_name().size());
    out.what_failed.erase(0, out.what_failed.find_first_not_of(' '));
    return out;
}

}  // namespace beam::tool
