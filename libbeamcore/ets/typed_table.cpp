#include "libbeamcore/ets/typed_table.hpp"

#include <string>

#include "libbeamcore/ets/internal/table_object.hpp"

namespace beam::ets::detail {

using namespace beam::detail::ets;

void bad_row(const char* type, const error& e) {
    bad(std::string("a row is no ") + type + ": " + e.detail);
}

void wrong_shape(const char* type, std::size_t fields, const term& row) {
    bad("a row is no " + std::string(type) + ", which has " + std::to_string(fields) +
        " fields: " + shown(row));
}

void check_typed(const table& t, const char* type, std::size_t keypos) {
    const open_table found(t, right::none);
    if (found->keypos == keypos) return;
    bad("the key of " + std::string(type) + " is its field " + std::to_string(keypos) +
        ", the table's keypos is " + std::to_string(found->keypos));
}

}  // namespace beam::ets::detail
