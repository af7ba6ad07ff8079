// cursor: one of LMDB's, closed at the end of its scope.
#pragma once

#include <lmdb.h>

#include <string_view>

namespace beam::store::detail {

inline MDB_val to_val(std::string_view s) {
    return {s.size(), const_cast<char*>(s.data())};
}
inline std::string_view to_view(const MDB_val& v) {
    return {static_cast<const char*>(v.mv_data), v.mv_size};
}

class cursor {
public:
    cursor(MDB_txn* txn, MDB_dbi dbi) : status_(::mdb_cursor_open(txn, dbi, &cursor_)) {}
    ~cursor() {
        if (cursor_) ::mdb_cursor_close(cursor_);
    }
    cursor(const cursor&) = delete;
    cursor& operator=(const cursor&) = delete;

    [[nodiscard]] int status() const { return status_; }
    [[nodiscard]] int move(MDB_cursor_op op) {
        return ::mdb_cursor_get(cursor_, &key_, &value_, op);
    }
    [[nodiscard]] int seek(std::string_view key) {
        key_ = to_val(key);
        return move(MDB_SET_RANGE);
    }
    [[nodiscard]] std::string_view key() const { return to_view(key_); }
    [[nodiscard]] std::string_view value() const { return to_view(value_); }
    [[nodiscard]] int erase() { return ::mdb_cursor_del(cursor_, 0); }

private:
    MDB_cursor* cursor_ = nullptr;
    MDB_val key_{};
    MDB_val value_{};
    int status_;
};

}  // namespace beam::store::detail
