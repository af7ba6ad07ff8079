// Commands: a table of them, how one is found, and those about tables and connections that every server has.
//
// A server's client is a class of its own that begins with resp::client. Its commands stand in tables of
// command<my_client>, and one command_index<my_client> has them all.
#pragma once

#include <array>
#include <cstddef>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "libbeamcore/runtime/process.hpp"
#include "tools/resp/arguments.hpp"
#include "tools/resp/client.hpp"

namespace resp {

/// One command. One that must wait has `waits` instead of `run`, and is given copies of its arguments.
template <class Client>
struct command {
    std::string_view name;  ///< in capitals
    int arity = 1;          ///< how many arguments, the name counted; -N: at least N
    void (*run)(Client&, arguments) = nullptr;
    beam::awaitable<void> (*waits)(Client&, std::vector<std::string>) = nullptr;
    std::string_view flags = "readonly";
    int first_key = 1;  ///< 0: it has none
    int last_key = 1;   ///< -1: all from the first on

    [[nodiscard]] int key_step() const { return first_key == 0 ? 0 : name == "MSET" ? 2 : 1; }
    [[nodiscard]] bool takes(std::size_t count) const {
        return arity >= 0 ? count == std::size_t(arity) : count >= std::size_t(-arity);
    }
};

/// A table with open addressing over the names; made once.
template <class Client>
class command_index {
public:
    explicit command_index(std::initializer_list<std::span<const command<Client>>> parts) {
        for (auto part : parts) all_.insert(all_.end(), part.begin(), part.end());
        for (const command<Client>& c : all_) {
            std::size_t i = hash(c.name) % places;
            while (places_[i]) i = (i + 1) % places;
            places_[i] = &c;
        }
    }
    command_index(const command_index&) = delete;
    command_index& operator=(const command_index&) = delete;

    /// The command of that name, in any case; null if there is none.
    [[nodiscard]] const command<Client>* find(std::string_view name) const {
        if (name.size() > name_max) return nullptr;
        char capitals[name_max];
        for (std::size_t i = 0; i < name.size(); ++i) capitals[i] = capital(name[i]);
        const std::string_view wanted(capitals, name.size());
        for (std::size_t i = hash(wanted) % places; places_[i]; i = (i + 1) % places)
            if (places_[i]->name == wanted) return places_[i];
        return nullptr;
    }
    /// The command that a client has sent; null: it was told that there is none, or that it takes other arguments.
    [[nodiscard]] const command<Client>* accept(client& c, arguments all) const {
        const command<Client>* found = find(all[0]);
        if (!found) {
            unknown_command(c, all);
            return nullptr;
        }
        if (found->takes(all.size())) return found;
        wrong_arguments(c, small(found->name));
        return nullptr;
    }
    [[nodiscard]] std::span<const command<Client>> all() const { return all_; }

private:
    static constexpr std::size_t places = 256;
    static constexpr std::size_t name_max = 16;

    static std::size_t hash(std::string_view name) {
        std::size_t h = name.size();
        for (char c : name) h = h * 31 + static_cast<unsigned char>(c);
        return h;
    }

    std::vector<command<Client>> all_;
    std::array<const command<Client>*, places> places_{};
};

/// COMMAND [COUNT | DOCS | INFO NAME...], about the commands of one index.
template <class Client>
void about_commands(Client& c, arguments words, const command_index<Client>& known) {
    const auto describe = [&c](const command<Client>& one) {
        describe_command(c.out, one.name, one.arity, one.flags, one.first_key, one.last_key,
                         one.key_step());
    };
    if (words.size() == 1) {
        c.out.array(known.all().size());
        for (const command<Client>& one : known.all()) describe(one);
        return;
    }
    if (equals(words[1], "COUNT") && words.size() == 2)
        return c.out.integer(std::int64_t(known.all().size()));
    if (equals(words[1], "DOCS")) return c.out.map(0);
    if (!equals(words[1], "INFO")) return unknown_subcommand(c, "COMMAND", words[1]);
    c.out.array(words.size() - 2);
    for (std::string_view name : words.subspan(2)) {
        const command<Client>* one = known.find(name);
        one ? describe(*one) : c.out.null();
    }
}

/// A command of every client's, as one of this.
template <class Client, void (*Run)(client&, arguments)>
void of_all(Client& c, arguments words) {
    Run(c, words);
}

/// PING ECHO QUIT SELECT HELLO AUTH CLIENT.
template <class Client>
inline constexpr command<Client> connection_commands[] = {
    {"PING", -1, of_all<Client, ping>, nullptr, "fast", 0, 0},
    {"ECHO", 2, of_all<Client, echo>, nullptr, "fast", 0, 0},
    {"QUIT", -1, of_all<Client, quit>, nullptr, "fast", 0, 0},
    {"SELECT", 2, of_all<Client, select>, nullptr, "fast", 0, 0},
    {"HELLO", -1, of_all<Client, hello>, nullptr, "fast", 0, 0},
    {"AUTH", -2, of_all<Client, auth>, nullptr, "fast", 0, 0},
    {"CLIENT", -2, of_all<Client, about_client>, nullptr, "", 0, 0},
};

}  // namespace resp
