#include "libbeamcore/dist/frame_reader.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "libbeamcore/dist/internal/bytes.hpp"
#include "libbeamcore/dist/internal/fragments.hpp"
#include "libbeamcore/dist/internal/incoming_atoms.hpp"
#include "libbeamcore/dist/internal/raw_bytes.hpp"

namespace beam::dist {

using detail::byte_reader;

namespace {

constexpr std::size_t length_size = 4;
// A buffer begins small, for thousands of idle connections, and stays at the larger size while it is used.
constexpr std::size_t first_room = std::size_t(8) << 10, usual_room = std::size_t(64) << 10;
constexpr std::size_t least_room = 4096;
constexpr std::size_t kept_room = std::size_t(4) << 20;

// A fragment that is longer is put together in the buffer. Before one nothing else is likely to be of use to read.
constexpr std::size_t in_place_max = std::size_t(1) << 20, room_before_fragment = 2048;
constexpr std::size_t later_head_size = length_size + 2 + 8 + 8;

constexpr std::uint8_t pass_through = 112, distribution = 131;
constexpr std::uint8_t whole_frame = 68, first_fragment = 69, later_fragment = 70;

}  // namespace

struct frame_reader::state {
    state(flags negotiated, etf::atom_budget& budget, const frame_limits& given)
        : header(has_header(negotiated)),
          takes_fragments(negotiated.has(flag::fragments)),
          limits(given),
          atoms(budget),
          assembler(given) {}

    [[nodiscard]] std::size_t size() const { return end - begin; }
    [[nodiscard]] std::string_view unread() const { return {buffer.data() + begin, size()}; }
    /// Bytes of what is being read, as far as that is known.
    [[nodiscard]] std::size_t wanted() const {
        if (size() < length_size) return length_size;
        const std::size_t length = detail::number_at<4>(unread().data());
        return length_size + std::min(length, limits.frame_max);
    }
    void make_room();
    void grow();
    void read_in_place();
    [[nodiscard]] frame whole_frame_of(detail::whole_message&& m);
    [[nodiscard]] result<std::optional<frame>> take(std::string_view body);
    [[nodiscard]] result<std::optional<frame>> take_with_header(byte_reader r);
    [[nodiscard]] result<std::optional<frame>> take_first_fragment(byte_reader r);
    [[nodiscard]] result<std::optional<frame>> take_later_fragment(byte_reader r);

