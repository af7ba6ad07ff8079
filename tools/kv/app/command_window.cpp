#include "tools/kv/app/command_window.hpp"

#include <algorithm>

namespace kv {

void command_window::set_shards(std::uint32_t shards) {
    marks_.assign(std::max<std::uint32_t>(shards, 1), shard_mark());
}

bool command_window::is_full() const {
    return commands_.size() >= commands_max || bytes_ + unanswered_ * reply_size_ >= bytes_max;
}

void command_window::add(touched what, const resp_command* code,
                         std::vector<std::string> arguments) {
    command& c = commands_.emplace_back();
    c.number = ++last_;
    c.what = std::move(what);
    c.code = code;
    for (const std::string& a : arguments) c.bytes += a.size();
    c.arguments = std::move(arguments);
    bytes_ += c.bytes;
    ++unanswered_;
}

void command_window::answer(std::uint64_t number, std::string reply) {
    if (commands_.empty() || number < commands_.front().number) return;
    const std::size_t at = number - commands_.front().number;
    if (at < commands_.size()) answer(commands_[at], std::move(reply));
}

void command_window::answer(command& c, std::string reply) {
    if (c.is_answered) return;
    c.is_answered = true;
    --unanswered_;
    reply_size_ = std::max(reply.size(), reply_size_ - reply_size_ / 8);
    bytes_ = bytes_ - c.bytes + reply.size();
    c.bytes = reply.size();
    c.reply = std::move(reply);
}

void command_window::take_replies(std::string& to, std::size_t most) {
    while (!commands_.empty() && commands_.front().is_answered && to.size() < most) {
        command& c = commands_.front();
        bytes_ -= c.bytes;
        to += c.reply;
        commands_.pop_front();
    }
}

void command_window::begin_pass() {
    ++pass_;
    unanswered_before_ = 0;
    any_read_ = any_written_ = all_read_ = all_written_ = false;
}

bool command_window::may_begin(const touched& what) const {
    if (what.is_alone) return unanswered_before_ == 0;
    if (all_written_ || (what.writes && all_read_)) return false;
    if (what.all_shards) return !any_written_ && !(what.writes && any_read_);
    return std::none_of(what.shards.begin(), what.shards.end(), [&](std::uint32_t s) {
        return marks_[s].written == pass_ || (what.writes && marks_[s].read == pass_);
    });
}

void command_window::mark(const touched& what) {
    ++unanswered_before_;
    (what.writes ? any_written_ : any_read_) = true;
    if (what.all_shards) (what.writes ? all_written_ : all_read_) = true;
    for (const std::uint32_t s : what.shards)
        (what.writes ? marks_[s].written : marks_[s].read) = pass_;
}

}  // namespace kv
