#include "libbeamcore/store/internal/rocksdb/insert_hints.hpp"

namespace beam::store::detail {

namespace {

constexpr std::size_t group_size = 2;
constexpr char first_beyond = 0x10;

class two_byte_groups : public rocksdb::SliceTransform {
public:
    [[nodiscard]] const char* Name() const override { return "beamcore.two_byte_groups"; }
    [[nodiscard]] rocksdb::Slice Transform(const rocksdb::Slice& key) const override {
        return {key.data(), group_size};
    }
    [[nodiscard]] bool InDomain(const rocksdb::Slice& key) const override { return has_hint(key); }
};

}  // namespace

std::shared_ptr<const rocksdb::SliceTransform> groups_with_hints() {
    return std::make_shared<two_byte_groups>();
}

// That a key ends in a zero byte is what tells the beginnings of erased ranges: erase_range in writes.cpp.
bool has_hint(const rocksdb::Slice& key) {
    return key.size() >= group_size && key[0] >= 0 && key[0] < first_beyond &&
           key[key.size() - 1] != '\0';
}

}  // namespace beam::store::detail
