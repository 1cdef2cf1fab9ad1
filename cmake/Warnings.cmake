# Three interface targets: `warnings` for our own code, `hardening` and
# `sanitize` for all of it.
include(CheckCCompilerFlag)

add_library(warnings INTERFACE)
foreach(flag
        -Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow
        -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition
        -Wvla -Wundef -Wpointer-arith -Wcast-qual -Wwrite-strings
        -Wformat=2 -Wimplicit-fallthrough -Wswitch-enum -Wnull-dereference
        -Wduplicated-cond -Wduplicated-branches -Wlogical-op
        -Wjump-misses-init -Wcomma -Wunreachable-code)
    string(MAKE_C_IDENTIFIER "has${flag}" has)
    check_c_compiler_flag(${flag} ${has})
    if(${has})
        target_compile_options(warnings INTERFACE ${flag})
    endif()
endforeach()

add_library(hardening INTERFACE)
target_compile_options(hardening INTERFACE -fstack-protector-strong -fPIE
    $<$<NOT:$<CONFIG:Debug>>:-D_FORTIFY_SOURCE=2>)
target_link_options(hardening INTERFACE -pie -Wl,-z,relro -Wl,-z,now
    -Wl,-z,noexecstack -Wl,--as-needed)
check_c_compiler_flag(-fstack-clash-protection has_stack_clash)
if(has_stack_clash)
    target_compile_options(hardening INTERFACE -fstack-clash-protection)
endif()

add_library(sanitize INTERFACE)
if(SANITIZE)
    target_compile_options(sanitize INTERFACE -fsanitize=${SANITIZE}
        -fno-sanitize-recover=all -fno-omit-frame-pointer)
    target_link_options(sanitize INTERFACE -fsanitize=${SANITIZE})
endif()
if(WITH_FUZZ)
    target_compile_options(sanitize INTERFACE -fsanitize=fuzzer-no-link)
endif()
