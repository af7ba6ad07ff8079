// Random operations on a table and on a plain map: they must agree.
#include <algorithm>
#include <map>
#include <random>

#include "libbeamcore/ets/rows.hpp"
#include "tests/unit/ets/tables.hpp"

using namespace beam;
using namespace test;
using ets::table_type;

namespace {

/// A table as a map of keys to rows, for comparing.
class model {
public:
    explicit model(table_type type) : type_(type) {}

    void insert(const term& row) {
        auto& rows = rows_[row.elements()[0]];
        if (type_ == table_type::set || type_ == table_type::ordered_set) rows.clear();
        if (type_ == table_type::bag && std::find(rows.begin(), rows.end(), row) != rows.end())
            return;
        rows.push_back(row);
    }
    bool has(const term& key) const { return rows_.contains(key); }
    std::vector<term> find(const term& key) const {
        auto found = rows_.find(key);
        return found == rows_.end() ? std::vector<term>() : found->second;
    }
    void erase(const term& key) { rows_.erase(key); }
    void erase_object(const term& row) {
        auto found = rows_.find(row.elements()[0]);
        if (found == rows_.end()) return;
        std::erase(found->second, row);
        if (found->second.empty()) rows_.erase(found);
    }
    std::vector<term> all() const {
        std::vector<term> all;
        for (const auto& [key, rows] : rows_) all.insert(all.end(), rows.begin(), rows.end());
        return all;
    }

private:
    struct by_order {
        bool operator()(const term& a, const term& b) const { return compare_exact(a, b) < 0; }
    };
    table_type type_;
    std::map<term, std::vector<term>, by_order> rows_;
};

term random_key(std::mt19937& random, int range) {
    const int n = int(random() % std::uint32_t(range));
    switch (random() % 4) {
        case 0:
            return "key " + std::to_string(n);
        case 1:
            return tuple(atom("k"), n);
        default:
            return n;
    }
}
term random_row(std::mt19937& random, const term& key) {
    const int n = int(random() % 5);
    switch (random() % 5) {
        case 0:
            return tuple(key, n, "some text");
        case 1:
            return tuple(key, n, n, n, n, n, n, n, n, n);
        case 2:
            return tuple(key);
        default:
            return tuple(key, n);
    }
}

/// Counts in the row of a key, if it is one that can be counted in.
void count(const ets::table& table, model& m, const term& key) {
    const auto there = m.find(key);
    const auto type = ets::info_of(table)->type;
    if (there.size() != 1 || type == table_type::bag || type == table_type::duplicate_bag) return;
    std::vector<term> row(there[0].elements().begin(), there[0].elements().end());
    if (row.size() < 2) return;
    row[1] = *row[1].as_int64() + 3;
    CHECK(term(ets::update_counter(table, key, 3)) == row[1]);
    m.insert(tuple_of(std::move(row)));
}

void compare_with_model(table_type type, std::uint32_t seed, int steps, int range) {
    CAPTURE(seed);
    CAPTURE(int(type));
    std::mt19937 random(seed);
    auto table = make(type);
    model m(type);
    bool grows = true;
    for (int i = 0; i < steps; ++i) {
        if (random() % 3000 == 0) grows = !grows;
        const term key = random_key(random, range), row = random_row(random, key);
        switch (random() % 10) {
            case 0:
                ets::delete_object(table, row);
                m.erase_object(row);
                break;
            case 1:
                CHECK(ets::take(table, key).to_list() == listed(m.find(key)));
                m.erase(key);
                break;
            case 2:
                CHECK(ets::insert_new(table, row) == !m.has(key));
                if (!m.has(key)) m.insert(row);
                break;
            case 3: {
                std::vector<term> rows;
                for (int n = 0; n < 5; ++n)
                    rows.push_back(random_row(random, random_key(random, range)));
                ets::insert(table, rows);
                for (const term& r : rows) m.insert(r);
                break;
            }
            case 4:
                CHECK(ets::lookup(table, key).to_list() == listed(m.find(key)));
                CHECK(ets::member(table, key) == m.has(key));
                break;
            case 5:
                count(table, m, key);
                break;
            default:
                if (grows) {
                    ets::insert(table, row);
                    m.insert(row);
                } else {
                    ets::erase(table, key);
                    m.erase(key);
                }
        }
    }
    auto all = m.all();
    CHECK(ets::size(table) == all.size());
    CHECK(contents(table) == sorted(all));
    std::vector<term> folded = ets::foldl(table, std::vector<term>(), [](const term& r, auto acc) {
        acc.push_back(r);
        return acc;
    });
    CHECK(sorted(folded) == sorted(all));
    for (const term& row : all) ets::erase(table, row.elements()[0]);
    CHECK(ets::size(table) == 0);
    CHECK_FALSE(ets::first(table));
}

}  // namespace

TEST_CASE("random operations give what a map gives") {
    as_process([] {
        for (auto type : all_types) {
            for (std::uint32_t seed = 1; seed <= 3; ++seed) {
                compare_with_model(type, seed, 3000, 20);
                compare_with_model(type, seed + 10, 20'000, 4000);
            }
        }
    });
}

TEST_CASE("memory goes with rows, and comes back to what it was") {
    as_process([] {
        for (auto type : all_types) {
            CAPTURE(int(type));
            auto table = make(type);
            const std::size_t empty = ets::info_of(table)->bytes;
            CHECK(empty < 2000);
            for (int i = 0; i < 20'000; ++i) ets::insert(table, tuple(i, std::string(100, 'x')));
            const std::size_t full = ets::info_of(table)->bytes;
            CHECK(full > 20'000 * 150);
            CHECK(full < 20'000 * 300);
            for (int i = 0; i < 20'000; ++i) ets::erase(table, i);
            CHECK(ets::info_of(table)->bytes < empty + 2000);
        }
    });
}
