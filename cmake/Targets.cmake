# The verbs by which folders describe themselves. Include paths start at the
# top of the tree, so that every include line names its floor.

# fan_library(NAME SOURCES a.c ... LIBS other PkgConfig::X ...)
function(fan_library name)
    cmake_parse_arguments(ARG "" "" "SOURCES;LIBS" ${ARGN})
    add_library(${name} STATIC ${ARG_SOURCES})
    target_include_directories(${name} PUBLIC ${CMAKE_SOURCE_DIR})
    target_link_libraries(${name} PUBLIC ${ARG_LIBS}
                          PRIVATE warnings hardening sanitize)
    if(SANITIZE OR WITH_FUZZ)
        target_link_libraries(${name} PUBLIC sanitize)
    endif()
endfunction()

# fan_program(NAME SOURCES main.c LIBS ... [DESTINATION folder])
function(fan_program name)
    cmake_parse_arguments(ARG "" "DESTINATION" "SOURCES;LIBS" ${ARGN})
    if(NOT ARG_DESTINATION)
        set(ARG_DESTINATION ${CMAKE_INSTALL_BINDIR})
    endif()
    add_executable(${name} ${ARG_SOURCES})
    target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR})
    target_link_libraries(${name} PRIVATE ${ARG_LIBS} warnings hardening
                          sanitize)
    install(TARGETS ${name} RUNTIME DESTINATION ${ARG_DESTINATION})
endfunction()
