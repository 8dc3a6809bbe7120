# Checks that this machine has everything that librnn needs, and finds the libraries.

if(top_level AND PROJECT_SOURCE_DIR STREQUAL PROJECT_BINARY_DIR)
    message(FATAL_ERROR "librnn can't be built in its source directory. Delete CMakeCache.txt and CMakeFiles, which "
                        "CMake has just created there, and give another directory: cmake -S . -B build")
endif()

# The core needs a compiler with gcc's options and attributes. Apple numbers its versions of clang differently.
set(needed_GNU 10)
set(needed_Clang 13)
set(needed_AppleClang 13.1.6)
set(needed ${needed_${CMAKE_C_COMPILER_ID}})
if(NOT needed OR CMAKE_C_COMPILER_VERSION VERSION_LESS needed OR CMAKE_C_COMPILER_FRONTEND_VARIANT STREQUAL "MSVC")
    message(FATAL_ERROR "librnn needs gcc ${needed_GNU}, clang ${needed_Clang}, Apple's clang ${needed_AppleClang} or "
                        "a later one of these; ${CMAKE_C_COMPILER} is "
                        "${CMAKE_C_COMPILER_ID} ${CMAKE_C_COMPILER_VERSION}. Choose another with -DCMAKE_C_COMPILER.")
endif()

if(RNN_WITH_THREADS)
    find_package(Threads REQUIRED)
endif()
if(NOT RNN_WITH_FILES)
    return()
endif()
find_package(PkgConfig)
if(PKG_CONFIG_FOUND)
    pkg_check_modules(librnn_jansson IMPORTED_TARGET jansson)
endif()
if(NOT PKG_CONFIG_FOUND OR NOT librnn_jansson_FOUND)
    message(FATAL_ERROR "librnn needs pkg-config and jansson 2.10 or later (on Debian: pkg-config, libjansson-dev). "
                        "With -DRNN_WITH_FILES=OFF it needs neither, but can't save or load models.")
endif()
if(librnn_jansson_VERSION VERSION_LESS 2.10)
    message(FATAL_ERROR "librnn needs jansson 2.10 or later; pkg-config finds ${librnn_jansson_VERSION}.")
endif()
