// What kv's stores tell each other, and what lies on their disks. The first byte chooses what it is. Of any bytes: they are
// malformed or a value, which is written in no more bytes than it was read from, and reads back the same.
#include <cstdint>
#include <string_view>

#include "tests/fuzz/claim.hpp"
#include "tools/kv/app/encoding.hpp"

namespace {

template <class T>
void check(std::string_view bytes) {
    T first;
    try {
        first = kv::from_bytes<T>(bytes);
    } catch (const kv::malformed_bytes&) {
        return;
    }
    const std::string written = kv::bytes_of(first);
    claim(written.size() <= bytes.size(), "nothing is read that was not there", written);
    try {
        claim(kv::from_bytes<T>(written) == first, "what is written reads back equal", written);
    } catch (const kv::malformed_bytes& e) {
        claim(false, e.what(), written);
    }
}

using checker = void (*)(std::string_view);
constexpr checker checkers[] = {
    &check<kv::message>,         &check<kv::write_request>, &check<kv::read_request>,
    &check<kv::answer>,          &check<kv::entry>,         &check<kv::checkpoint>,
    &check<kv::dedup_table>,     &check<kv::value>,         &check<kv::shard_record>,
    &check<kv::changes_request>, &check<kv::changes_page>,
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
    checkers[data[0] % std::size(checkers)](bytes);
    return 0;
}
