#include "tools/presence/app/notices/reaching.hpp"

#include <iterator>
#include <utility>

#include "tools/presence/app/notices/owners.hpp"
#include "tools/presence/app/notices/post_office.hpp"
#include "tools/tenant/running.hpp"

namespace presence {

namespace {

tl::unexpected<beam::request_error> unreachable(beam::atom node, const std::string& user) {
    return beam::refuse("unreachable",
                        short_name(node) + ", which keeps the messages of " + user +
                            ", cannot be reached from here",
                        "presence nodes", 69);
}

/// Asks each member, all at once.
template <class T, class Ask>
beam::awaitable<collected<T>> collect(Ask ask) {
    const std::vector<beam::atom> nodes = members();
    std::vector<beam::future<std::vector<T>>> answers;
    answers.reserve(nodes.size());
    for (const beam::atom node : nodes) answers.push_back(ask(node));
    collected<T> all;
    for (std::size_t i = 0; i < nodes.size(); ++i) {
        beam::outcome<std::vector<T>> some = co_await answers[i].outcome();
        if (some)
            std::move(some->begin(), some->end(), std::back_inserter(all.found));
        else
            all.unreached.push_back(nodes[i]);
    }
    co_return all;
}

}  // namespace

bool was_not_there(const beam::term& call_failure) {
    const auto parts = call_failure.elements();
    return !parts.empty() && parts[0] == beam::atom("noproc");
}

beam::awaitable<asked<beam::pid>> reach_mailbox(std::string user, bool start) {
    auto who = co_await find_owner(user);
    if (!who) co_return tl::unexpected<beam::request_error>(std::move(who.error()));
    auto asking = post_office::mailbox_of(who->node, user, start, who->where);
    beam::outcome<located> found = co_await asking.outcome();
    if (!found && who->where == place::kv)
        co_return beam::refuse("unavailable",
                               "shard " + std::to_string(who->shard) + " is unavailable here",
                               "kv cluster health", 69);
    if (!found) co_return unreachable(who->node, user);
    if (found->error != beam::term()) co_return refuse_kept(found->error, user);
    co_return found->mailbox.value_or(beam::pid());
}

beam::awaitable<asked<collected<receipt>>> collect_receipts(std::string from, std::string id) {
    if (place_now() == place::disk)
        co_return co_await collect<receipt>(
            [&](beam::atom node) { return post_office::receipts(node, from, id); });
    co_await tenant::await_kv();
    auto found = co_await records::in_kv().find_all(from, id);
    if (!found) co_return refuse_kept(found.error(), from);
    collected<receipt> all;
    all.found = *std::move(found);
    co_return all;
}

beam::awaitable<asked<collected<records::waiting>>> collect_waiting() {
    if (place_now() == place::disk)
        co_return co_await collect<records::waiting>(&post_office::waiting);
    co_await tenant::await_kv();
    auto found = co_await records::in_kv().all_waiting();
    if (!found) co_return refuse_kept(found.error(), "all");
    collected<records::waiting> all;
    all.found = *std::move(found);
    co_return all;
}

beam::awaitable<asked<std::vector<notice>>> expired_of(std::string user) {
    auto who = co_await find_owner(user);
    if (!who) co_return tl::unexpected<beam::request_error>(std::move(who.error()));
    if (who->where == place::kv) {
        auto found = co_await records::in_kv().expired(user);
        if (!found) co_return refuse_kept(found.error(), user);
        co_return *std::move(found);
    }
    auto asking = post_office::expired(who->node, user);
    beam::outcome<std::vector<notice>> found = co_await asking.outcome();
    if (!found) co_return unreachable(who->node, user);
    co_return *std::move(found);
}

}  // namespace presence
