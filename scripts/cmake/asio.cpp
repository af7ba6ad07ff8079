// The compiled half of Asio (ASIO_SEPARATE_COMPILATION).
#include <asio/impl/src.hpp>
