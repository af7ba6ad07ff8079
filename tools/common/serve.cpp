#include "tools/common/serve.hpp"

#include <CLI/CLI.hpp>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "tools/common/shown_text.hpp"

namespace beam::tool {

CLI::App* add_serve_command(CLI::App& app, serve_words& words) {
    auto* serve = app.add_subcommand("serve", "Speak RESP, the protocol of Redis, at an address");
    serve->add_option("--resp", words.address, "PATH of a Unix socket, or HOST:PORT")
        ->option_text("ADDRESS");
    serve->add_flag("--allow-remote", words.allow_remote,
                    "Also at an address that others can reach");
    serve->add_flag("--stop", words.stop, "Listen there no more");
    return serve;
}

exit_code serve(client& node, const serve_words& words) {
    const common_options& common = node.common();
    std::string address = words.address;
    if (address.empty()) address = common->config_text("resp").value_or("");
    if (address.empty())
        throw failure(exit_code::usage,
                      "it is not said where, with --resp PATH or --resp HOST:PORT",
                      common->tool + " serve --resp localhost:6380");
    // The node's folder is another one.
    if (address.find('/') != std::string::npos)
        address = std::filesystem::absolute(address).lexically_normal();
    const nlohmann::json answer =
        node.ask(common->tool + ".serve",
                 {{"resp", address}, {"any_address", words.allow_remote}, {"stop", words.stop}});
    common->print((words.stop ? "stopped: " : "serving RESP at ") +
                      shown_text(answer.at("resp").get<std::string>()),
                  answer);
    return exit_code::done;
}

}  // namespace beam::tool
