#include "tools/common/completion.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <functional>
#include <map>
#include <vector>

namespace beam::tool {
namespace {

std::vector<const CLI::App*> commands_of(const CLI::App& app) {
    auto found = app.get_subcommands(
        [](const CLI::App* a) { return !a->get_name().empty() && !a->get_group().empty(); });
    return {found.begin(), found.end()};
}

std::vector<const CLI::Option*> options_of(const CLI::App& app) {
    std::vector<const CLI::Option*> out;
    for (const CLI::Option* option : app.get_options())
        if (option->nonpositional() && !option->get_group().empty()) out.push_back(option);
    return out;
}

bool takes_value(const CLI::Option& option) {
    return option.get_expected_min() > 0 && option.get_type_size_max() > 0;
}

// What an option's value can be, where that is a closed list: its type is then `{one,two}`.
std::vector<std::string> choices_of(const CLI::Option& option) {
    if (option.check_lname("color")) return {"auto", "always", "never"};
    const auto type = option.get_type_name();
    std::vector<std::string> out;
    if (type.size() < 2 || type.front() != '{') return out;
    for (std::size_t at = 1; at < type.size();) {
        const auto end = type.find_first_of(",}", at);
        out.push_back(type.substr(at, end - at));
        at = end + 1;
    }
    return out;
}

bool takes_file(const CLI::Option& option) {
    return option.check_lname("socket") || option.check_lname("config") ||
           option.check_lname("junit") || option.get_option_text() == "FILE";
}

// Calls `visit` with every command and its path: "" for the tool, "/create/room" below.
void walk(const CLI::App& app, const std::string& path,
          const std::function<void(const CLI::App&, const std::string&)>& visit) {
    visit(app, path);
    for (const CLI::App* command : commands_of(app))
        walk(*command, path + "/" + command->get_name(), visit);
}

std::string join(const std::vector<std::string>& words, const char* between) {
    std::string out;
    for (const auto& word : words) out += (out.empty() ? "" : between) + word;
    return out;
}

// For single quotes in a shell, where `apostrophe` is how one is written.
std::string plain(const std::string& text, const char* apostrophe) {
    std::string out;
    for (char c : text)
        if (c == '\'')
            out += apostrophe;
        else if (c != '\\' && c != '\n')
            out += c;
    return out;
}

std::string function_name(const CLI::App& app) {
    std::string out = "_";
    for (char c : app.get_name()) out += c == '-' ? '_' : c;
    return out;
}

std::vector<std::string> option_words(const CLI::Option& option) {
    std::vector<std::string> words;
    for (const auto& name : option.get_lnames()) words.push_back("--" + name);
    for (const auto& name : option.get_snames()) words.push_back("-" + name);
    return words;
}

// The shell code, for bash and zsh, that finds which command the words before the cursor name.
std::string path_finder(const CLI::App& app, const char* words, const char* first,
                        const char* end) {
    std::vector<std::string> paths, valued;
    walk(app, "", [&](const CLI::App& command, const std::string& path) {
        if (!path.empty()) paths.push_back(path);
        for (const CLI::Option* option : options_of(command))
            if (takes_value(*option))
                for (const auto& word : option_words(*option))
                    if (std::find(valued.begin(), valued.end(), word) == valued.end())
                        valued.push_back(word);
    });
    std::string out;
    out += "    local place='' i word\n";
    out += std::string("    for ((i = ") + first + "; i < " + end + "; i++)); do\n";
    out += std::string("        word=${") + words + "[i]}\n";
    if (!valued.empty())
        out += "        case \"$word\" in " + join(valued, "|") + ") ((i++)); continue ;; esac\n";
    if (!paths.empty())
        out += "        case \"$place/$word\" in " + join(paths, "|") +
               ") place=$place/$word ;; esac\n";
    return out + "    done\n";
}

// The shell code, for bash and zsh, that offers what may follow the option before the cursor: one of
// a list, a file, or nothing that could be known.
std::string value_cases(const CLI::App& app,
                        const std::function<std::string(const std::string&)>& offer,
                        const std::string& offer_files, const std::string& offer_nothing) {
    // Options of several commands that share a name are one here: it offers what any of them takes.
    std::map<std::string, std::vector<std::string>> choices_by_word;
    std::map<std::string, const CLI::Option*> by_word;
    std::vector<std::string> in_order;
    walk(app, "", [&](const CLI::App& command, const std::string&) {
        for (const CLI::Option* option : options_of(command)) {
            if (!takes_value(*option)) continue;
            for (const auto& word : option_words(*option)) {
                if (by_word.emplace(word, option).second) in_order.push_back(word);
                auto& known = choices_by_word[word];
                for (const auto& choice : choices_of(*option))
                    if (std::find(known.begin(), known.end(), choice) == known.end())
                        known.push_back(choice);
            }
        }
    });
    std::map<std::string, std::vector<std::string>> by_code;
    for (const auto& word : in_order) {
        const auto& choices = choices_by_word[word];
        by_code[!choices.empty()             ? offer(join(choices, " "))
                : takes_file(*by_word[word]) ? offer_files
                                             : offer_nothing]
            .push_back(word);
    }
    std::string out;
    for (const auto& [code, words] : by_code)
        out += "        " + join(words, "|") + ") " + code + " ;;\n";
    return out;
}

std::string bash(const CLI::App& app) {
    const auto name = function_name(app);
    std::string out = "# bash completion for " + app.get_name() + ", made by: " + app.get_name() +
                      " completion bash\n";
    out +=
        name + "() {\n    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}\n";
    out += "    case \"$prev\" in\n";
    out += value_cases(
        app,
        [](const std::string& choices) {
            return "mapfile -t COMPREPLY < <(compgen -W '" + choices + "' -- \"$cur\"); return";
        },
        "mapfile -t COMPREPLY < <(compgen -f -- \"$cur\"); return",
        "compopt +o default 2>/dev/null; COMPREPLY=(); return");
    out += "    esac\n";
    out += path_finder(app, "COMP_WORDS", "1", "COMP_CWORD");
    out += "    local words=''\n    case \"$place\" in\n";
    std::vector<std::string> root;
    for (const CLI::Option* option : options_of(app))
        for (const auto& word : option_words(*option))
            if (word.rfind("--", 0) == 0) root.push_back(word);
    walk(app, "", [&](const CLI::App& command, const std::string& path) {
        std::vector<std::string> words;
        for (const CLI::App* inner : commands_of(command)) words.push_back(inner->get_name());
        if (!path.empty())
            for (const CLI::Option* option : options_of(command))
                for (const auto& word : option_words(*option))
                    if (word.rfind("--", 0) == 0) words.push_back(word);
        out += "        '" + path + "') words='" + join(words, " ") + "' ;;\n";
    });
    out += "    esac\n    [[ $cur == -* || -z $words ]] && words+=' " + join(root, " ") + "'\n";
    out += "    mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\")\n}\n";
    return out + "complete -o default -F " + name + " " + app.get_name() + "\n";
}

// `_describe` takes NAME:TEXT; a colon in NAME would need a backslash, and no name has one.
std::string described(const std::string& word, const std::string& text) {
    return "'" + word + ":" + plain(text, "'\\''") + "'";
}

std::string zsh(const CLI::App& app) {
    const auto name = function_name(app);
    std::string out =
        "#compdef " + app.get_name() + "\n# made by: " + app.get_name() + " completion zsh\n";
    out += name + "() {\n    case \"${words[CURRENT-1]}\" in\n";
    out += value_cases(
        app, [](const std::string& choices) { return "compadd " + choices + "; return"; },
        "_files; return", "_message value; return");
    out += "    esac\n";
    out += path_finder(app, "words", "2", "CURRENT");
    out += "    local -aU commands options\n    options=(";
    const auto add_options = [&](const CLI::App& command) {
        std::string text;
        for (const CLI::Option* option : options_of(command))
            for (const auto& word : option_words(*option))
                if (word.rfind("--", 0) == 0)
                    text += " " + described(word, option->get_description());
        return text;
    };
    out += add_options(app) + " )\n    case \"$place\" in\n";
    walk(app, "", [&](const CLI::App& command, const std::string& path) {
        out += "        '" + path + "') commands=(";
        for (const CLI::App* inner : commands_of(command))
            out += " " + described(inner->get_name(), inner->get_description());
        out += " )";
        if (!path.empty()) out += "; options+=(" + add_options(command) + " )";
        out += " ;;\n";
    });
    out += "    esac\n    if [[ ${words[CURRENT]} == -* ]]; then _describe option options\n";
    out += "    elif (( ${#commands} )); then _describe command commands\n    else _files; fi\n}\n";
    return out + "if [[ ${funcstack[1]} == " + name + " ]]; then " + name +
           " \"$@\"; else compdef " + name + " " + app.get_name() + "; fi\n";
}

std::string fish(const CLI::App& app) {
    const auto& tool = app.get_name();
    const auto finder = "__beam" + function_name(app) + "_path";
    std::vector<std::string> paths;
    walk(app, "", [&](const CLI::App&, const std::string& path) {
        if (!path.empty()) paths.push_back(path);
    });
    std::string out = "# fish completion for " + tool + ", made by: " + tool + " completion fish\n";
    out +=
        "function " + finder + "\n    set -l path ''\n    for word in (commandline -opc)[2..-1]\n";
    if (!paths.empty())
        out += "        switch \"$path/$word\"\n            case " + join(paths, " ") +
               "\n                set path \"$path/$word\"\n        end\n";
    out += "    end\n    echo \"$path\"\nend\n";
    walk(app, "", [&](const CLI::App& command, const std::string& path) {
        const auto when = " -n 'test (" + finder + ") = \"" + path + "\"'";
        const std::string condition = path.empty() ? "" : when;
        for (const CLI::App* inner : commands_of(command))
            out.append("complete -c ")
                .append(tool)
                .append(" -f")
                .append(when)
                .append(" -a ")
                .append(inner->get_name())
                .append(" -d '")
                .append(plain(inner->get_description(), "\\'"))
                .append("'\n");
        for (const CLI::Option* option : options_of(command)) {
            out.append("complete -c ").append(tool).append(condition);
            for (const auto& word : option->get_lnames()) out += " -l " + word;
            for (const auto& word : option->get_snames()) out += " -s " + word;
            if (takes_value(*option)) out += takes_file(*option) ? " -r" : " -x";
            if (const auto choices = choices_of(*option); !choices.empty())
                out += " -a '" + join(choices, " ") + "'";
            out += " -d '" + plain(option->get_description(), "\\'") + "'\n";
        }
    });
    return out;
}

}  // namespace

std::string completion_script(const CLI::App& app, std::string_view shell) {
    if (shell == "bash") return bash(app);
    if (shell == "zsh") return zsh(app);
    if (shell == "fish") return fish(app);
    return {};
}

}  // namespace beam::tool
