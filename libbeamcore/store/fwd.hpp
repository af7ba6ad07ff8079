// Forward declarations of the store layer's public types.
#pragma once

namespace beam::store {

class batch;
class cas_future;
class database;
class write_future;
struct cas_result;
struct open_options;
struct page;
struct scan_options;
struct statistics;

}  // namespace beam::store
