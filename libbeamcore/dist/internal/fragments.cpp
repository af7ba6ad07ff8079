#include "libbeamcore/dist/internal/fragments.hpp"

namespace beam::dist::detail {

result<void> fragment_assembler::begin(std::uint64_t sequence, std::uint64_t fragment,
                                       std::span<const atom> references, std::string_view bytes) {
    if (fragment < 2) return fail("bad_frame", "fragments are counted down to 1");
    if (open_.size() >= limits_.sequences_max)
        return fail("too_many_fragments", "too many messages whose end does not come");
    auto [at, is_new] = open_.try_emplace(sequence);
    if (!is_new) return fail("bad_frame", "a message begins anew before it has ended");
    at->second.references.assign(references.begin(), references.end());
    at->second.next = fragment - 1;
    return add(at->second, bytes);
}

result<std::optional<fragmented_message>> fragment_assembler::go_on(std::uint64_t sequence,
                                                                    std::uint64_t fragment,
                                                                    std::string_view bytes) {
    const auto at = open_.find(sequence);
    if (at == open_.end()) return fail("bad_frame", "a fragment of a message that did not begin");
    fragmented_message& m = at->second;
    if (fragment != m.next) return fail("bad_frame", "fragments are counted down to 1");
    if (auto r = add(m, bytes); !r) return pass(r);
    if (--m.next > 0) return std::nullopt;
    fragmented_message whole = std::move(m);
    bytes_ -= whole.bytes.size();
    open_.erase(at);
    return whole;
}

result<void> fragment_assembler::add(fragmented_message& to, std::string_view bytes) {
    if (bytes.size() > limits_.frame_max - std::min(limits_.frame_max, to.bytes.size()))
        return fail("too_long", "a message in fragments of more bytes than allowed");
    if (bytes.size() > limits_.fragmented_max - std::min(limits_.fragmented_max, bytes_))
        return fail("too_many_fragments", "more bytes of unfinished messages than allowed");
    to.bytes.append(bytes);
    bytes_ += bytes.size();
    return {};
}

}  // namespace beam::dist::detail
