# beam_layer_levels("a" "b c" ...): the names of all layers, lowest first, one argument a level. Sets
# BEAM_ALL_LAYERS, or what of it the option BEAMCORE_LAYERS asks for.
function(beam_layer_levels)
    set(level 0)
    foreach(names IN LISTS ARGN)
        separate_arguments(names)
        foreach(name IN LISTS names)
            set_property(GLOBAL PROPERTY BEAM_LEVEL_${name} ${level})
            if(NOT BEAMCORE_LAYERS OR name IN_LIST BEAMCORE_LAYERS)
                list(APPEND all ${name})
            endif()
        endforeach()
        math(EXPR level "${level} + 1")
    endforeach()
    set(BEAM_ALL_LAYERS ${all} PARENT_SCOPE)
endfunction()

# beam_layer(NAME
#     USES layer...            # what its headers include
#     PRIVATE_USES layer...    # what only its .cpp files include
#     PACKAGES name...         # packages its headers show
#     PRIVATE_PACKAGES name... # packages only its .cpp files use
#     HEADERS x.hpp...         # installed, and each compiled alone by all_verify_interface_header_sets
#     SOURCES x.cpp...)
#
# One layer of libbeamcore, an OBJECT library beam_NAME. USES is the layer list: an include that it
# does not allow is an error of scripts/check.
function(beam_layer NAME)
    cmake_parse_arguments(PARSE_ARGV 1 arg "" ""
        "USES;PRIVATE_USES;PACKAGES;PRIVATE_PACKAGES;HEADERS;SOURCES")
    if(arg_UNPARSED_ARGUMENTS)
        message(FATAL_ERROR "beam_layer(${NAME}): what is ${arg_UNPARSED_ARGUMENTS}?")
    endif()
    set(target beam_${NAME})
    get_property(level GLOBAL PROPERTY BEAM_LEVEL_${NAME})
    foreach(other IN LISTS arg_USES arg_PRIVATE_USES)
        get_property(other_level GLOBAL PROPERTY BEAM_LEVEL_${other})
        if(NOT other_level LESS level)
            message(FATAL_ERROR "layer ${NAME} may not use ${other}, which is not below it")
        endif()
    endforeach()
    list(TRANSFORM arg_USES PREPEND beam_ OUTPUT_VARIABLE uses)
    list(TRANSFORM arg_PRIVATE_USES PREPEND beam_ OUTPUT_VARIABLE private_uses)
    beam_packages(packages ${arg_PACKAGES})
    beam_packages(private_packages ${arg_PRIVATE_PACKAGES})

    # A layer of templates only still has one object, so that it can be linked like the others.
    set(empty "${PROJECT_BINARY_DIR}/${target}.cpp")
    if(NOT arg_SOURCES)
        file(CONFIGURE OUTPUT "${empty}" CONTENT "")
        set(arg_SOURCES "${empty}")
    endif()
    add_library(${target} OBJECT ${arg_SOURCES})
    # Calls inside the library are direct and may be inlined: nobody replaces its functions.
    target_compile_options(${target} PRIVATE -fno-semantic-interposition -fno-plt)
    target_sources(${target} PUBLIC FILE_SET HEADERS
        BASE_DIRS "${PROJECT_SOURCE_DIR}" FILES ${arg_HEADERS})
    target_include_directories(${target} PUBLIC
        "${PROJECT_SOURCE_DIR}" "${PROJECT_BINARY_DIR}/generated")
    target_link_libraries(${target}
        PUBLIC ${uses} ${packages} Threads::Threads
        PRIVATE ${private_uses} ${private_packages} beam_warnings)
    add_dependencies(${target} beam_abi_headers)
    file(RELATIVE_PATH folder "${PROJECT_SOURCE_DIR}" "${CMAKE_CURRENT_SOURCE_DIR}")
    list(TRANSFORM arg_HEADERS PREPEND "${folder}/")
    set_property(GLOBAL APPEND PROPERTY BEAM_HEADERS ${arg_HEADERS})
    set_property(GLOBAL APPEND PROPERTY BEAM_LAYERS ${NAME})
    set_property(GLOBAL APPEND_STRING PROPERTY BEAM_LAYER_EDGES
        "${NAME}: ${arg_USES} ${arg_PRIVATE_USES}\n")
endfunction()

# The shared library NAME of all layers added so far. BEAM_LAYERS names them, and
# layers.txt in the build folder says what each may include.
function(beam_library NAME)
    get_property(layers GLOBAL PROPERTY BEAM_LAYERS)
    get_property(edges GLOBAL PROPERTY BEAM_LAYER_EDGES)
    string(REPLACE ";" " " edges "${edges}")
    file(CONFIGURE OUTPUT "${PROJECT_BINARY_DIR}/layers.txt" CONTENT "${edges}" @ONLY)

    # Part of abi_stamp.hpp.
    get_property(headers GLOBAL PROPERTY BEAM_HEADERS)
    list(TRANSFORM headers PREPEND "${PROJECT_SOURCE_DIR}/" OUTPUT_VARIABLE header_paths)
    set(generated "${PROJECT_BINARY_DIR}/generated/libbeamcore/base/detail/abi_headers.hpp")
    add_custom_command(OUTPUT "${generated}.done" VERBATIM
        BYPRODUCTS "${generated}"
        COMMAND ${CMAKE_COMMAND} "-DROOT=${PROJECT_SOURCE_DIR}" "-DHEADERS=${headers}"
            "-DOUT=${generated}" -P "${PROJECT_SOURCE_DIR}/scripts/cmake/HashHeaders.cmake"
        COMMAND ${CMAKE_COMMAND} -E touch "${generated}.done"
        DEPENDS ${header_paths}
        COMMENT "Hashing the public headers")
    add_custom_target(beam_abi_headers DEPENDS "${generated}.done")

    add_library(${NAME} SHARED)
    add_library(beamcore::${NAME} ALIAS ${NAME})
    set_target_properties(${NAME} PROPERTIES
        VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR} LINKER_LANGUAGE CXX
        VERIFY_INTERFACE_HEADER_SETS OFF)
    target_compile_features(${NAME} PUBLIC cxx_std_20)
    target_include_directories(${NAME} PUBLIC
        "$<BUILD_INTERFACE:${PROJECT_SOURCE_DIR};${PROJECT_BINARY_DIR}/generated>"
        "$<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>")
    list(TRANSFORM layers PREPEND beam_ OUTPUT_VARIABLE objects)
    target_link_libraries(${NAME}
        PUBLIC Threads::Threads tl::expected
        PRIVATE ${objects})
    target_link_options(${NAME} PRIVATE -Wl,-z,defs -Wl,-Bsymbolic-functions)
    set(BEAM_LAYERS ${layers} CACHE INTERNAL "the layers of libbeamcore in this build")
endfunction()
