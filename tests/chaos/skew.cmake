# skew - the programs in other versions of the protocol, from the same sources:
# newer speaks 2 and still 1, later has given 1 up. What does not depend on the
# version comes from the libraries.
set(skew_libraries_fan fan_command)
set(skew_libraries_fan-ventilator fan_ventilator)
set(skew_libraries_fan-sink fan_sink)
set(skew_libraries_fan-worker fan_worker)
set(skew_folder_fan command)
set(skew_folder_fan-ventilator ventilator)
set(skew_folder_fan-sink sink)
set(skew_folder_fan-worker worker)

# The sources of a folder in which the version is named.
function(skew_sources folder found)
    file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/${folder}/*.c)
    set(named)
    foreach(source ${sources})
        file(STRINGS ${source} lines REGEX WIRE_VERSION LIMIT_COUNT 1)
        if(lines)
            list(APPEND named ${source})
        endif()
    endforeach()
    set(${found} ${named} PARENT_SCOPE)
endfunction()

# skew(NAME VERSION OLDEST): build/PRESET/skew/NAME
function(skew name version oldest)
    skew_sources(common/wire wire)
    add_library(skew_${name}_wire OBJECT ${wire})
    foreach(program fan fan-ventilator fan-sink fan-worker)
        skew_sources(${skew_folder_${program}} own)
        add_executable(skew-${name}-${program}
            ${CMAKE_SOURCE_DIR}/${skew_folder_${program}}/main.c ${own}
            $<TARGET_OBJECTS:skew_${name}_wire>)
        set_target_properties(skew-${name}-${program} PROPERTIES
            OUTPUT_NAME ${program}
            RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/skew/${name})
        target_link_libraries(skew-${name}-${program} PRIVATE
            ${skew_libraries_${program}} fan_common warnings hardening)
    endforeach()
    foreach(target skew_${name}_wire skew-${name}-fan skew-${name}-fan-sink
            skew-${name}-fan-ventilator skew-${name}-fan-worker)
        target_include_directories(${target} PRIVATE ${CMAKE_SOURCE_DIR})
        target_compile_definitions(${target} PRIVATE
            FAN_WIRE_VERSION=${version} FAN_WIRE_VERSION_MIN=${oldest})
    endforeach()
    target_link_libraries(skew_${name}_wire PRIVATE warnings hardening
                          fan_common)
endfunction()

skew(newer 2 1)
skew(later 2 2)
