# The compute core is one source, src/core/core.c, which is compiled once for each precision and instruction set. The
# library contains all these builds, and src/network/cpu.c chooses one when the program runs.

include(CheckCCompilerFlag)

# On Windows the stack is aligned to 16 bytes, and gcc doesn't align it to the 32 or 64 bytes that aligned moves of
# wider vectors need (https://gcc.gnu.org/bugzilla/show_bug.cgi?id=54412). The assembler makes all moves unaligned.
set(unaligned_moves)
if(WIN32 AND CMAKE_C_COMPILER_ID STREQUAL "GNU")
    set(unaligned_moves -Wa,-muse-unaligned-vector-move)
    check_c_compiler_flag(${unaligned_moves} librnn_have_unaligned_moves)
    if(NOT librnn_have_unaligned_moves)
        message(FATAL_ERROR "On Windows librnn needs binutils 2.38 or later with gcc, or else clang.")
    endif()
endif()

set(RNN_SETS_x86 avx2 avx512)
set(RNN_VECTOR_BYTES_baseline 16)
set(RNN_VECTOR_BYTES_avx2 32)
set(RNN_VECTOR_BYTES_avx512 64)
set(RNN_FLAGS_baseline)
set(RNN_FLAGS_avx2 -mavx2 -mfma)
set(RNN_FLAGS_avx512 -mfma -mavx512f -mavx512dq -mavx512bw -mavx512vl -mprefer-vector-width=512)

# Compiler settings of the core for a precision and an instruction set.
function(rnn_core_settings target precision instruction_set)
    target_compile_definitions(${target} PRIVATE
        RNN_CORE_PRECISION=${precision}
        RNN_CORE_VECTOR_BYTES=${RNN_VECTOR_BYTES_${instruction_set}}
    )
    target_compile_options(${target} PRIVATE
        $<$<NOT:$<CONFIG:Debug>>:-O2;-ftree-vectorize>
        $<$<C_COMPILER_ID:GNU>:-fvect-cost-model=dynamic>
        -fno-fast-math
        -ffp-contract=off # the same bits from every compiler and instruction set: see real.h
        -fno-math-errno
        -fno-trapping-math
        # So that a loop's speed doesn't depend on the code before it. Clang aligns loops since version 14.
        -falign-functions=64
        $<$<NOT:$<AND:$<C_COMPILER_ID:Clang,AppleClang>,$<VERSION_LESS:$<C_COMPILER_VERSION>,14>>>:-falign-loops=64>
        # No exception passes through it, and debuggers have their own tables. Windows needs these, though.
        $<$<NOT:$<BOOL:${WIN32}>>:-fno-asynchronous-unwind-tables>
        ${unaligned_moves}
        ${RNN_FLAGS_${instruction_set}}
    )
endfunction()

function(rnn_add_core instruction_set)
    foreach(precision IN ITEMS 32 64)
        set(name librnn_core_f${precision}_${instruction_set})
        add_library(${name} OBJECT ${PROJECT_SOURCE_DIR}/src/core/core.c)
        rnn_internal_settings(${name})
        rnn_core_settings(${name} ${precision} ${instruction_set})
        target_compile_definitions(${name} PRIVATE RNN_CORE_NAME=${name})
        target_sources(librnn_shared PRIVATE $<TARGET_OBJECTS:${name}>)
        target_sources(librnn_static PRIVATE $<TARGET_OBJECTS:${name}>)
    endforeach()
endfunction()

# Adds a build of the core for each instruction set that the compiler supports. Defines RNN_HAVE_AVX2 and so on for
# src/network/cpu.c, and sets RNN_INSTRUCTION_SETS to the list of their names. The baseline of AArch64 is NEON.
function(rnn_add_compute_core)
    set(instruction_sets baseline)
    rnn_add_core(baseline)

    if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|amd64|AMD64|i[3-6]86|x86)$")
        foreach(set IN LISTS RNN_SETS_x86)
            check_c_compiler_flag("${RNN_FLAGS_${set}}" librnn_have_${set})
            if(librnn_have_${set})
                rnn_add_core(${set})
                string(TOUPPER RNN_HAVE_${set} have)
                target_compile_definitions(librnn_objects PRIVATE ${have})
                list(APPEND instruction_sets ${set})
            endif()
        endforeach()
    endif()

    set(RNN_INSTRUCTION_SETS ${instruction_sets} PARENT_SCOPE)
endfunction()
