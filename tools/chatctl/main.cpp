// chatctl: a thin client. The rooms are in app/.
#include <CLI/CLI.hpp>

#include "tools/chatctl/commands.hpp"

namespace {

using beam::client;
using beam::tool::exit_code;

/// What is created, deleted or crashed: always a room, said aloud.
CLI::App* room_command(CLI::App& app, const char* verb, const char* description,
                       std::string& name) {
    auto* command = app.add_subcommand(verb, description);
    command->require_subcommand(1);
    auto* room = command->add_subcommand("room", description);
    room->add_option("NAME", name, "The room's name")->required();
    return room;
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app{"Chat rooms on a beamcore node", "chatctl"};
    auto common = beam::tool::add_common_options(app);
    common->application = "chat";
    app.require_subcommand(1);
    beam::tool::examples(app, "chatctl create room general\nchatctl send general \"hello\"");

    std::string room, text, since;
    std::optional<std::uint64_t> limit;
    auto* create = room_command(app, "create", "Create a room", room);
    auto* remove = room_command(app, "delete", "Delete a room and its messages", room);
    app.get_subcommand("delete")->alias("del");
    auto* crash = room_command(app, "crash", "Kill a room's process and see it restarted", room);
    auto* list = app.add_subcommand("list", "List the rooms");
    auto* users = app.add_subcommand("users", "List who has joined which room");
    auto* send = app.add_subcommand("send", "Send a message to a room");
    send->add_option("ROOM", room, "The room's name")->required();
    send->add_option("TEXT", text, "The message; - reads it from stdin")->required();
    auto* history = app.add_subcommand("history", "Print a room's last messages");
    history->add_option("ROOM", room, "The room's name")->required();
    history->add_option("--since", since, "Only messages not older than this, as in 10m")
        ->option_text("DUR");
    history->add_option("--limit", limit, "At most so many (100)")
        ->option_text("N")
        ->check(beam::tool::whole_number("--limit"));
    auto* join = app.add_subcommand("join", "Print a room's messages as they come");
    join->add_option("ROOM", room, "The room's name")->required();
    beam::tool::stream_options stream(*join);
    for (const auto* command : {create, remove, crash, send, join})
        beam::tool::runs_once(*command, common);

    return beam::tool::run(app, argc, argv, common, [&](client& node) -> exit_code {
        if (create->parsed()) return chatctl::create_room(node, room);
        if (remove->parsed()) return chatctl::delete_room(node, room);
        if (crash->parsed()) return chatctl::crash_room(node, room);
        if (list->parsed()) return chatctl::list(node);
        if (users->parsed()) return chatctl::users(node);
        if (send->parsed()) return chatctl::send(node, room, text);
        if (history->parsed()) return chatctl::history(node, room, since, limit);
        return chatctl::join(node, room, stream.limits());
    });
}
