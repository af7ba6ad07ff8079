# What `cmake --install` gives besides the tools and applications, which install themselves: the
# library with its headers and CMake package, man pages, completions, systemd units.
install(TARGETS beamcore EXPORT beamcore
    LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}")
foreach(layer IN LISTS BEAM_LAYERS)
    install(TARGETS beam_${layer} FILE_SET HEADERS DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}")
endforeach()
install(FILES "${PROJECT_BINARY_DIR}/generated/libbeamcore/base/detail/abi_headers.hpp"
    DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}/libbeamcore/base/detail")

set(package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/beamcore")
install(EXPORT beamcore NAMESPACE beamcore:: FILE beamcoreTargets.cmake DESTINATION "${package_dir}")
configure_package_config_file("${PROJECT_SOURCE_DIR}/scripts/cmake/beamcoreConfig.cmake.in"
    "${PROJECT_BINARY_DIR}/beamcoreConfig.cmake" INSTALL_DESTINATION "${package_dir}"
    PATH_VARS BEAM_APPLICATIONS_INSTALL_DIR)
write_basic_package_version_file("${PROJECT_BINARY_DIR}/beamcoreConfigVersion.cmake"
    COMPATIBILITY SameMinorVersion)
install(FILES
    "${PROJECT_BINARY_DIR}/beamcoreConfig.cmake" "${PROJECT_BINARY_DIR}/beamcoreConfigVersion.cmake"
    "${PROJECT_SOURCE_DIR}/scripts/cmake/BeamApplication.cmake"
    "${PROJECT_SOURCE_DIR}/scripts/cmake/application.map"
    DESTINATION "${package_dir}")
install(PROGRAMS "${PROJECT_SOURCE_DIR}/scripts/lint-module" DESTINATION "${package_dir}")
install(FILES "${PROJECT_SOURCE_DIR}/LICENSE" DESTINATION "${CMAKE_INSTALL_DOCDIR}")

if(NOT BEAMCORE_BUILD_TOOLS)
    return()
endif()

# A tool's man page is man/NAME.1.scd, its completions are completions/NAME.bash, _NAME (zsh) and
# NAME.fish.
set(man_pages
    beamcore.7 beamd.1 chatctl.1 observer.1 ratelimit.1 breaker.1 kv.1 pipeline.1 faultlab.1 cache.1
    presence.1 reltool.1 metricsctl.1)
find_program(SCDOC_PROGRAM scdoc)
foreach(page IN LISTS man_pages)
    set(source "${PROJECT_SOURCE_DIR}/man/${page}.scd")
    if(SCDOC_PROGRAM AND EXISTS "${source}")
        set(made "${PROJECT_BINARY_DIR}/man/${page}")
        add_custom_command(OUTPUT "${made}" VERBATIM
            COMMAND ${CMAKE_COMMAND} -E make_directory "${PROJECT_BINARY_DIR}/man"
            COMMAND sh -c "SOURCE_DATE_EPOCH=0 \"$0\" <\"$1\" >\"$2\"" "${SCDOC_PROGRAM}" "${source}" "${made}"
            DEPENDS "${source}")
        list(APPEND pages_made "${made}")
        string(REGEX REPLACE ".*\\." "" section "${page}")
        install(FILES "${made}" DESTINATION "${CMAKE_INSTALL_MANDIR}/man${section}")
    endif()
    string(REGEX REPLACE "\\.[0-9]$" "" tool "${page}")
    set(completions "${PROJECT_SOURCE_DIR}/completions")
    if(EXISTS "${completions}/${tool}.bash")
        install(FILES "${completions}/${tool}.bash" RENAME "${tool}"
            DESTINATION "${CMAKE_INSTALL_DATADIR}/bash-completion/completions")
    endif()
    if(EXISTS "${completions}/_${tool}")
        install(FILES "${completions}/_${tool}"
            DESTINATION "${CMAKE_INSTALL_DATADIR}/zsh/site-functions")
    endif()
    if(EXISTS "${completions}/${tool}.fish")
        install(FILES "${completions}/${tool}.fish"
            DESTINATION "${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d")
    endif()
endforeach()
if(pages_made)
    add_custom_target(man ALL DEPENDS ${pages_made})
endif()

if(TARGET beamd)
    set(units "${PROJECT_BINARY_DIR}/systemd")
    foreach(kind user system)
        # Only when it is installed is the prefix known for sure (cmake --install --prefix).
        install(CODE "
            get_filename_component(CMAKE_INSTALL_FULL_BINDIR \"${CMAKE_INSTALL_BINDIR}\" ABSOLUTE
                BASE_DIR \"\${CMAKE_INSTALL_PREFIX}\")
            configure_file(\"${PROJECT_SOURCE_DIR}/scripts/systemd/beamd-${kind}.service.in\"
                \"${units}/${kind}/beamd.service\" @ONLY)")
        install(FILES "${units}/${kind}/beamd.service"
            "${PROJECT_SOURCE_DIR}/scripts/systemd/beamd.socket"
            DESTINATION "lib/systemd/${kind}")
    endforeach()
endif()
