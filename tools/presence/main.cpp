// presence: a thin client. Sessions, and what is seen of them, are in app/.
#include <CLI/CLI.hpp>

#include "tools/presence/commands.hpp"

namespace {

using namespace presence::client;
using beam::client;
using beam::tool::exit_code;

void add_session_options(CLI::App& command, session_options& o) {
    command.add_option("--session", o.session, "Which of the user's sessions")->option_text("ID");
    command.add_option("--topic", o.topic, "Where the session is listed too")->option_text("T");
    command.add_option("--status", o.status, "What others are shown")->option_text("TEXT");
    command.add_option("--meta", o.meta, "A JSON object that goes with the session")
        ->option_text("JSON");
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app{"Who is here, on all nodes, and messages for them", "presence"};
    auto common = beam::tool::add_common_options(app, "nodeA");
    app.require_subcommand(1);
    beam::tool::examples(app,
                         "presence login user42 --node nodeA\npresence status user42 --node nodeB");

    session_options o;
    std::string user, topic, session;
    bool changes = false;
    auto* login = app.add_subcommand("login", "Say that USER is here, for the time of a lease");
    login->add_option("USER", o.user, "Who comes in (who acts)");
    login->add_option("--ttl", o.ttl, "How long without any command of the user (1h)")
        ->option_text("DUR");
    add_session_options(*login, o);
    auto* logout = app.add_subcommand("logout", "End USER's sessions, on all nodes");
    logout->add_option("USER", user, "Who goes (who acts)");
    logout->add_option("--session", session, "Only this one")->option_text("ID");
    auto* status = app.add_subcommand("status", "Tell whether USER is here: 0 online, 1 offline");
    status->add_option("USER", user, "Whom to look for (who acts)");
    auto* list = app.add_subcommand("list", "List who is here");
    list->add_option("TOPIC", topic, "Only those who are listed there");
    auto* watch = app.add_subcommand("watch", "Print who comes and goes, as it happens");
    watch->add_option("TOPIC", topic, "Only those who are listed there");
    watch->add_flag("--changes", changes, "Without those who are here at the beginning");
    beam::tool::stream_options watch_limits(*watch);
    auto* listen = app.add_subcommand("listen", "Be here, and print what comes for USER");
    listen->add_option("USER", o.user, "Who listens (who acts)");
    add_session_options(*listen, o);
    bool acknowledges = false;
    listen->add_flag("--ack", acknowledges, "What is printed is acknowledged");
    beam::tool::stream_options listen_limits(*listen);
    notify_options n;
    std::vector<std::string> ids;
    std::string id;
    bool all = false;
    auto* notify =
        app.add_subcommand("notify", "Send USER a message that is kept until acknowledged");
    notify->add_option("USER", n.user, "Whom it is for")->required();
    notify->add_option("TEXT", n.text, "The message; - reads it from stdin")->required();
    notify->add_option("--id", n.id, "Your own name for it: the same again is kept once")
        ->option_text("ID");
    notify->add_option("--ttl", n.ttl, "How long it may wait (7d)")->option_text("DUR");
    notify->add_option("--until", n.until, "Wait until it is delivered, or acknowledged")
        ->option_text("STATE")
        ->check(CLI::IsMember({"delivered", "acknowledged"}));
    auto* queue =
        app.add_subcommand("queue", "List what waits for USER, or for whom something waits");
    queue->add_option("USER", user, "Whose messages");
    auto* ack = app.add_subcommand("ack", "Acknowledge messages of who acts");
    ack->add_option("ID", ids, "Which ones");
    ack->add_flag("--all", all, "All that wait");
    auto* receipt = app.add_subcommand("receipt", "Print what became of a message that you sent");
    receipt->add_option("ID", id, "Its id")->required();
    auto* kick = app.add_subcommand("kick", "End all sessions that are seen of USER");
    kick->add_option("USER", user, "Who must go")->required();
    auto* nodes = app.add_subcommand("nodes", "List the nodes and what is held of each");
    auto* health = app.add_subcommand("health", "Tell whether all nodes are up: 0 yes, 1 no");
    for (const auto* command : {login, logout, watch, listen, kick, notify, ack})
        beam::tool::runs_once(*command, common);

    return beam::tool::run(app, argc, argv, common, [&](client& node) -> exit_code {
        if (login->parsed()) return presence::client::login(node, o);
        if (logout->parsed()) return presence::client::logout(node, user, session);
        if (status->parsed()) return presence::client::status(node, user);
        if (list->parsed()) return presence::client::list(node, topic);
        if (watch->parsed())
            return presence::client::watch(node, topic, changes, watch_limits.limits());
        if (listen->parsed())
            return presence::client::listen(node, o, acknowledges, listen_limits.limits());
        if (notify->parsed()) return presence::client::notify(node, n);
        if (queue->parsed()) return presence::client::queue(node, user);
        if (ack->parsed()) return presence::client::ack(node, ids, all);
        if (receipt->parsed()) return presence::client::receipt(node, id);
        if (kick->parsed()) return presence::client::kick(node, user);
        if (nodes->parsed()) return presence::client::nodes(node);
        (void)health;
        return presence::client::health(node);
    });
}
