# Compiler settings for all C code in this project. rnn_internal_settings() adds those for the library's own sources.
# None of them affects a project that contains this one.

if(top_level AND NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
    set(CMAKE_BUILD_TYPE RelWithDebInfo)
endif()

set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_UNITY_BUILD OFF) # sources may have static functions of the same name

add_compile_options(
    -Wall
    -Wconversion
    -Wextra
    $<$<COMPILE_LANGUAGE:C>:-Wmissing-prototypes>
    -Wpointer-arith
    -Wshadow
    $<$<COMPILE_LANGUAGE:C>:-Wstrict-prototypes>
    -Wundef
    -Wvla
    # Enumerators are this project's integer constants, and clang 22 warns if doubles are computed with them.
    $<$<C_COMPILER_ID:Clang,AppleClang>:-Wno-enum-float-conversion>
)
if(WIN32)
    # gcc checks formats by the rules of Microsoft's C library, and mingw-w64's isfinite() converts in vain.
    add_compile_options(-Wno-format -Wno-float-conversion)
    add_compile_definitions(__USE_MINGW_ANSI_STDIO=1)
endif()
# Each operation must round its result to the type of its operands. On i386, SSE2 does so, and the x87 unit doesn't.
# On s390x, gcc otherwise computes floats as doubles.
include(CheckCSourceCompiles)
foreach(flags IN ITEMS "" "-msse2 -mfpmath=sse" "-fexcess-precision=fast")
    string(MAKE_C_IDENTIFIER "librnn_rounds${flags}" rounds)
    set(CMAKE_REQUIRED_FLAGS "-std=c11 ${flags}")
    check_c_source_compiles("
        #include <float.h>
        _Static_assert(FLT_EVAL_METHOD == 0, \"\");
        int main(void) { return 0; }
    " ${rounds})
    unset(CMAKE_REQUIRED_FLAGS)
    if(${rounds})
        separate_arguments(flags)
        add_compile_options(${flags})
        break()
    endif()
endforeach()

if(top_level AND RNN_WERROR)
    add_compile_options(-Werror)
endif()

if(top_level AND RNN_SANITIZE)
    add_compile_options(-fsanitize=${RNN_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
    add_link_options(-fsanitize=${RNN_SANITIZE})
endif()

# Settings for the objects of the libraries. Only functions that the header marks are visible outside.
function(rnn_internal_settings target)
    set_target_properties(${target} PROPERTIES POSITION_INDEPENDENT_CODE ON C_VISIBILITY_PRESET hidden)
    target_compile_definitions(${target} PRIVATE _FILE_OFFSET_BITS=64)
    # On macOS and FreeBSD, _POSIX_C_SOURCE alone hides functions that POSIX hasn't.
    if(APPLE)
        target_compile_definitions(${target} PRIVATE _DARWIN_C_SOURCE)
    elseif(NOT CMAKE_SYSTEM_NAME STREQUAL "FreeBSD")
        target_compile_definitions(${target} PRIVATE _POSIX_C_SOURCE=200809L)
    endif()
    target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR}/include ${PROJECT_SOURCE_DIR}/src)
endfunction()

# Writes the names of the functions that the header declares, for the linker of Windows.
function(rnn_list_exports file)
    string(REGEX MATCHALL "\nRNN_API [A-Za-z0-9_ *]+\\(" declarations "${header}")
    list(TRANSFORM declarations REPLACE "^.*[ *](rnn_[a-z0-9_]+)\\($" "    \\1")
    list(JOIN declarations "\n" names)
    file(CONFIGURE OUTPUT ${file} CONTENT "EXPORTS\n${names}\n")
endfunction()
