// What a look-up gives: rows, each seen as its elements, and a tuple where one is wanted.
//
// A short row is not a tuple where it lies (internal/row_word.hpp). Its elements are copied out; a node for them is made
// only for who asks for the tuple.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "libbeamcore/term/term.hpp"

namespace beam::ets {

/// One row of what was found; borrows it.
class row {
public:
    explicit row(const term& tuple) : elements_(tuple.elements()), tuple_(&tuple) {}
    explicit row(term&&) = delete;
    explicit row(std::span<const term> elements) : elements_(elements) {}

    [[nodiscard]] std::span<const term> elements() const { return elements_; }
    [[nodiscard]] std::size_t size() const { return elements_.size(); }
    /// Element `position`, from 1; the row must have it.
    [[nodiscard]] const term& element(std::size_t position) const {
        return elements_[position - 1];
    }

    /// The tuple.
    [[nodiscard]] term to_term() const { return tuple_ ? *tuple_ : tuple_of(elements_); }
    operator term() const { return to_term(); }  // NOLINT: implicit

    friend bool operator==(const row& a, const term& b) {
        const auto there = b.elements();
        if (!b.is_tuple() || a.size() != there.size()) return false;
        for (std::size_t i = 0; i < there.size(); ++i)
            if (!(a.elements_[i] == there[i])) return false;
        return true;
    }

private:
    std::span<const term> elements_;
    const term* tuple_ = nullptr;  // if there is a node for it
};

/// Rows that were found: none, one (a set), or many; in order. They are the caller's: copies of what was in the table.
class rows {
public:
    rows() = default;
    rows(const rows& other) {
        if (other.more_) more_ = new std::vector<term>(*other.more_);
        for (const term& e : other.short_row()) new (&words_[arity_++]) term(e);
        owns_ = other.owns_;
    }
    rows(rows&& other) noexcept { take(other); }
    rows& operator=(rows other) noexcept {
        clear();
        take(other);
        return *this;
    }
    // One look for what is found most: integers and atoms.
    ~rows() {
        if (owns_) free_all();
    }

    [[nodiscard]] std::size_t size() const { return arity_ > 0 ? 1 : more_ ? more_->size() : 0; }
    [[nodiscard]] bool empty() const { return size() == 0; }
    explicit operator bool() const { return !empty(); }
    [[nodiscard]] row operator[](std::size_t i) const {
        return arity_ > 0 ? row(short_row()) : row((*more_)[i]);
    }
    [[nodiscard]] row front() const { return (*this)[0]; }

    class iterator {
    public:
        using value_type = row;
        using difference_type = std::ptrdiff_t;
        iterator() = default;
        iterator(const rows* of, std::size_t at) : of_(of), at_(at) {}
        row operator*() const { return (*of_)[at_]; }
        iterator& operator++() {
            ++at_;
            return *this;
        }
        iterator operator++(int) { return {of_, at_++}; }
        friend bool operator==(const iterator& a, const iterator& b) { return a.at_ == b.at_; }

    private:
        const rows* of_ = nullptr;
        std::size_t at_ = 0;
    };
    [[nodiscard]] iterator begin() const { return {this, 0}; }
    [[nodiscard]] iterator end() const { return {this, size()}; }

    /// As the list that ets:lookup gives.
    [[nodiscard]] term to_list() const {
        std::vector<term> all(begin(), end());
        return list_of(std::move(all));
    }

    void push_back(term tuple) {
        lengthen();
        more_->push_back(std::move(tuple));
    }
    void clear() {
        if (owns_) free_all();
        arity_ = 0;
        owns_ = false;
        more_ = nullptr;
    }

    // For ets itself: words of terms, at most short_max, whose references are taken over.
    static constexpr std::size_t short_max = 8;
    /// Room for the words of the only row, while there is none; has_words() says that they are there.
    [[nodiscard]] std::uint64_t* words() { return words_; }
    void has_words(std::uint32_t arity, bool all_immediate) {
        arity_ = arity;
        owns_ = !all_immediate;
    }
    void push_words(const std::uint64_t* words, std::uint32_t arity) {
        if (arity_ > 0 || more_) [[unlikely]] {
            rows one;
            one.push_words(words, arity);
            push_back(one.front());
            return;
        }
        for (std::uint32_t i = 0; i < arity; ++i) words_[i] = words[i];
        has_words(arity, false);
    }

private:
    [[nodiscard]] std::span<const term> short_row() const {
        return {reinterpret_cast<const term*>(words_), arity_};
    }
    void drop_words() {
        for (std::uint32_t i = 0; i < arity_; ++i) reinterpret_cast<term*>(words_ + i)->~term();
        arity_ = 0;
    }
    [[gnu::noinline]] void free_all() {
        drop_words();
        delete more_;
    }
    void take(rows& other) {
        arity_ = std::exchange(other.arity_, 0);
        owns_ = std::exchange(other.owns_, false);
        more_ = std::exchange(other.more_, nullptr);
        for (std::uint32_t i = 0; i < arity_; ++i) words_[i] = other.words_[i];
    }
    void lengthen() {
        if (!more_) more_ = new std::vector<term>;
        owns_ = true;
        if (arity_ == 0) return;
        more_->push_back(tuple_of(short_row()));
        drop_words();
    }

    std::uint32_t arity_ = 0;         // of the only row, if it is a short one
    bool owns_ = false;               // whether there is anything to free
    std::uint64_t words_[short_max];  // NOLINT: the first `arity_` of them are terms
    std::vector<term>* more_ = nullptr;
};

}  // namespace beam::ets
