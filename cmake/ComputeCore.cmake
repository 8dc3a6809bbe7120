# The compute core is one source, src/core/core.c, compiled once for each precision and instruction set. All of them are
# in the library; src/cpu.c picks one when the program runs.

include(CheckCCompilerFlag)

# rnn_add_core(<instruction set> <bytes of a vector> [<compiler option>...])
function(rnn_add_core instruction_set vector_bytes)
    foreach(precision IN ITEMS 32 64)
        set(name rnn_core_f${precision}_${instruction_set})
        add_library(${name} OBJECT ${PROJECT_SOURCE_DIR}/src/core/core.c)
        rnn_internal_settings(${name})
        target_compile_definitions(${name} PRIVATE
            RNN_CORE_NAME=${name}
            RNN_CORE_PRECISION=${precision}
            RNN_CORE_VECTOR_BYTES=${vector_bytes}
        )
        target_compile_options(${name} PRIVATE
            $<$<NOT:$<CONFIG:Debug>>:-O3>
            -ffp-contract=fast
            -fno-math-errno
            -fno-trapping-math
            ${ARGN}
        )
        if(OpenMP_C_FOUND)
            target_compile_options(${name} PRIVATE ${OpenMP_C_FLAGS})
        endif()
        target_sources(rnn PRIVATE $<TARGET_OBJECTS:${name}>)
        target_sources(rnn_static PRIVATE $<TARGET_OBJECTS:${name}>)
    endforeach()
endfunction()

# Adds the core for all instruction sets that the compiler knows, tells src/cpu.c which they are (RNN_HAVE_AVX2, ...),
# and leaves their names in RNN_INSTRUCTION_SETS.
function(rnn_add_compute_core)
    set(instruction_sets baseline)
    rnn_add_core(baseline 16)

    if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|amd64|AMD64)$" AND CMAKE_SIZEOF_VOID_P EQUAL 8)
        set(avx2_bytes 32)
        set(avx2_flags -mavx2 -mfma)
        set(avx512_bytes 64)
        set(avx512_flags -mavx512f -mavx512dq -mavx512bw -mavx512vl -mprefer-vector-width=512)
        foreach(set IN ITEMS avx2 avx512)
            string(TOUPPER RNN_HAVE_${set} have)
            check_c_compiler_flag("${${set}_flags}" ${have})
            if(${have})
                rnn_add_core(${set} ${${set}_bytes} ${${set}_flags})
                target_compile_definitions(rnn_objects PRIVATE ${have})
                list(APPEND instruction_sets ${set})
            endif()
        endforeach()
    endif()

    set(RNN_INSTRUCTION_SETS ${instruction_sets} PARENT_SCOPE)
endfunction()
