# beam_application(NAME VERSION v SOURCES x.cpp... [PACKAGES name...] [LIBRARIES target...]
#     [FILES extra...] [ANSWERS prefix...] [NO_INSTALL])
#
# An application: the module NAME.so that a node loads, in apps/NAME-VERSION of the build folder
# (BEAM_APPLICATIONS_DIR), with FILES (NAME.app, NAME.appup) beside it. The target is
# NAME-VERSION, so that two versions of one application can be built side by side. With ANSWERS it also
# has methods `prefix.*`: apps/prefix.alias tells the node whose they are.
#
# The flags keep a module apart from the node and from other versions of itself, and let it be
# unmapped; lint-module then reads the finished file and fails the build if one was lost.
#   -fno-gnu-unique         else a static of an inline function pins v1, and v2 shares it
#   -fvisibility...=hidden  else a class named like one of the host's runs the host's functions
#   version script          the entry is all that is exported
#   -z now, -z defs         a missing symbol shows at the build, not at its first call
# Never: -z nodelete, -ftls-model=initial-exec, -Bsymbolic.
set(BEAM_CMAKE_DIR "${CMAKE_CURRENT_LIST_DIR}")

function(beam_application NAME)
    cmake_parse_arguments(PARSE_ARGV 1 arg "NO_INSTALL" "VERSION"
        "SOURCES;PACKAGES;LIBRARIES;FILES;ANSWERS")
    if(NOT arg_VERSION OR NOT arg_SOURCES OR arg_UNPARSED_ARGUMENTS)
        message(FATAL_ERROR "beam_application(${NAME} VERSION v SOURCES x.cpp...), not ${ARGN}")
    endif()
    set(target "${NAME}-${arg_VERSION}")
    set(apps "${BEAM_APPLICATIONS_DIR}")
    if(NOT apps)
        set(apps "${PROJECT_BINARY_DIR}/apps")
    endif()
    set(map "${BEAM_CMAKE_DIR}/application.map")
    find_program(lint lint-module NO_CACHE
        PATHS "${BEAM_CMAKE_DIR}" "${BEAM_CMAKE_DIR}/.." NO_DEFAULT_PATH REQUIRED)

    add_library(${target} MODULE ${arg_SOURCES})
    set_property(GLOBAL APPEND PROPERTY BEAM_APPLICATIONS ${target})
    set_target_properties(${target} PROPERTIES
        PREFIX "" OUTPUT_NAME "${NAME}" LIBRARY_OUTPUT_DIRECTORY "${apps}/${target}"
        CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON
        LINK_DEPENDS "${map}")
    target_compile_options(${target} PRIVATE -fno-gnu-unique)
    target_compile_definitions(${target} PRIVATE
        BEAM_APPLICATION_NAME="${NAME}" BEAM_APPLICATION_VERSION="${arg_VERSION}")
    target_link_options(${target} PRIVATE
        "-Wl,--version-script=${map}" -Wl,-z,now -Wl,-z,defs)
    target_link_libraries(${target} PRIVATE beamcore::beamcore ${arg_LIBRARIES})
    if(TARGET beam_warnings)
        target_link_libraries(${target} PRIVATE beam_warnings)
    endif()
    if(arg_PACKAGES)
        beam_packages(packages ${arg_PACKAGES})
        target_link_libraries(${target} PRIVATE ${packages})
    endif()
    foreach(file IN LISTS arg_FILES)
        add_custom_command(TARGET ${target} POST_BUILD VERBATIM COMMAND
            ${CMAKE_COMMAND} -E copy_if_different "${CMAKE_CURRENT_SOURCE_DIR}/${file}"
            "${apps}/${target}/")
    endforeach()
    foreach(prefix IN LISTS arg_ANSWERS)
        file(CONFIGURE OUTPUT "${apps}/${prefix}.alias" CONTENT "${NAME}\n")
    endforeach()
    add_custom_command(TARGET ${target} POST_BUILD VERBATIM
        COMMAND ${lint} "$<TARGET_FILE:${target}>")

    if(BEAM_APPLICATIONS_INSTALL_DIR AND NOT arg_NO_INSTALL)
        set(dir "${BEAM_APPLICATIONS_INSTALL_DIR}/${target}")
        # libbeamcore.so is two folders up, where the node that loads this has it open already.
        set_target_properties(${target} PROPERTIES INSTALL_RPATH "$ORIGIN/../..")
        install(TARGETS ${target} LIBRARY DESTINATION "${dir}")
        install(FILES ${arg_FILES} DESTINATION "${dir}")
        foreach(prefix IN LISTS arg_ANSWERS)
            install(FILES "${apps}/${prefix}.alias"
                DESTINATION "${BEAM_APPLICATIONS_INSTALL_DIR}")
        endforeach()
    endif()
endfunction()
