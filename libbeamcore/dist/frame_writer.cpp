#include "libbeamcore/dist/frame_writer.hpp"

#include <algorithm>
#include <atomic>
#include <utility>

#include "libbeamcore/dist/internal/bytes.hpp"
#include "libbeamcore/dist/internal/outgoing_atoms.hpp"

namespace beam::dist {

using detail::put_u32;
using detail::put_u64;

namespace {

constexpr std::size_t prefix = 4;
constexpr std::size_t frame_length_max = UINT32_MAX;
constexpr std::string_view before_whole = "\x83\x44", before_first = "\x83\x45",
                           before_later = "\x83\x46";
constexpr std::string_view no_references("\0", 1);
// With a length that is not yet known.
constexpr std::string_view begin_of_pass_through("\0\0\0\0\x70", 5),
    begin_of_whole("\0\0\0\0\x83\x44\0", 7);

// Unlike those of any other message that is under way from here.
std::uint64_t new_sequence() {
    static std::atomic<std::uint64_t> last{0};
    return 1 + last.fetch_add(1, std::memory_order_relaxed);
}

void set_length(std::string& out, std::size_t at, std::size_t length) {
    for (std::size_t i = 0; i < prefix; ++i) out[at + i] = char(length >> (8 * (prefix - 1 - i)));
}

}  // namespace

frame_writer::frame_writer(flags negotiated)
    : header_(has_header(negotiated)), cuts_(negotiated.has(flag::fragments)) {
    if (negotiated.has(flag::dist_hdr_atom_cache))
        atoms_ = std::make_unique<detail::outgoing_atoms>();
    head_size_ = (header_ ? begin_of_whole : begin_of_pass_through).size() - prefix;
}
frame_writer::frame_writer(frame_writer&&) noexcept = default;
frame_writer& frame_writer::operator=(frame_writer&&) noexcept = default;
frame_writer::~frame_writer() = default;

etf::atom_references* frame_writer::references() {
    return atoms_.get();
}

void frame_writer::begin(std::string& out) {
    begin_ = out.size();
    message_at_ = std::string::npos;
    if (!atoms_) {
        out += header_ ? begin_of_whole : begin_of_pass_through;
        return;
    }
    // The header is known at the end only. One frame's is mostly as long as the last one's.
    atoms_->begin_frame();
    out.append(prefix + head_size_, '\0');
}

void frame_writer::abandon(std::string& out) {
    if (atoms_) atoms_->forget_frame();
    out.resize(begin_);
}

result<std::optional<cut_message>> frame_writer::end(std::string& out) {
    const std::size_t terms_at = begin_ + prefix + head_size_;
    const std::size_t message_size = message_at_ < out.size() ? out.size() - message_at_ : 0;
    if (cuts_ && message_size > fragment_size) {
        const std::size_t control_size = message_at_ - terms_at;
        std::string references(atoms_ ? std::string_view() : no_references);
        if (atoms_) atoms_->write(references);
        std::string bytes;
        std::size_t at = terms_at;
        if (begin_ == 0) {
            bytes.swap(out);
        } else {
            bytes = out.substr(terms_at);
            at = 0;
            out.resize(begin_);
        }
        return cut_message(std::move(bytes), at, control_size, std::move(references));
    }
    if (atoms_) {
        head_ = before_whole;
        atoms_->write(head_);
        out.replace(begin_ + prefix, head_size_, head_);
        head_size_ = head_.size();
    }
    const std::size_t length = out.size() - begin_ - prefix;
    if (length > frame_length_max) {
        abandon(out);
        return fail("too_large", "a message of " + std::to_string(length) + " bytes");
    }
    set_length(out, begin_, length);
    return std::nullopt;
}

// Fragments.

cut_message::cut_message(std::string bytes, std::size_t at, std::size_t control_size,
                         std::string references)
    : bytes_(std::move(bytes)),
      at_(at),
      control_size_(control_size),
      references_(std::move(references)),
      sequence_(new_sequence()) {
    const std::size_t message = bytes_.size() - at_ - control_size_;
    left_ = (message + fragment_size - 1) / fragment_size;
}

cut_message::piece cut_message::next() {
    piece p;
    if (left_ == 0) return p;
    std::size_t size = fragment_size;
    if (is_first_) size += control_size_;
    p.bytes = std::string_view(bytes_).substr(at_, size);
    at_ += p.bytes.size();
    const std::string_view references = is_first_ ? references_ : std::string_view();
    put_u32(p.head, before_first.size() + 16 + references.size() + p.bytes.size());
    p.head += is_first_ ? before_first : before_later;
    put_u64(p.head, sequence_);
    put_u64(p.head, left_--);
    p.head += references;
    is_first_ = false;
    return p;
}

void cut_message::next(std::string& out) {
    const piece p = next();
    out.append(p.head).append(p.bytes);
}

}  // namespace beam::dist
