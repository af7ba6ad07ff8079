// ordered_store: the rows of an ordered_set, as a table_store over a tree (ordered_tree.hpp).
#include <array>
#include <memory>
#include <utility>

#include "libbeamcore/base/export.hpp"
#include "libbeamcore/ets/internal/ordered_scan.hpp"
#include "libbeamcore/ets/internal/ordered_tree.hpp"
#include "libbeamcore/ets/internal/table_store.hpp"
#include "libbeamcore/runtime/exit.hpp"

namespace beam::detail::ets {
namespace {

using ordered::tree;
using ordered::verdict;
using ordered::word;
using ordered::word_of;

/// The tree as it was, kept until this goes.
class ordered_snapshot final : public row_source {
public:
    explicit ordered_snapshot(std::shared_ptr<tree> t)
        : tree_(std::move(t)), at_(tree_->freeze()) {}
    ordered_snapshot(const ordered_snapshot&) = delete;
    ordered_snapshot& operator=(const ordered_snapshot&) = delete;
    ~ordered_snapshot() override { tree_->unfreeze(at_.number); }

    void find(const term& key, rows& found) const override {
        if (auto row = ordered::find_row(all(), word_of(key)))
            found.push_back(ordered::counted(row));
    }
    [[nodiscard]] bool contains(const term& key) const override {
        return ordered::find_row(all(), word_of(key)) != 0;
    }
    bool scan(const scan_from& from, std::size_t wanted, std::vector<term>& found) const override {
        return ordered::scan(all(), from, wanted, found);
    }
    void each(const row_visitor& visit) const override { ordered::each(all(), visit); }
    [[nodiscard]] std::size_t size() const override { return at_.rows; }

private:
    [[nodiscard]] ordered::view all() const { return {at_.root, false}; }

    std::shared_ptr<tree> tree_;
    tree::frozen_tree at_;
};

/// Integers of a row, out of it and back.
class row_integers {
public:
    row_integers(std::size_t first, std::size_t count) : first_(first - 1), count_(count) {}

    /// False: one of them is none, or is not there.
    bool read(const term& row) {
        auto elements = row.elements();
        if (first_ + count_ > elements.size()) return false;
        for (std::size_t i = 0; i < count_; ++i) {
            auto value = elements[first_ + i].as_int64();
            if (!value) return false;
            values_[i] = *value;
        }
        return true;
    }
    [[nodiscard]] term written_to(const term& row) const {
        auto elements = row.elements();
        auto* n = new_node(term_kind::tuple, elements.size(), elements.size_bytes());
        auto* to = reinterpret_cast<term*>(n + 1);
        for (std::size_t i = 0; i < elements.size(); ++i) {
            bool is_changed = i - first_ < count_;
            new (to + i) term(is_changed ? term() : elements[i]);
        }
        auto made = term_access::from_node(n);
        // Only now, since a large one may throw.
        for (std::size_t i = 0; i < count_; ++i) to[first_ + i] = values_[i];
        return made;
    }
    [[nodiscard]] std::int64_t* values() { return values_.data(); }

private:
    std::size_t first_, count_;
    std::array<std::int64_t, integers_max> values_{};
};

class ordered_store final : public table_store {
public:
    explicit ordered_store(std::size_t keypos) : tree_(std::make_shared<tree>(keypos)) {}
    ordered_store(const ordered_store&) = delete;
    ordered_store& operator=(const ordered_store&) = delete;
    ~ordered_store() override { tree_->clear(); }  // what is large is freed by and by

    void find(const term& key, rows& found) const override {
        if (auto row = find_row(key)) found.push_back(ordered::counted(row));
    }
    [[nodiscard]] bool contains(const term& key) const override { return find_row(key) != 0; }
    bool scan(const scan_from& from, std::size_t wanted, std::vector<term>& found) const override {
        return ordered::scan(tree_->live(), from, wanted, found);
    }
    void each(const row_visitor& visit) const override { ordered::each(tree_->live(), visit); }
    [[nodiscard]] std::size_t size() const override { return tree_->size(); }
    [[nodiscard]] std::size_t bytes() const override { return sizeof *this + tree_->bytes(); }

    void insert(term row) override { put(std::move(row), {true, true}); }
    bool insert_new(term row) override { return put(std::move(row), {false, true}); }
    bool insert_all(std::span<const term> all, bool only_new) override {
        return tree_->put_all(all, only_new);
    }
    std::size_t erase(const term& key, rows* taken) override;
    std::size_t erase_object(const term& row) override;
    bool update(const term& key, row_change f, void* context) override;
    integers_result update_integers(const term& key, std::size_t first, std::size_t count,
                                    integers_change f, void* context) override;
    [[nodiscard]] std::shared_ptr<const row_source> snapshot() override {
        return std::make_shared<ordered_snapshot>(tree_);
    }

private:
    [[nodiscard]] word find_row(const term& key) const {
        return ordered::find_row(tree_->live(), word_of(key));
    }
    bool put(term row, ordered::wanted rows) {
        auto key = tree_->key_of(row);
        return tree_->edit(key, rows, [&](const term*, term& next) {
            next = std::move(row);
            return verdict::put;
        }) == verdict::put;
    }
    void check_key(const term& row, word key) const {
        auto elements = row.elements();
        if (elements.size() < tree_->keypos() ||
            ordered::compare_words(word_of(elements[tree_->keypos() - 1]), key) != 0)
            throw error_exception{atoms::badarg};
    }

    std::shared_ptr<tree> tree_;
};

std::size_t ordered_store::erase(const term& key, rows* taken) {
    return tree_->edit(word_of(key), {}, [&](const term* row, term&) {
        if (taken) taken->push_back(*row);
        return verdict::remove;
    }) == verdict::remove;
}

std::size_t ordered_store::erase_object(const term& row) {
    return tree_->edit(tree_->key_of(row), {}, [&](const term* present, term&) {
        return *present == row ? verdict::remove : verdict::keep;
    }) == verdict::remove;
}

bool ordered_store::update(const term& key, row_change f, void* context) {
    for (;;) {
        // What was found stays what it is while the caller is in its read_section: nobody can put another row at
        // the same address.
        auto seen = find_row(key);
        ordered::borrowed there(seen);
        const beam::ets::row old = seen != 0 ? beam::ets::row(static_cast<const term&>(there))
                                             : beam::ets::row(std::span<const term>());
        auto next = f(context, seen != 0 ? &old : nullptr);
        if (!next) return false;
        check_key(*next, word_of(key));
        bool is_same = false;
        tree_->edit(tree_->key_of(*next), {true, true}, [&](const term* present, term& to) {
            is_same = seen == (present ? word_of(*present) : 0);
            if (!is_same) return verdict::keep;
            to = *std::move(next);
            return verdict::put;
        });
        if (is_same) return true;
    }
}

integers_result ordered_store::update_integers(const term& key, std::size_t first,
                                               std::size_t count, integers_change f,
                                               void* context) {
    auto result = integers_result::absent;
    tree_->edit(word_of(key), {}, [&](const term* row, term& next) {
        row_integers integers(first, count);
        if (!integers.read(*row)) {
            result = integers_result::no_integer;
            return verdict::keep;
        }
        if (!f(context, integers.values())) {
            result = integers_result::refused;
            return verdict::keep;
        }
        next = integers.written_to(*row);
        result = integers_result::done;
        return verdict::put;
    });
    return result;
}

}  // namespace

BEAM_EXPORT std::unique_ptr<table_store> make_ordered_store(std::size_t keypos) {
    return std::make_unique<ordered_store>(keypos);
}

}  // namespace beam::detail::ets
