# Installs the header, both libraries, and the files with which pkg-config and find_package(librnn) find them.

include(CMakePackageConfigHelpers)
include(GNUInstallDirs)

set(CMAKE_INSTALL_DEFAULT_COMPONENT_NAME librnn_development)
install(FILES include/rnn/rnn.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/rnn)
install(TARGETS librnn_shared librnn_static EXPORT librnnTargets
    RUNTIME COMPONENT librnn_runtime
    LIBRARY COMPONENT librnn_runtime NAMELINK_COMPONENT librnn_development
    ARCHIVE COMPONENT librnn_development
    INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
)
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DATAROOTDIR}/doc/librnn COMPONENT librnn_license)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/librnn)
install(EXPORT librnnTargets NAMESPACE librnn:: DESTINATION ${package_dir})
configure_package_config_file(cmake/librnnConfig.cmake.in librnnConfig.cmake INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(librnnConfigVersion.cmake COMPATIBILITY SameMajorVersion)
install(
    FILES ${PROJECT_BINARY_DIR}/librnnConfig.cmake ${PROJECT_BINARY_DIR}/librnnConfigVersion.cmake
    DESTINATION ${package_dir}
)

# The paths in librnn.pc are relative to the file itself, so that an installed tree can be moved.
set(pkgconfig_dir ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig)
cmake_path(RELATIVE_PATH CMAKE_INSTALL_PREFIX BASE_DIRECTORY "${pkgconfig_dir}" OUTPUT_VARIABLE to_prefix)
cmake_path(RELATIVE_PATH CMAKE_INSTALL_FULL_INCLUDEDIR BASE_DIRECTORY "${pkgconfig_dir}" OUTPUT_VARIABLE to_include)
set(pkgconfig_private "-lm")
if(RNN_WITH_THREADS)
    string(APPEND pkgconfig_private " -pthread")
endif()
set(pkgconfig_requires)
if(RNN_WITH_FILES)
    set(pkgconfig_requires "jansson >= 2.10")
endif()
configure_file(cmake/librnn.pc.in librnn.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/librnn.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
