// To be preloaded: the wall clock of a process is off by the seconds that the file $BEAM_TEST_WALL_CLOCK says
// now, as if somebody had set it.
#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <cstdlib>

namespace {

long offset() {
    static const char* const name = ::getenv("BEAM_TEST_WALL_CLOCK");
    if (!name) return 0;
    char text[32] = "";
    const int fd = ::open(name, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return 0;
    const auto n = ::read(fd, text, sizeof text - 1);
    ::close(fd);
    return n > 0 ? ::strtol(text, nullptr, 10) : 0;
}

}  // namespace

extern "C" {

__attribute__((visibility("default"))) int clock_gettime(clockid_t id, timespec* t) noexcept {
    const auto failed = static_cast<int>(::syscall(SYS_clock_gettime, id, t));
    if (failed == 0 && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)) t->tv_sec += offset();
    return failed;
}

__attribute__((visibility("default"))) int gettimeofday(timeval* t, void*) noexcept {
    timespec now{};
    const int failed = clock_gettime(CLOCK_REALTIME, &now);
    t->tv_sec = now.tv_sec;
    t->tv_usec = now.tv_nsec / 1000;
    return failed;
}

__attribute__((visibility("default"))) time_t time(time_t* t) noexcept {
    timespec now{};
    (void)clock_gettime(CLOCK_REALTIME, &now);
    if (t) *t = now.tv_sec;
    return now.tv_sec;
}

}  // extern "C"
