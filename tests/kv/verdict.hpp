// What is wrong with a record: each function gives a line a fault.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "tests/kv/record.hpp"

namespace test {

using complaints = std::vector<std::string>;

/// The events of each key, in the order of their calls.
[[nodiscard]] std::map<std::string, kv_record> by_key(const kv_record& all);

/// One key: writes and the primary's answers, as if there were one copy. Of their values alone.
[[nodiscard]] complaints judge_values(const kv_record& one_key);

/// One key: the versions that were told never go back from one request to a later one, no two writes have the same, and a
/// version has one value.
[[nodiscard]] complaints judge_versions(const kv_record& one_key);

/// One key: a replica's answer misses nothing that was acknowledged before it was asked, nor what anybody had been told 1.6 s
/// before that.
[[nodiscard]] complaints judge_replicas(const kv_record& one_key);

/// One key to which one client adds, one at a time: each sum is the one before and one more, and more than that only by
/// what may have been added without an answer.
[[nodiscard]] complaints judge_sums(const kv_record& one_key);

/// Keys that are written together only, and were read at one moment, were written by one request: all of it is there, or nothing.
[[nodiscard]] complaints judge_together(const kv_record& all);

/// All of it. Keys that were added to are judged as sums.
[[nodiscard]] complaints judge(const kv_record& all);

}  // namespace test
