#include "tools/presence/app/notices/reaching.hpp"

#include <iterator>
#include <utility>

#include "tools/presence/app/notices/owners.hpp"
#include "tools/presence/app/notices/post_office.hpp"

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
    const beam::atom owner = owner_of(user);
    auto asking = post_office::mailbox_of(owner, user, start);
    beam::outcome<located> found = co_await asking.outcome();
    if (!found) co_return unreachable(owner, user);
    if (found->error != beam::term()) co_return beam::refuse_for(found->error);
    co_return found->mailbox.value_or(beam::pid());
}

beam::awaitable<collected<receipt>> collect_receipts(std::string from, std::string id) {
    return collect<receipt>([from = std::move(from), id = std::move(id)](beam::atom node) {
        return post_office::receipts(node, from, id);
    });
}

beam::awaitable<collected<records::waiting>> collect_waiting() {
    return collect<records::waiting>(&post_office::waiting);
}

beam::awaitable<asked<std::vector<notice>>> expired_of(std::string user) {
    const beam::atom owner = owner_of(user);
    auto asking = post_office::expired(owner, user);
    beam::outcome<std::vector<notice>> found = co_await asking.outcome();
    if (!found) co_return unreachable(owner, user);
    co_return *std::move(found);
}

}  // namespace presence
