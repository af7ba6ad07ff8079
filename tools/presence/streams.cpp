// The commands that go on: watch and listen.
#include <chrono>
#include <nlohmann/json.hpp>

#include "tools/presence/app/notices/reader.hpp"
#include "tools/presence/commands.hpp"
#include "tools/presence/lines.hpp"

namespace presence::client {

using beam::client;
using beam::tool::exit_code;
using nlohmann::json;

namespace {

void print_item(beam::tool::common_state& common, const std::string& text, const json& item) {
    if (common.quiet) return;
    common.out.flushed_line(common.json ? item.dump() : text);
}

/// Says what was received, on a connection of its own.
class confirmer {
public:
    confirmer(const beam::tool::common_options& common, bool acknowledges)
        : node_(common), acknowledges_(acknowledges) {
        node_.set_spawn(false);
    }

    void session_is(const json& begun) {
        user_ = begun.at("user");
        session_ = begun.at("session");
    }

    /// A confirmation that does not arrive costs that the message comes again.
    void confirm(const json& notice) {
        node_.set_deadline(beam::tool::deadline::in(answers_within));
        try {
            (void)node_.ask("presence.confirm", {{"user", user_},
                                                 {"session", session_},
                                                 {"seq", notice.at("seq")},
                                                 {"acknowledge", acknowledges_}});
        } catch (const beam::tool::failure& error) {
            node_.common()->trace(1, "not confirmed: " + error.why);
        } catch (const beam::tool::connection_lost&) {
            node_.disconnect();
        }
    }

private:
    static constexpr std::chrono::seconds answers_within{5};

    client node_;
    bool acknowledges_;
    std::string user_, session_;
};

}  // namespace

exit_code watch(client& node, const std::string& topic, bool changes,
                const beam::tool::stream_limits& limits) {
    auto& common = *node.common();
    beam::tool::followed_stream stream;
    stream.method = "presence.watch";
    stream.limits = limits;
    stream.params = [&] {
        return json{{"topic", topic}, {"as", common.user}, {"changes", changes}};
    };
    stream.on_item = [&](const json& item) {
        print_item(common, event_line(item), item);
        return true;
    };
    (void)beam::tool::follow(node, stream);
    return exit_code::done;
}

exit_code listen(client& node, const session_options& o, bool acknowledges,
                 const beam::tool::stream_limits& limits) {
    auto& common = *node.common();
    json params = params_of(node, o);
    presence::reader reader;
    confirmer to_node(node.common(), acknowledges);
    beam::tool::followed_stream stream;
    stream.method = "presence.listen";
    stream.limits = limits;
    stream.limits.count = 0;
    std::uint64_t left = limits.count;  // of what is for the user
    stream.params = [&] { return params; };
    stream.on_item = [&](const json& item) {
        if (item.value("event", "") == "listening") {
            params["session"] = item.at("session");  // the same one when the node is back
            to_node.session_is(item);
            if (common.json) print_item(common, {}, item);
            common.notice("listening as " + item.value("user", ""));
            return true;
        }
        if (item.value("event", "") != "notice") {
            if (common.json) print_item(common, {}, item);
            return true;
        }
        presence::notice what;
        what.from = item.at("from").get<std::string>();
        what.id = item.at("id").get<std::string>();
        what.accepted_ms = item.at("accepted_ms").get<std::int64_t>();
        what.seq = item.at("seq").get<std::uint64_t>();
        const auto verdict = reader.take(what, item.at("after").get<std::uint64_t>());
        if (verdict == presence::reader::verdict::out_of_order) return true;
        if (verdict == presence::reader::verdict::show) print_item(common, notice_line(item), item);
        to_node.confirm(item);
        if (verdict == presence::reader::verdict::repeat) return true;
        return limits.count == 0 || --left > 0;
    };
    (void)beam::tool::follow(node, stream);
    return exit_code::done;
}

}  // namespace presence::client
