#include "libbeamcore/dist/internal/fragments.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace beam::dist::detail {

namespace {

// Memory is taken for what a peer announces only as far as it has sent something: for so many fragments more, and twice
// what there is.
constexpr std::uint64_t trust = 32;

}  // namespace

result<void> fragment_assembler::begin(std::uint64_t sequence, std::uint64_t fragment,
                                       std::span<const atom> references, std::string_view bytes) {
    if (fragment < 2) return fail("bad_frame", "fragments are counted down to 1");
    if (open_.size() >= limits_.sequences_max)
        return fail("too_many_fragments", "too many messages whose end does not come");
    auto [at, is_new] = open_.try_emplace(sequence);
    if (!is_new) return fail("bad_frame", "a message begins anew before it has ended");
    message& m = at->second;
    m.references.assign(references.begin(), references.end());
    m.next = fragment;
    if (auto r = make_room(m, bytes.size()); !r) return r;
    m.bytes.append(bytes);
    bytes_ += bytes.size();
    --m.next;
    return {};
}

result<std::optional<whole_message>> fragment_assembler::go_on(std::uint64_t sequence,
                                                               std::uint64_t fragment,
                                                               std::string_view bytes) {
    if (auto r = expect(sequence, fragment, bytes.size()); !r) return pass(r);
    if (!bytes.empty()) std::memcpy(room().data(), bytes.data(), bytes.size());
    return filled(bytes.size());
}

result<void> fragment_assembler::expect(std::uint64_t sequence, std::uint64_t fragment,
                                        std::size_t size) {
    const auto at = open_.find(sequence);
    if (at == open_.end()) return fail("bad_frame", "a fragment of a message that did not begin");
    message& m = at->second;
    if (fragment != m.next) return fail("bad_frame", "fragments are counted down to 1");
    if (auto r = make_room(m, size); !r) return r;
    expected_ = &m;
    expected_sequence_ = sequence;
    expected_left_ = size;
    return {};
}

std::span<char> fragment_assembler::room() {
    return expected_ ? expected_->bytes.room().first(expected_left_) : std::span<char>();
}

std::optional<whole_message> fragment_assembler::filled(std::size_t n) {
    expected_->bytes.filled(n);
    bytes_ += n;
    expected_left_ -= n;
    if (expected_left_ > 0) return std::nullopt;
    message& m = *std::exchange(expected_, nullptr);
    if (--m.next > 0) return std::nullopt;
    bytes_ -= m.bytes.size();
    whole_message whole{m.bytes.take(), std::move(m.references)};
    open_.erase(expected_sequence_);
    return whole;
}

result<void> fragment_assembler::make_room(message& m, std::size_t size) {
    const std::size_t now = m.bytes.size();
    if (size > limits_.frame_max - std::min(limits_.frame_max, now))
        return fail("too_long", "a message in fragments of more bytes than allowed");
    if (size > limits_.fragmented_max - std::min(limits_.fragmented_max, bytes_))
        return fail("too_many_fragments", "more bytes of unfinished messages than allowed");
    const std::size_t needed = now + size;
    if (m.bytes.capacity() >= needed) return {};
    // What it says is to come, if all fragments are like this one.
    m.bytes.reserve(now + size * std::max<std::uint64_t>(1, std::min(m.next, trust + now / size)));
    return {};
}

}  // namespace beam::dist::detail
