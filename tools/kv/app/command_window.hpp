// command_window: the commands of one connection that are not answered yet, and which of them may be under way at once.
//
// Replies go out in the order in which the commands came. Commands are done in that order too as far as anybody can tell by
// one shard: no write of a shard begins before all that came earlier for that shard is answered, and no read before all
// earlier writes of it are. Reads run beside each other, and commands of different shards beside all. A command that is
// `alone` begins when all before it are answered, and nothing begins before it is.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "tools/kv/app/resp_client.hpp"

namespace kv {

/// What a command touches.
struct touched {
    bool is_alone = false;
    bool writes = false;
    bool all_shards = false;
    std::vector<std::uint32_t> shards;  ///< without all_shards
};

class command_window {
public:
    static constexpr std::size_t commands_max = 64;
    static constexpr std::size_t bytes_max = std::size_t{4} << 20;

    struct command {
        std::uint64_t number = 0;
        touched what;
        const resp_command* code = nullptr;
        std::vector<std::string> arguments;
        std::string reply;
        std::size_t bytes = 0;  ///< of arguments, or of the reply
        bool has_begun = false;
        bool is_answered = false;
    };

    /// How many shards there are; 1 is right for any number of them, and slow. Only while the window is empty.
    void set_shards(std::uint32_t shards);
    [[nodiscard]] std::uint32_t shards() const { return std::uint32_t(marks_.size()); }

    [[nodiscard]] bool is_empty() const { return commands_.empty(); }
    /// Nothing may be added until more is answered: so many commands, or so many bytes, of their replies too, wait here. How
    /// many bytes replies will have that are still to come is guessed by those that came before.
    [[nodiscard]] bool is_full() const;

    void add(touched what, const resp_command* code, std::vector<std::string> arguments);
    /// Gives each command that may begin now, in order, to `begin(command&)`, which may answer it at once.
    template <class F>
    void begin_ready(F begin) {
        begin_pass();
        for (command& c : commands_) {
            if (c.is_answered) continue;
            if (c.what.is_alone && unanswered_before_ > 0) return;
            if (!c.has_begun && may_begin(c.what)) {
                c.has_begun = true;
                begin(c);
                if (c.is_answered) continue;
            }
            if (c.what.is_alone) return;
            mark(c.what);
        }
    }
    void answer(std::uint64_t number, std::string reply);
    void answer(command& c, std::string reply);
    /// The next reply in order is here.
    [[nodiscard]] bool has_reply() const {
        return !commands_.empty() && commands_.front().is_answered;
    }
    /// Moves replies whose turn it is to the end of `to`, until it has `most` bytes.
    void take_replies(std::string& to, std::size_t most);

private:
    struct shard_mark {
        std::uint64_t read = 0,
                      written = 0;  // the pass in which an unanswered command was met that does it
    };

    void begin_pass();
    [[nodiscard]] bool may_begin(const touched& what) const;
    void mark(const touched& what);

    std::deque<command> commands_;
    std::uint64_t last_ = 0;
    std::size_t bytes_ = 0;
    std::size_t unanswered_ = 0;
    std::size_t reply_size_ = 0;  // of late

    std::vector<shard_mark> marks_ = std::vector<shard_mark>(1);
    std::uint64_t pass_ = 0;
    std::size_t unanswered_before_ = 0;
    bool any_read_ = false, any_written_ = false, all_read_ = false, all_written_ = false;
};

}  // namespace kv
