// Reads one term of the External Term Format, straight into the nodes that it will consist of.
//
// A node's slots are `undefined` until they are read, so that what is half read may be dropped at
// any time. Each term takes a byte at least: a container may only be opened when the bytes left are
// as many as all terms that the open ones still wait for, or a few bytes could claim any memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "libbeamcore/term/etf.hpp"
#include "libbeamcore/term/internal/etf_names.hpp"
#include "libbeamcore/term/internal/etf_stopped.hpp"
#include "libbeamcore/term/internal/etf_tags.hpp"
#include "libbeamcore/term/internal/small_stack.hpp"

namespace beam::etf {

class decoder {
public:
    decoder(std::string_view bytes, const decode_options& options) noexcept
        : begin_(reinterpret_cast<const std::uint8_t*>(bytes.data())),
          at_(begin_),
          end_(begin_ + bytes.size()),
          options_(options),
          names_(options) {}

    // Throws `stopped`.
    term read();
    // How far it has come; after `stopped`, where it could not go on.
    [[nodiscard]] std::size_t position() const noexcept { return std::size_t(at_ - begin_); }

private:
    // What is left to do with a container when its last slot is read.
    enum class then : std::uint8_t { nothing, sort_map, read_tail, tail_is_read, make_closure };

    // The slots still to be read, of a container or the root.
    struct slots {
        term* next;
        term* end;
        [[nodiscard]] std::size_t left() const noexcept { return std::size_t(end - next); }
    };
    struct container {
        slots outer;  // those of what it is in
        term* made;   // the slot it is in
        then last;
    };

    inline const std::uint8_t* common(const std::uint8_t* at, term* slot) const;
    slots one(slots now);
    void expect(slots now, std::size_t count, bool same_level = false) const;
    slots open(slots now, term&& made, term* first, std::size_t count, then last);
    slots close();
    slots tuple(slots now, std::size_t size);
    slots list(slots now, std::size_t size);
    slots map(slots now, std::size_t size);
    slots closure(slots now);
    void make_closure(term& slot);
    term* integers(term* slot, term* end) noexcept;

    term scalar(tag t);
    term string(std::size_t count);
    term big(std::size_t size);
    term floating();
    term float_text();
    term binary(std::size_t size);
    term bits();
    term pid(bool is_old);
    term port(tag t);
    term ref(tag t);
    term external();

    atom name();
    atom atom_of(tag t);
    std::uint32_t node(atom name, std::uint32_t creation);

    [[nodiscard]] std::size_t left() const noexcept { return std::size_t(end_ - at_); }
    void need(std::size_t count) const {
        if (left() < count) throw_truncated();
    }
    [[noreturn]] static void throw_truncated();
    template <class Int>
    Int number() {
        need(sizeof(Int));
        auto i = load_big<Int>(at_);
        at_ += sizeof i;
        return i;
    }
    std::uint8_t byte() {
        need(1);
        return *at_++;
    }
    std::string_view bytes(std::size_t count) {
        need(count);
        auto* first = reinterpret_cast<const char*>(at_);
        at_ += count;
        return {first, count};
    }

    const std::uint8_t* begin_;
    const std::uint8_t* at_;
    const std::uint8_t* end_;
    const decode_options& options_;
    name_reader names_;
    detail::small_stack<container, 16> open_;
    std::size_t awaited_ = 0;  // terms, by all containers but the innermost
    std::vector<std::size_t> closure_ends_;
};

}  // namespace beam::etf
