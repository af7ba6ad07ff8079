// Forward declarations of the store layer's public types.
#pragma once

#include <cstdint>

namespace beam::store {

class batch;
class cas_future;
class database;
class write_future;
enum class engine_type : std::uint8_t;
struct cas_result;
struct open_options;
struct page;
struct scan_options;
struct statistics;
struct written;

}  // namespace beam::store
