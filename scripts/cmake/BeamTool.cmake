# beam_tool(NAME SOURCES x.cpp... [PACKAGES name...] [LIBRARIES target...] [NO_INSTALL] [STANDALONE])
#
# A program in bin/, linked to libbeamcore and, where that exists, to tools/common (beam_tool_common). With
# STANDALONE not to libbeamcore: a client that needs nothing of it starts in half the time.
function(beam_tool NAME)
    cmake_parse_arguments(PARSE_ARGV 1 arg "NO_INSTALL;STANDALONE" "" "SOURCES;PACKAGES;LIBRARIES")
    if(NOT arg_SOURCES OR arg_UNPARSED_ARGUMENTS)
        message(FATAL_ERROR "beam_tool(${NAME} SOURCES x.cpp...), not ${ARGN}")
    endif()
    beam_packages(packages ${arg_PACKAGES})
    add_executable(${NAME} ${arg_SOURCES})
    target_include_directories(${NAME} PRIVATE "${PROJECT_SOURCE_DIR}")
    # First, so that it finds in itself what libbeamcore has too: a tool that uses nothing else of
    # libbeamcore does not load it.
    if(TARGET beam_tool_common)
        target_link_libraries(${NAME} PRIVATE beam_tool_common)
    endif()
    target_link_libraries(${NAME} PRIVATE ${arg_LIBRARIES} ${packages} beam_warnings)
    if(arg_STANDALONE)
        # Three libraries less to load and to relocate (chatctl list: 1.8 ms with them, 1.2 without).
        target_link_options(${NAME} PRIVATE -static-libstdc++ -static-libgcc)
    else()
        target_link_libraries(${NAME} PRIVATE beamcore::beamcore)
    endif()
    if(NOT arg_NO_INSTALL)
        install(TARGETS ${NAME} RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}")
    endif()
endfunction()
