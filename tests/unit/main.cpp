#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>

#ifdef __SANITIZE_THREAD__
// RocksDB hands on what it wrote by atomics that TSan does not see: Debian's build of it is not instrumented. What it
// calls (memcpy) is seen, and taken for races.
extern "C" __attribute__((visibility("default"))) const char* __tsan_default_suppressions();
extern "C" const char* __tsan_default_suppressions() {
    return "race:librocksdb.so\n";
}
#endif
