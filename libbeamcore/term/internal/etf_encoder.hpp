// Writes one term in the External Term Format. One pass: bytes are gathered in a block and go on to
// the string block by block, so that nothing is measured before and the string is not zeroed first.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "libbeamcore/term/detail/term_node.hpp"
#include "libbeamcore/term/etf.hpp"
#include "libbeamcore/term/internal/etf_stopped.hpp"
#include "libbeamcore/term/internal/etf_tags.hpp"
#include "libbeamcore/term/internal/small_stack.hpp"

namespace beam::etf {

class encoder {
public:
    encoder(std::string& out, const encode_options& options) noexcept
        : out_(out), options_(options) {}

    // Throws `stopped`; some of the term may be in the string then.
    void write(const term& root);
    // What is still in the block goes to the string too.
    void finish() { flush(); }

private:
    // What is being written: the terms from `next` to `end`, then a list's tail.
    struct container {
        const term* next;
        const term* end;
        const term* tail;  // null: no list, or its end is written; &closure_end: a closure
    };

    inline void open(const term* first, std::size_t count, const term* tail);
    inline bool close();
    inline char* common(char* at, const term& t, std::size_t room) const noexcept;
    void one(const term& t);
    inline void boxed(const term& t, const detail::term_node* n);
    inline void head(tag t, std::size_t size);
    void list(const term& t);
    void string(const term& t, std::size_t length);

    void integer(std::int64_t i);
    void big(const detail::term_node* n);
    void atom(beam::atom a);
    void pid(const beam::pid& p);
    void port(const beam::port& p);
    void ref(const beam::ref& r, std::size_t words);
    void bits(const term& t, const detail::term_node* n);
    void fun(const beam::fun& f);
    void closure(const beam::fun& f);

    void flush() {
        out_.append(block_, std::size_t(at_ - block_));
        at_ = block_;
    }
    // So many bytes, which are far less than a block has, may be put now.
    void room(std::size_t count) {
        if (std::size_t(block_ + sizeof block_ - at_) < count) flush();
    }
    void put(tag t) noexcept { *at_++ = char(t); }
    template <class Int>
    void put_big_endian(Int i) noexcept {
        store_big(at_, i);
        at_ += sizeof i;
    }
    inline void append(const void* bytes, std::size_t count);
    std::uint32_t length(std::size_t count) const;
    node_identity node(std::uint32_t index) const noexcept {
        return index == 0 ? options_.self : node_at(index);
    }

    std::string& out_;
    const encode_options& options_;
    container now_{};
    std::vector<std::size_t> closures_;  // where the sizes of those that are open belong
    detail::small_stack<container, 16> outer_;
    char* at_ = block_;
    char block_[4096];
};

}  // namespace beam::etf