    bool header;
    bool takes_fragments;
    frame_limits limits;
    detail::incoming_atoms atoms;
    detail::fragment_assembler assembler;
    std::optional<detail::whole_message> complete;   // the next frame
    std::optional<detail::whole_message> assembled;  // what the last frame given refers to
    detail::raw_bytes buffer;
    std::size_t begin = 0, end = 0;  // what is in it
    bool was_filled = false;
    std::uint64_t ticks = 0;
    std::optional<error> failure;
};

frame_reader::frame_reader(flags negotiated, etf::atom_budget& budget, const frame_limits& limits)
    : state_(std::make_unique<state>(negotiated, budget, limits)) {}
frame_reader::frame_reader(frame_reader&&) noexcept = default;
frame_reader& frame_reader::operator=(frame_reader&&) noexcept = default;
frame_reader::~frame_reader() = default;

// The buffer.

void frame_reader::state::make_room() {
    if (size() == 0) {
        begin = end = 0;
        // A very large frame is through; what others took goes when the connection is idle.
        if (buffer.capacity() > kept_room) buffer.release();
    }
    const std::size_t after = buffer.capacity() - end;
    if (after >= least_room && buffer.capacity() - begin >= std::min(wanted(), usual_room)) return;
    if (begin > 0) {
        std::memmove(buffer.data(), buffer.data() + begin, size());
        end = size();
        begin = 0;
    }
    if (end == buffer.capacity() || was_filled) grow();
}

void frame_reader::state::grow() {
    const std::size_t now = buffer.capacity();
    std::size_t next = now == 0 && !was_filled ? first_room : usual_room;
    if (end == now && now >= usual_room)
        next = wanted() > now ? std::min(wanted(), 2 * now) : 2 * now;
    was_filled = false;
    if (next > now) buffer.resize(next);
}

// The head of a later fragment is here, and not all of it: the rest need not go through the buffer.
void frame_reader::state::read_in_place() {
    if (!takes_fragments || assembler.open() == 0 || size() < later_head_size) return;
    byte_reader r(unread());
    const std::size_t length = r.u32();
    if (r.u8() != distribution || r.u8() != later_fragment) return;
    if (length > in_place_max || size() >= length_size + length ||
        length_size + length <= later_head_size)
        return;
    const auto sequence = r.u64();
    const auto fragment = r.u64();
    const auto some = r.rest();
    // What is wrong with it is said when it is all here, as of any frame.
    if (!assembler.expect(sequence, fragment, length_size + length - later_head_size)) return;
    std::memcpy(assembler.room().data(), some.data(), some.size());
    if (!some.empty()) (void)assembler.filled(some.size());  // not all
    begin = end = 0;
}

std::span<char> frame_reader::room() {
    state& s = *state_;
    s.read_in_place();
    if (const auto place = s.assembler.room(); !place.empty()) return place;
    s.make_room();
    std::span<char> free{s.buffer.data() + s.end, s.buffer.capacity() - s.end};
    if (s.size() == 0 && s.assembler.open() > 0)
        free = free.first(std::min(free.size(), room_before_fragment));
    return free;
}

void frame_reader::filled(std::size_t n) {
    state& s = *state_;
    if (!s.assembler.room().empty()) {
        s.complete = s.assembler.filled(n);
        return;
    }
    s.end += n;
    s.was_filled = s.end == s.buffer.capacity();
}

void frame_reader::feed(std::string_view bytes) {
    while (!bytes.empty()) {
        const auto to = room();
        const auto n = std::min(to.size(), bytes.size());
        std::memcpy(to.data(), bytes.data(), n);
        filled(n);
        bytes.remove_prefix(n);
    }
}

void frame_reader::idle() {
    if (state_->size() > 0) return;
    state_->begin = state_->end = 0;
    state_->buffer.release();
    state_->assembled.reset();
}

std::size_t frame_reader::memory() const {
    const std::size_t last = state_->assembled ? state_->assembled->bytes.bytes().size() : 0;
    return sizeof(state) + state_->buffer.capacity() + state_->assembler.bytes() + last;
}

std::uint64_t frame_reader::ticks() const {
    return state_->ticks;
}

// Frames.

result<std::optional<frame>> frame_reader::next() {
    state& s = *state_;
    s.assembled.reset();
    if (s.failure) return tl::unexpected<error>(*s.failure);
    if (s.complete) return s.whole_frame_of(*std::exchange(s.complete, std::nullopt));
    while (s.size() >= length_size) {
        const std::size_t length = detail::number_at<4>(s.unread().data());
        if (length > s.limits.frame_max) {
            s.failure = error{"too_long", "a frame of " + std::to_string(length) + " bytes"};
            return tl::unexpected<error>(*s.failure);
        }
        if (s.size() - length_size < length) break;
        const auto body = s.unread().substr(length_size, length);
        s.begin += length_size + length;
        if (length == 0) {
            ++s.ticks;
            continue;
        }
        auto taken = s.take(body);
        if (!taken) s.failure = taken.error();
        if (!taken || *taken) return taken;
    }
    return std::nullopt;
}

result<std::optional<frame>> frame_reader::state::take(std::string_view body) {
    byte_reader r(body);
    const auto first = r.u8();
    if (!header) {
        if (first != pass_through)
            return fail("bad_frame", "it begins with " + std::to_string(first) + ", not with 112");
        return frame{r.rest(), true, {}, nullptr};
    }
    if (first != distribution)
        return fail("bad_frame", "it begins with " + std::to_string(first) + ", not with 131");
    const auto kind = r.u8();
    if (kind == whole_frame) return take_with_header(r);
    if (takes_fragments && kind == first_fragment) return take_first_fragment(r);
    if (takes_fragments && kind == later_fragment) return take_later_fragment(r);
    return fail("bad_frame", "no kind of frame: " + std::to_string(kind));
}

result<std::optional<frame>> frame_reader::state::take_with_header(byte_reader r) {
    auto references = atoms.read(r);
    if (!references) return pass(references);
    return frame{r.rest(), false, *references, nullptr};
}

result<std::optional<frame>> frame_reader::state::take_first_fragment(byte_reader r) {
    const auto sequence = r.u64();
    const auto fragment = r.u64();
    auto references = atoms.read(r);
    if (!references) return pass(references);
    if (fragment == 1) return frame{r.rest(), false, *references, nullptr};
    if (auto begun = assembler.begin(sequence, fragment, *references, r.rest()); !begun)
        return pass(begun);
    return std::nullopt;
}

result<std::optional<frame>> frame_reader::state::take_later_fragment(byte_reader r) {
    const auto sequence = r.u64();
    const auto fragment = r.u64();
    if (!r.ok()) return fail("bad_frame", "a fragment that is cut");
    auto whole = assembler.go_on(sequence, fragment, r.rest());
    if (!whole) return pass(whole);
    if (!*whole) return std::nullopt;
    return whole_frame_of(**std::move(whole));
}

frame frame_reader::state::whole_frame_of(detail::whole_message&& m) {
    assembled = std::move(m);
    return frame{assembled->bytes.bytes(), false, assembled->references, &assembled->bytes};
}

}  // namespace beam::dist
