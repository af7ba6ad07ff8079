#include "tools/chatctl/app/answers.hpp"

#include <algorithm>
#include <charconv>
#include <utility>
#include <vector>

#include "libbeamcore/runtime/timer.hpp"
#include "tools/chatctl/app/guests.hpp"
#include "tools/chatctl/app/limits.hpp"
#include "tools/chatctl/app/places.hpp"

namespace chat {

beam::term shown(const post& p, const std::string& room) {
    return beam::map({{beam::atom("id"), p.id},
                      {beam::atom("room"), room},
                      {beam::atom("from"), p.from},
                      {beam::atom("text"), p.text},
                      {beam::atom("at_ms"), p.at_ms},
                      {beam::atom("epoch"), p.epoch},
                      {beam::atom("seq"), p.seq}});
}

beam::term event(const char* name, const std::string& room) {
    return beam::map({{beam::atom("event"), name}, {beam::atom("room"), room}});
}

beam::term shown(const marks& m) {
    std::vector<beam::map_entry> entries;
    for (const auto& [epoch, last] : m) entries.push_back({std::to_string(epoch), last});
    return beam::map_of(std::move(entries));
}

marks marks_from(const std::map<std::string, std::uint64_t>& given) {
    marks m;
    for (const auto& [text, last] : given) {
        std::uint64_t epoch = 0;
        std::from_chars(text.data(), text.data() + text.size(), epoch);
        m[epoch] = last;
    }
    return m;
}

tl::unexpected<beam::request_error> no_such_room(const std::string& name) {
    return beam::refuse("not_found", "no room \"" + name + "\"", "chatctl create room " + name, 1);
}

tl::unexpected<beam::request_error> exists_already(const std::string& name) {
    return beam::refuse("already_exists", "room \"" + name + "\" exists already",
                        "chatctl send " + name + " TEXT", 1);
}

tl::unexpected<beam::request_error> too_many_rooms() {
    return beam::refuse("too_many", "there are " + std::to_string(rooms_max) + " rooms",
                        "chatctl delete room NAME", 1);
}

beam::answer malformed(std::string why) {
    return beam::refuse("bad_params", std::move(why), {}, 2);
}

beam::awaitable<beam::outcome<std::string>> who(beam::request& r, std::string user) {
    if (!user.empty()) co_return user;
    auto asked = guests::name_of(r.uid());
    co_return co_await asked;
}

}  // namespace chat
