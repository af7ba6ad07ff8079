# How everything of ours is compiled: the standard, warnings, optimisation, sanitizers, faster tools
# where they are found, and where the build puts what it makes.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

get_property(is_multi_config GLOBAL PROPERTY GENERATOR_IS_MULTI_CONFIG)
if(NOT CMAKE_BUILD_TYPE AND NOT is_multi_config)
    set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "Debug, Release, RelWithDebInfo" FORCE)
endif()

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_CXX_VISIBILITY_PRESET hidden)
set(CMAKE_VISIBILITY_INLINES_HIDDEN ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_VERIFY_INTERFACE_HEADER_SETS ON)

set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/bin")
set(CMAKE_LIBRARY_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/lib")
file(RELATIVE_PATH libdir_from_bindir "/${CMAKE_INSTALL_BINDIR}" "/${CMAKE_INSTALL_LIBDIR}")
set(CMAKE_INSTALL_RPATH "$ORIGIN/${libdir_from_bindir}")
# Where applications lie, NAME-VERSION/NAME.so each: in the build, and below the prefix.
set(BEAM_APPLICATIONS_DIR "${PROJECT_BINARY_DIR}/apps")
set(BEAM_APPLICATIONS_INSTALL_DIR "${CMAKE_INSTALL_LIBDIR}/beamcore")

add_library(beam_warnings INTERFACE)
target_compile_options(beam_warnings INTERFACE
    -Wall -Wextra -Wpedantic -Wnon-virtual-dtor -Woverloaded-virtual -Wcast-align
    $<$<CXX_COMPILER_ID:GNU>:-Wshadow=local>
    # Its guesses come true in a plain debug build only.
    $<$<AND:$<CONFIG:Debug>,$<STREQUAL:${BEAMCORE_SANITIZE},>>:-Wnull-dereference>)

# -g1: a report needs functions and lines; types and variables would make a build a fifth slower.
if(BEAMCORE_SANITIZE STREQUAL "address")
    add_compile_options(-O1 -g1 -fsanitize=address,undefined -fno-sanitize-recover=undefined
        -fno-omit-frame-pointer)
    add_link_options(-fsanitize=address,undefined)
elseif(BEAMCORE_SANITIZE STREQUAL "thread")
    add_compile_options(-O1 -g1 -fsanitize=thread -fno-omit-frame-pointer -Wno-tsan)
    add_link_options(-fsanitize=thread)
elseif(BEAMCORE_SANITIZE STREQUAL "fuzzer")
    # clang, which does not take the size in a delete by itself.
    add_compile_options(-O1 -g1 -fsanitize=fuzzer-no-link,address,undefined -fsized-deallocation
        -fno-sanitize-recover=undefined -fno-omit-frame-pointer)
    add_link_options(-fsanitize=address,undefined)
elseif(BEAMCORE_SANITIZE)
    message(FATAL_ERROR "BEAMCORE_SANITIZE is address, thread, fuzzer or empty")
endif()

if(NOT CMAKE_CXX_COMPILER_LAUNCHER)
    find_program(CCACHE_PROGRAM ccache)
    if(CCACHE_PROGRAM)
        # The precompiled headers of the tests, and builds in several folders and clones, want these.
        set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env
            CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
            CCACHE_NOHASHDIR=1 CCACHE_BASEDIR=${PROJECT_SOURCE_DIR} ${CCACHE_PROGRAM})
    endif()
endif()
find_program(MOLD_PROGRAM mold)
if(MOLD_PROGRAM)
    add_link_options(-fuse-ld=mold)
endif()

# Adds those of PARENT's named folders that have a CMakeLists.txt.
function(beam_add_existing PARENT)
    foreach(name IN LISTS ARGN)
        if(EXISTS "${CMAKE_CURRENT_SOURCE_DIR}/${PARENT}/${name}/CMakeLists.txt")
            add_subdirectory("${PARENT}/${name}")
        endif()
    endforeach()
endfunction()
