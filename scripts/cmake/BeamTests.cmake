# beam_unit_support(): once, before the unit tests: doctest's main and the shared precompiled header.
function(beam_unit_support)
    add_library(unit_main OBJECT "${PROJECT_SOURCE_DIR}/tests/unit/main.cpp")
    target_link_libraries(unit_main PUBLIC beam_dep_doctest beamcore::beamcore PRIVATE beam_warnings)
    # A program, since a precompiled header fits only what is compiled with the same -fPIE or -fPIC.
    add_executable(unit_pch EXCLUDE_FROM_ALL "${PROJECT_SOURCE_DIR}/tests/unit/pch.cpp")
    set_target_properties(unit_pch PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/tests")
    target_link_libraries(unit_pch PRIVATE unit_main beam_warnings)
    target_precompile_headers(unit_pch PRIVATE "${PROJECT_SOURCE_DIR}/tests/unit/pch.hpp")
endfunction()

# beam_optimise(TARGET): optimised in a debug build too, for simulators: seeds are what they are good for.
function(beam_optimise TARGET)
    # -Wnull-dereference guesses wrong where code is inlined.
    target_compile_options(${TARGET} PRIVATE $<$<CONFIG:Debug>:-O2;-Wno-null-dereference>)
endfunction()

# beam_unit_tests(LAYER x_test.cpp... [LIBRARIES target...] [PACKAGES name...] [TIMEOUT seconds] [OPTIMISED] [BESIDE])
#
# The program unit_LAYER, one test of ctest of the same name and label "unit". OPTIMISED: also in a debug build. BESIDE: as
# beam_add_test says.
function(beam_unit_tests LAYER)
    cmake_parse_arguments(PARSE_ARGV 1 arg "OPTIMISED;BESIDE" "TIMEOUT" "LIBRARIES;PACKAGES")
    set(target unit_${LAYER})
    beam_packages(packages ${arg_PACKAGES})
    add_executable(${target} ${arg_UNPARSED_ARGUMENTS})
    set_target_properties(${target} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/tests")
    target_link_libraries(${target} PRIVATE unit_main ${arg_LIBRARIES} ${packages} beam_warnings)
    if(arg_OPTIMISED)
        beam_optimise(${target})  # and no precompiled header: that is made without
    else()
        target_precompile_headers(${target} REUSE_FROM unit_pch)
    endif()
    if(NOT arg_TIMEOUT)
        set(arg_TIMEOUT 300)
    endif()
    set(beside)
    if(arg_BESIDE)
        set(beside BESIDE)
    endif()
    beam_add_test(${target} LABELS unit TIMEOUT ${arg_TIMEOUT} ${beside} COMMAND ${target})
endfunction()

# beam_add_test(NAME COMMAND command... [LABELS label...] [TIMEOUT seconds] [BESIDE])
#
# Most tests start threads and nodes of their own, which use all cores, and notice when others do: they run alone. One that
# depends on no time, as it computes or waits for a disk most of the time, may run BESIDE another of its kind.
#
# A test of ctest with a runtime and a state folder of its own, so that the nodes it starts meet
# neither the user's nor another test's. The build's tools are first on its PATH. Exit code 77 is a
# skip. In a build with a sanitizer the name begins with asan. or tsan.
function(beam_add_test NAME)
    cmake_parse_arguments(PARSE_ARGV 1 arg "BESIDE" "TIMEOUT" "COMMAND;LABELS")
    if(NOT arg_TIMEOUT)
        set(arg_TIMEOUT 300)
    endif()
    set(dir "${PROJECT_BINARY_DIR}/run/${NAME}")
    string(REGEX REPLACE "^(.)[a-z]+$" "\\1san." prefix "${BEAMCORE_SANITIZE}")
    string(PREPEND NAME "${prefix}")
    set(runtime "${dir}/run")
    # A socket's path has at most 107 bytes; in a deep build folder it must lie elsewhere.
    string(LENGTH "${runtime}" length)
    if(length GREATER 70)
        string(MD5 hash "${dir}")
        string(SUBSTRING "${hash}" 0 12 hash)
        set(runtime "/tmp/beamcore-test-${hash}")
    endif()
    foreach(folder "${runtime}" "${dir}/state" "${dir}/config")
        file(MAKE_DIRECTORY "${folder}")
        file(CHMOD "${folder}" DIRECTORY_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE)
    endforeach()
    add_test(NAME ${NAME} COMMAND ${arg_COMMAND})
    set_tests_properties(${NAME} PROPERTIES
        TIMEOUT ${arg_TIMEOUT} COST ${arg_TIMEOUT} LABELS "${arg_LABELS}" SKIP_RETURN_CODE 77
        ENVIRONMENT "XDG_RUNTIME_DIR=${runtime};XDG_STATE_HOME=${dir}/state;XDG_CONFIG_HOME=${dir}/config;ASAN_OPTIONS=detect_stack_use_after_return=1:strict_string_checks=1;UBSAN_OPTIONS=print_stacktrace=1;TSAN_OPTIONS=second_deadlock_stack=1"
        ENVIRONMENT_MODIFICATION "PATH=path_list_prepend:${PROJECT_BINARY_DIR}/bin")
    if(NOT arg_BESIDE)
        set_tests_properties(${NAME} PROPERTIES RUN_SERIAL ON)
    endif()
endfunction()
