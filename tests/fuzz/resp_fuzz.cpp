// The decoders of RESP. Of any bytes: cut anywhere they give the same commands and the same error, they
// take memory in proportion to the bytes, and what was decoded, written again, decodes to the same.
#include "libbeamcore/io/resp.hpp"

#include <fuzzer/FuzzedDataProvider.h>

#include <algorithm>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "tests/fuzz/claim.hpp"
#include "tests/support/resp_text.hpp"

using namespace beam::io;

namespace {

using command = std::vector<std::string>;

struct commands {
    std::vector<command> all;
    std::string failure;
    friend bool operator==(const commands&, const commands&) = default;
};

struct replies {
    std::string all;  // as they are written in version 3
    std::string failure;
    friend bool operator==(const replies&, const replies&) = default;
};

// How the input is cut: into pieces of up to `size_max` bytes; 0: not at all.
class cutter {
public:
    cutter(std::string_view bytes, std::size_t size_max, unsigned seed)
        : left_(bytes), size_max_(size_max), random_(seed) {}

    bool next() {
        if (left_.empty()) return false;
        auto size = left_.size();
        if (size_max_ > 0) size = std::min<std::size_t>(size, 1 + random_() % size_max_);
        // Memory of its own, so that a look beyond it, or at one that is gone, is seen.
        if (!keeps_) pieces_.clear();
        pieces_.emplace_back(new char[size]);
        std::copy_n(left_.data(), size, pieces_.back().get());
        piece_ = {pieces_.back().get(), size};
        left_.remove_prefix(size);
        return true;
    }
    [[nodiscard]] std::string_view piece() const { return piece_; }
    void keep_pieces() { keeps_ = true; }

private:
    std::string_view left_;
    std::size_t size_max_;
    std::minstd_rand random_;
    std::vector<std::unique_ptr<char[]>> pieces_;
    std::string_view piece_;
    bool keeps_ = false;
};

void take(resp::request_decoder& from, commands& to) {
    while (auto r = from.next()) {
        claim(!r->empty(), "a command has a name");
        to.all.emplace_back(r->begin(), r->end());
    }
    claim(!from.next(), "asked again, there is still none");
    to.failure = from.failure();
}

commands decode(cutter cut, const resp::request_limits& limits) {
    resp::request_decoder d(limits);
    commands found;
    for (std::size_t fed = 0; found.failure.empty() && cut.next();) {
        d.feed(cut.piece());
        fed += cut.piece().size();
        take(d, found);
        // An empty argument of six bytes takes a view of sixteen; a vector doubles.
        claim(d.memory() <= 8 * fed + 8192, "memory is taken for what has come only");
    }
    return found;
}

// As decode(), but more is fed before all that came was taken.
commands decode_late(cutter cut, const resp::request_limits& limits) {
    resp::request_decoder d(limits);
    commands found;
    cut.keep_pieces();
    while (cut.next()) {
        d.feed(cut.piece());
        if (auto r = d.next()) found.all.emplace_back(r->begin(), r->end());
    }
    take(d, found);
    return found;
}

replies decode_replies(cutter cut, const resp::reply_limits& limits) {
    resp::reply_decoder d(limits);
    replies found;
    resp::writer to(found.all, resp::protocol::resp3);
    while (cut.next()) {
        d.feed(cut.piece());
        while (auto r = d.next()) write_reply(to, *r);
    }
    found.failure = d.failure();
    return found;
}

template <class Found, class Decode>
Found same_however_cut(std::string_view bytes, unsigned seed, Decode decode_cut) {
    const Found whole = decode_cut(cutter(bytes, 0, seed));
    claim(decode_cut(cutter(bytes, 1, seed)) == whole, "byte by byte it is the same");
    claim(decode_cut(cutter(bytes, 9, seed)) == whole, "cut into small pieces it is the same");
    claim(decode_cut(cutter(bytes, 700, seed)) == whole, "cut into large pieces it is the same");
    return whole;
}

void check_commands(std::string_view bytes, unsigned seed, const resp::request_limits& limits) {
    const auto found = same_however_cut<commands>(
        bytes, seed, [&](cutter cut) { return decode(std::move(cut), limits); });
    claim(decode_late(cutter(bytes, 60, seed), limits) == found, "taken late it is the same");
    std::string written;
    for (const auto& c : found.all) {
        const std::vector<std::string_view> views(c.begin(), c.end());
        resp::append_request(written, views);
    }
    const auto again = decode(cutter(written, 0, seed), {});
    claim(again.failure.empty(), "what is written is well formed", again.failure);
    claim(again.all == found.all, "commands written again are the same", written);
}

void check_replies(std::string_view bytes, unsigned seed, const resp::reply_limits& limits) {
    const auto found = same_however_cut<replies>(
        bytes, seed, [&](cutter cut) { return decode_replies(std::move(cut), limits); });
    const auto again = decode_replies(cutter(found.all, 0, seed), {});
    claim(again.failure.empty(), "what is written is well formed", again.failure);
    claim(again.all == found.all, "replies written again are the same", found.all);
}

// A byte of zero: the limits as they are; else small ones, which short inputs reach.
void choose_limits(std::size_t byte, resp::request_limits& requests,
                   resp::reply_limits& of_replies) {
    if (byte == 0) return;
    requests = {.bulk_max = byte,
                .elements_max = 1 + byte / 8,
                .inline_max = 2 * byte,
                .request_max = 8 * byte};
    of_replies = {.bulk_max = byte,
                  .elements_max = 1 + byte / 8,
                  .line_max = 2 * byte,
                  .depth_max = byte / 16};
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    // What is not the input itself is taken from the end of the data.
    FuzzedDataProvider provider(data, size);
    const auto limit = provider.ConsumeIntegral<std::uint8_t>();
    const auto seed = provider.ConsumeIntegral<std::uint8_t>();
    const auto bytes = provider.ConsumeRemainingBytesAsString();
    resp::request_limits requests;
    resp::reply_limits of_replies;
    choose_limits(limit == '\n' ? 0 : limit, requests, of_replies);  // a text file is as it is
    check_commands(bytes, seed, requests);
    check_replies(bytes, seed, of_replies);
    return 0;
}
