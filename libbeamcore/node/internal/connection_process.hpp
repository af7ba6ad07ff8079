// One client: reads its lines, answers what is quickly answered, makes a process for each other request, and writes what
// they send. It is the only one who knows the socket. It is all a supervisor would be to its requests, which are never
// started again: they are linked to it, and a supervisor of all connections' requests cost a tenth of a short one.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "libbeamcore/io/connection.hpp"
#include "libbeamcore/node/internal/context.hpp"
#include "libbeamcore/node/internal/control_messages.hpp"
#include "libbeamcore/node/internal/json_rpc.hpp"
#include "libbeamcore/otp/gen_server.hpp"

namespace beam::control {

class connection_process : public gen_server<connection_process> {
public:
    using calls = messages<stream_item>;
    using infos = messages<take_over, io::line, io::passive, io::end_of_input, io::end_of_output,
                           io::writable, request_done, lossy_stream_item, deadline_passed, drain>;

    explicit connection_process(node_context* node);
    connection_process(const connection_process&) = delete;
    connection_process& operator=(const connection_process&) = delete;
    ~connection_process();

    cast_result handle_info(take_over m);
    awaitable<cast_result> handle_info(io::line m);
    cast_result handle_info(io::passive);
    cast_result handle_info(io::end_of_input m);
    cast_result handle_info(io::end_of_output);
    cast_result handle_info(io::writable);
    cast_result handle_info(request_done m);
    cast_result handle_info(lossy_stream_item m);
    cast_result handle_info(deadline_passed m);
    cast_result handle_info(drain m);
    cast_result handle_info(exit_message m);
    call_result<void> handle_call(stream_item m, from caller);

private:
    struct entry {
        term id;
        std::string id_text;
        bool is_notification = false;
        bool streams = false;  // has sent an item
        pid process;
        std::optional<ref> deadline;
        std::shared_ptr<lossy_gate> gate;
        std::optional<std::uint64_t> demand;  // items that may still be sent; none: any number
        struct waiting_item {
            from caller;
            std::string line;
        };
        std::optional<waiting_item> waiting;  // for room, or demand
        bool lossy_cut = false;
    };
    using entries = std::map<std::uint64_t, entry>;

    // Lines.
    [[nodiscard]] awaitable<void> take_line(std::string text);
    void begin(rpc::call c);
    bool answer_at_once(const rpc::call& c, std::string_view id_text);
    void hello(const rpc::call& c, std::string_view id_text);
    void notice(const rpc::call& c);
    void ask(const rpc::call& c);
    void cancel(const rpc::call& c);

    // Requests.
    entries::iterator find_id(const rpc::call& notice);
    void settle(entries::iterator at, std::string line);
    void give_up(entries::iterator at, const rpc::failure& why, term reason);
    void end_all(const term& reason);
    void retry_items();
    bool send_item(entry& e, const std::string& line);

    // Output.
    enum class when : std::uint8_t {
        soon,  ///< with the answers to what came at once on other connections
        at_once,
    };
    void write(std::string line, when sent = when::soon);
    [[nodiscard]] bool is_backed_up() const { return !unwritten_.empty(); }
    void read_more();
    cast_result after();

    node_context* node_;
    io::connection peer_;
    bool counted_ = false;
    std::uint32_t uid_ = 0;
    std::size_t line_max_ = 0;
    std::string tool_;
    std::optional<rpc::failure> failed_hello_;
    std::uint32_t credit_ = 0;  // lines that may still come
    bool input_ended_ = false;
    bool output_ended_ = false;
    bool draining_ = false;
    bool closing_ = false;
    std::deque<std::string> unwritten_;
    std::uint64_t next_key_ = 1;
    entries in_flight_;
    std::unordered_map<pid, std::uint64_t> by_process_;
    std::unordered_map<std::string, std::uint64_t> by_id_;
    // Told to end, and not yet gone: they still count against the client.
    std::unordered_map<pid, char> dying_;
};

}  // namespace beam::control
