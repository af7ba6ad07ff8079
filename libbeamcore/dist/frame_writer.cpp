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
    splices_.clear();
    out.resize(begin_);
}

result<std::optional<cut_message>> frame_writer::end(std::string& out) {
    const std::size_t terms_at = begin_ + prefix + head_size_;
    static_assert(etf::splice_min >= fragment_size, "a message with a splice is cut");
    const std::size_t message_size = message_at_ < out.size() ? out.size() - message_at_ : 0;
    if (cuts_ && (message_size > fragment_size || !splices_.empty())) {
        const std::size_t control_size = message_at_ - terms_at;
        std::string references(atoms_ ? std::string_view() : no_references);
        if (atoms_) atoms_->write(references);
        std::string bytes;
        std::size_t at = terms_at;
        if (begin_ == 0) {
            bytes.swap(out);
        } else {
            bytes = out.substr(terms_at);
            for (etf::splice& s : splices_) s.at -= terms_at;
            at = 0;
            out.resize(begin_);
        }
        return cut_message(std::move(bytes), at, std::exchange(splices_, {}), control_size,
                           std::move(references));
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

cut_message::cut_message(std::string bytes, std::size_t at, std::vector<etf::splice> splices,
                         std::size_t control_size, std::string references)
    : bytes_(std::move(bytes)),
      at_(at),
      splices_(std::move(splices)),
      control_size_(control_size),
      references_(std::move(references)),
      sequence_(new_sequence()) {
    const std::size_t message = bytes_left() - control_size_;
    left_ = (message + fragment_size - 1) / fragment_size;
}

std::size_t cut_message::bytes_left() const {
    std::size_t n = bytes_.size() - at_;
    for (std::size_t i = splice_; i < splices_.size(); ++i) n += splices_[i].bytes.bytes().size();
    return n - of_splice_;
}

void cut_message::next(output& to) {
    if (left_ == 0) return;
    std::size_t size = std::min(bytes_left(), fragment_size + (is_first_ ? control_size_ : 0));
    const std::string_view references = is_first_ ? references_ : std::string_view();
    put_u32(to.text, before_first.size() + 16 + references.size() + size);
    to.text += is_first_ ? before_first : before_later;
    put_u64(to.text, sequence_);
    put_u64(to.text, left_--);
    to.text += references;
    is_first_ = false;
    while (size > 0) {
        const bool has_splice = splice_ < splices_.size();
        const std::size_t end = has_splice ? splices_[splice_].at : bytes_.size();
        const std::size_t of_text = std::min(size, end - at_);
        to.text.append(bytes_, at_, of_text);
        at_ += of_text;
        size -= of_text;
        if (size == 0) break;
        const term& binary = splices_[splice_].bytes;
        const std::string_view some = binary.bytes().substr(of_splice_, size);
        to.splice(binary, some);
        of_splice_ += some.size();
        size -= some.size();
        if (of_splice_ < binary.bytes().size()) break;
        of_splice_ = 0;
        ++splice_;
    }
}

}  // namespace beam::dist
