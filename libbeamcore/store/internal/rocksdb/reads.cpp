#include <memory>

#include "libbeamcore/store/internal/range.hpp"
#include "libbeamcore/store/internal/rocksdb/engine.hpp"

namespace beam::store::detail {

namespace {

// It sees one moment, and the keys of the range.
class walk {
public:
    walk(rocksdb::DB& db, rocksdb::ColumnFamilyHandle* f, key_range range, bool fill_cache)
        : range_(std::move(range)), first_(range_.first), last_(range_.last) {
        rocksdb::ReadOptions o;
        o.fill_cache = fill_cache;
        if (!range_.first.empty()) o.iterate_lower_bound = &first_;
        if (!range_.last.empty()) o.iterate_upper_bound = &last_;
        it_.reset(db.NewIterator(o, f));
    }
    walk(const walk&) = delete;
    walk& operator=(const walk&) = delete;

    rocksdb::Iterator* operator->() const { return it_.get(); }

private:
    const key_range range_;
    const rocksdb::Slice first_, last_;
    std::unique_ptr<rocksdb::Iterator> it_;
};

// What is left of a range behind the last key of the page before.
key_range rest_of(key_range range, const scan_options& o) {
    if (o.after.empty()) return range;
    if (o.reverse) {
        if (range.last.empty() || o.after < range.last) range.last = o.after;
    } else if (o.after >= range.first) {
        range.first = o.after + '\0';
    }
    return range;
}

rocksdb::Status fill_page(walk& w, const scan_options& o, page& p) {
    std::size_t bytes = 0;
    for (o.reverse ? w->SeekToLast() : w->SeekToFirst(); w->Valid();
         o.reverse ? w->Prev() : w->Next()) {
        if (p.items.size() >= o.limit || (bytes >= o.bytes_max && !p.items.empty())) {
            if (!p.items.empty()) p.next = p.items.back().first;
            return {};
        }
        p.items.emplace_back(w->key().ToString(),
                             o.keys_only ? std::string() : w->value().ToString());
        bytes += p.items.back().first.size() + p.items.back().second.size();
    }
    return w->status();
}

}  // namespace

result<std::optional<std::string>> rocksdb_engine::get(std::string_view db, std::string_view key) {
    std::shared_lock lock(state_);
    if (!db_) return fail("closed", folder_);
    family* const f = find(db);
    if (!f) return std::nullopt;
    std::string value;
    const auto s =
        db_->Get(rocksdb::ReadOptions(), f, rocksdb::Slice(key.data(), key.size()), &value);
    if (s.ok()) return value;
    if (s.IsNotFound()) return std::nullopt;
    return tl::unexpected<error>(failure(s));
}

result<page> rocksdb_engine::scan(std::string_view db, const scan_options& o) {
    std::shared_lock lock(state_);
    if (!db_) return fail("closed", folder_);
    page p;
    family* const f = find(db);
    const key_range range = rest_of(range_of(o), o);
    if (!f || range.is_nothing()) return p;
    walk w(*db_, f, range, true);
    if (const auto s = fill_page(w, o, p); !s.ok()) return tl::unexpected<error>(failure(s));
    return p;
}

result<std::uint64_t> rocksdb_engine::count(std::string_view db) {
    std::shared_lock lock(state_);
    if (!db_) return fail("closed", folder_);
    family* const f = find(db);
    if (!f) return 0;
    walk w(*db_, f, {}, false);
    std::uint64_t n = 0;
    for (w->SeekToFirst(); w->Valid(); w->Next()) ++n;
    if (!w->status().ok()) return tl::unexpected<error>(failure(w->status()));
    return n;
}

}  // namespace beam::store::detail
