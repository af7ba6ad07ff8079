# cmake -DROOT=dir -DHEADERS=a.hpp;b.hpp -DOUT=file -P HashHeaders.cmake: writes the header that
# holds the hash of these headers. Its time is new only when the hash is.
cmake_minimum_required(VERSION 3.25)
set(all)
foreach(header IN LISTS HEADERS)
    file(SHA256 "${ROOT}/${header}" hash)
    string(APPEND all "${header} ${hash}\n")
endforeach()
string(SHA256 hash "${all}")
string(SUBSTRING "${hash}" 0 16 hash)
file(CONFIGURE OUTPUT "${OUT}" @ONLY CONTENT
"// Generated: a hash of all public headers of libbeamcore.
#pragma once

#define BEAM_ABI_HEADERS 0x@hash@ULL
")
