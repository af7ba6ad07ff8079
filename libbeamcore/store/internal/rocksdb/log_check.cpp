#include "libbeamcore/store/internal/rocksdb/log_check.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <filesystem>
#include <string_view>
#include <system_error>

#include "libbeamcore/base/unique_fd.hpp"
#include "libbeamcore/store/internal/failure.hpp"

namespace beam::store::detail {

namespace {

// A log is a row of blocks, a block a row of records, none of which crosses its end: a checksum (4 bytes, LE, of
// what follows the length), a length (2, LE), a type (1) and so many bytes. A rest of less than a header is unused.
constexpr std::size_t block_size = 32768, header_size = 7;
constexpr unsigned char type_max = 4;  // whole, first, middle, last

unsigned char byte_at(std::string_view s, std::size_t at) {
    return static_cast<unsigned char>(s[at]);
}

std::size_t size_of_record(std::string_view block, std::size_t at) {
    return header_size + byte_at(block, at + 4) + (std::size_t{byte_at(block, at + 5)} << 8);
}

constexpr std::array<std::uint32_t, 256> make_crc_table() {
    std::array<std::uint32_t, 256> table{};
    for (std::uint32_t i = 0; i < table.size(); ++i) {
        std::uint32_t crc = i;
        for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x82F63B78U : 0);
        table[i] = crc;
    }
    return table;
}

std::uint32_t crc32c(std::string_view bytes) {
    static constexpr auto table = make_crc_table();
    std::uint32_t crc = ~0U;
    for (const char c : bytes)
        crc = table[(crc ^ static_cast<unsigned char>(c)) & 0xffU] ^ (crc >> 8);
    return ~crc;
}

bool is_record(std::string_view block, std::size_t at) {
    const auto type = byte_at(block, at + 6);
    const auto size = size_of_record(block, at);
    if (type == 0 || type > type_max || size > block.size() - at) return false;
    std::uint32_t stored = 0;
    for (std::size_t i = 0; i < 4; ++i) stored |= std::uint32_t{byte_at(block, at + i)} << (8 * i);
    // A checksum is stored turned and counted up, so that one of data with checksums in it is as good.
    const std::uint32_t crc = crc32c(block.substr(at + 6, size - 6));
    return stored == ((crc >> 15) | (crc << 17)) + 0xa282ead8U;
}

/// The last block of a file: whether a record that reaches beyond it has others behind it.
bool hides_records(std::string_view block) {
    std::size_t at = 0;
    while (block.size() - at >= header_size && size_of_record(block, at) <= block.size() - at)
        at += size_of_record(block, at);
    for (++at; at + header_size <= block.size(); ++at)
        if (is_record(block, at)) return true;
    return false;
}

// In blocks before the last RocksDB tells such a record itself.
result<void> check_log(const std::string& file) {
    unique_fd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
    const off_t size = fd ? ::lseek(fd.get(), 0, SEEK_END) : -1;
    if (size < 0) return failed(errno, file);
    std::string block(std::size_t(size) % block_size, '\0');
    const auto read = ::pread(fd.get(), block.data(), block.size(), size - off_t(block.size()));
    if (read < 0) return failed(errno, file);
    block.resize(std::size_t(read));
    if (!hides_records(block)) return {};
    return fail("corrupt", file + ": a record does not end, and others follow it");
}

bool is_log(const std::filesystem::path& file) {
    return file.extension() == ".log" || file.filename().string().compare(0, 9, "MANIFEST-") == 0;
}

}  // namespace

result<void> check_logs(const std::string& folder) {
    std::error_code failure;
    for (const auto& entry : std::filesystem::directory_iterator(folder, failure))
        if (is_log(entry.path()))
            if (auto r = check_log(entry.path()); !r) return r;
    if (failure) return failed(failure.value(), folder);
    return {};
}

}  // namespace beam::store::detail
