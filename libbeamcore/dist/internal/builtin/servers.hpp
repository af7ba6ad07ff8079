// The registered processes that other nodes expect on each.
#pragma once

#include <unordered_map>
#include <vector>

#include "libbeamcore/otp/gen_server.hpp"
#include "libbeamcore/runtime/link.hpp"

namespace beam::dist::detail {

/// What `rex` is asked: to apply a function of the table, with that group leader.
namespace rex_message {
struct call {
    using reply = term;
    atom module, function;
    std::vector<term> arguments;
    term leader;
    BEAM_FIELDS(call, module, function, arguments, leader)
};
/// As call, one at a time.
struct block_call {
    using reply = term;
    atom module, function;
    std::vector<term> arguments;
    term leader;
    BEAM_FIELDS(block_call, module, function, arguments, leader)
};
struct cast {
    atom module, function;
    std::vector<term> arguments;
    term leader;
    BEAM_FIELDS(cast, module, function, arguments, leader)
};
}  // namespace rex_message

/// rpc's server (rpc:server_call, block_call, sbcast; C nodes' ei_rpc). rpc:call itself does without it.
class rex : public gen_server<rex> {
public:
    using calls = messages<rex_message::call, rex_message::block_call>;
    using casts = messages<rex_message::cast>;

    call_result<term> handle_call(rex_message::call m, const from& who);
    awaitable<term> handle_call(rex_message::block_call m);
    void handle_cast(rex_message::cast m);
    void handle_info(const down_message& m);
    void handle_info(const term& t);

private:
    std::unordered_map<ref, from> running_;  // by the monitor of the process that works for them
};

/// The io server that is the group leader of what others start here: what is written goes to the log, and there is
/// nothing to read.
class user : public gen_server<user> {
public:
    void handle_info(const term& t);
};

/// What other nodes log about processes whose group leader is here.
class logger_proxy : public gen_server<logger_proxy> {
public:
    void handle_info(const term& t);
};

}  // namespace beam::dist::detail
