// Forward declarations of the ets layer's public types.
#pragma once

namespace beam::ets {

class continuation;
class row;
class rows;
class snapshot;
class table;
struct counter_update;
struct element_update;
struct heir;
struct info;
struct table_options;
template <class Row>
class typed_table;

}  // namespace beam::ets

namespace beam {
struct ets_transfer;
}
