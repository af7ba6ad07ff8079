# beam_unity(): with BEAMCORE_UNITY, each target's sources are compiled several as one. Most of a build's time
# goes into the same headers again and again. Last, when all targets are there.
#
# Which sources go together scripts/batches.py finds: not those with the same local names. Where it errs (a
# "redefinition of" or "is ambiguous" that a build without BEAMCORE_UNITY does not have), rename one of the two.
#
# In place of CMake's UNITY_BUILD, which includes each source by its whole path: ccache could not use what another
# clone compiled.
set(beam_unity_most 16)

function(beam_unity)
    if(NOT BEAMCORE_UNITY)
        return()
    endif()
    find_package(Python3 REQUIRED COMPONENTS Interpreter)
    beam_unity_below("${PROJECT_SOURCE_DIR}")
endfunction()

function(beam_unity_below DIRECTORY)
    get_property(targets DIRECTORY "${DIRECTORY}" PROPERTY BUILDSYSTEM_TARGETS)
    foreach(target IN LISTS targets)
        get_target_property(type ${target} TYPE)
        if(NOT type STREQUAL "UTILITY" AND NOT type STREQUAL "INTERFACE_LIBRARY")
            beam_unity_of(${target} "${DIRECTORY}")
        endif()
    endforeach()
    get_property(folders DIRECTORY "${DIRECTORY}" PROPERTY SUBDIRECTORIES)
    foreach(folder IN LISTS folders)
        beam_unity_below("${folder}")
    endforeach()
endfunction()

function(beam_unity_of TARGET DIRECTORY)
    get_target_property(all ${TARGET} SOURCES)
    list(TRANSFORM all REPLACE "^([^/$].*)$" "${DIRECTORY}/\\1")
    set(sources ${all})
    list(FILTER sources INCLUDE REGEX "^${PROJECT_SOURCE_DIR}/.*\\.cpp$")
    list(FILTER sources EXCLUDE REGEX "^${PROJECT_BINARY_DIR}/")
    list(LENGTH sources count)
    if(count LESS 2)
        return()
    endif()
    execute_process(COMMAND ${Python3_EXECUTABLE} "${PROJECT_SOURCE_DIR}/scripts/batches.py"
        ${beam_unity_most} ${sources} OUTPUT_VARIABLE numbers COMMAND_ERROR_IS_FATAL ANY)
    string(REGEX MATCHALL "[0-9]+" numbers "${numbers}")
    foreach(source number IN ZIP_LISTS sources numbers)
        file(RELATIVE_PATH name "${PROJECT_SOURCE_DIR}" "${source}")
        string(APPEND text_${number} "#include \"${name}\"\n")
        list(APPEND batches ${number})
    endforeach()
    list(REMOVE_DUPLICATES batches)
    list(REMOVE_ITEM all ${sources})
    foreach(number IN LISTS batches)
        set(batch "${PROJECT_BINARY_DIR}/batches/${TARGET}_${number}.cpp")
        file(CONFIGURE OUTPUT "${batch}" CONTENT "${text_${number}}" @ONLY)
        list(APPEND all "${batch}")
    endforeach()
    set_target_properties(${TARGET} PROPERTIES SOURCES "${all}")
    target_include_directories(${TARGET} PRIVATE "${PROJECT_SOURCE_DIR}")
    # A batch's types are all in "headers", though no other source sees them.
    target_compile_options(${TARGET} PRIVATE $<$<CXX_COMPILER_ID:GNU>:-Wno-subobject-linkage>)
endfunction()
