# What a plugin needs from an installed fan: the header, a target fan::fan for
# CMake's find_package(fan), and fan.pc for everything else. There is nothing to
# link: the program that loads a plugin has what fan.h declares. All of it finds
# itself from where it lies, so that the prefix can be moved.
include(CMakePackageConfigHelpers)

set(package ${CMAKE_INSTALL_LIBDIR}/cmake/fan)
add_library(fan_header INTERFACE)
set_target_properties(fan_header PROPERTIES EXPORT_NAME fan)
target_include_directories(fan_header INTERFACE
    $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
install(TARGETS fan_header EXPORT fan)
install(EXPORT fan NAMESPACE fan:: FILE fan-config.cmake
        DESTINATION ${package})
write_basic_package_version_file(${CMAKE_BINARY_DIR}/fan-config-version.cmake
    COMPATIBILITY SameMajorVersion ARCH_INDEPENDENT)
install(FILES ${CMAKE_BINARY_DIR}/fan-config-version.cmake
        DESTINATION ${package})

file(RELATIVE_PATH TO_PREFIX /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
string(REGEX REPLACE "/$" "" TO_PREFIX ${TO_PREFIX})
configure_file(cmake/fan.pc.in fan.pc @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/fan.pc
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

install(FILES include/fan.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(DIRECTORY examples DESTINATION ${CMAKE_INSTALL_DOCDIR}
        USE_SOURCE_PERMISSIONS PATTERN __pycache__ EXCLUDE)
install(FILES LICENSE README.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY docs DESTINATION ${CMAKE_INSTALL_DOCDIR}
        FILES_MATCHING PATTERN "*.md" PATTERN "*.png" PATTERN "*.json"
        PATTERN man EXCLUDE)
