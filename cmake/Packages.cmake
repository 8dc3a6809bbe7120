# Describes the packages that CPack makes: a tarball that can be unpacked anywhere, and Debian's packages.

set(CPACK_GENERATOR TGZ)
set(CPACK_PACKAGE_DIRECTORY ${PROJECT_BINARY_DIR}/packages)
set(CPACK_PACKAGE_FILE_NAME librnn-${PROJECT_VERSION}-${CMAKE_SYSTEM_NAME}-${CMAKE_SYSTEM_PROCESSOR})
set(CPACK_PRE_BUILD_SCRIPTS ${PROJECT_BINARY_DIR}/BeforePackaging.cmake)
set(CPACK_STRIP_FILES ON)
set(CPACK_VERBATIM_VARIABLES ON)
# Without this, CPack would install a file with an absolute destination on this machine.
set(CPACK_ERROR_ON_ABSOLUTE_INSTALL_DESTINATION ON)
if(NOT CPACK_PACKAGE_CONTACT)
    set(CPACK_PACKAGE_CONTACT "The librnn authors <librnn@packages.invalid>")
endif()

find_program(RNN_DPKG_SHLIBDEPS dpkg-shlibdeps DOC "Debian's tool that finds the packages of shared libraries")
mark_as_advanced(RNN_DPKG_SHLIBDEPS)
configure_file(cmake/BeforePackaging.cmake.in BeforePackaging.cmake @ONLY)
if(NOT RNN_DPKG_SHLIBDEPS)
    include(CPack)
    return()
endif()

# ---- Debian's packages ----

set(debian ${PROJECT_BINARY_DIR}/debian)
set(debian_sources ${PROJECT_SOURCE_DIR}/cmake/debian)
set(debian_revision 0librnn1) # less than the revision 1 of a package that Debian makes
set(debian_version ${PROJECT_VERSION}-${debian_revision})
set(debian_library librnn${PROJECT_VERSION_MAJOR})
string(TIMESTAMP date "%a, %d %b %Y %H:%M:%S +0000" UTC)
foreach(file IN ITEMS changelog METADATA shlibs)
    configure_file(${debian_sources}/${file}.in ${debian}/${file} @ONLY)
endforeach()
file(WRITE ${debian}/triggers "activate-noawait ldconfig\n")
file(WRITE ${debian}/INSTALLER "dpkg\n")
execute_process(COMMAND gzip -9nc ${debian}/changelog OUTPUT_FILE ${debian}/changelog.Debian.gz)
execute_process(COMMAND gzip -9nc ${PROJECT_SOURCE_DIR}/docs/changelog.md OUTPUT_FILE ${debian}/changelog.gz)

set(CPACK_COMPONENTS_ALL)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_COMPRESSION_TYPE xz)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_RELEASE ${debian_revision})
set(CPACK_DEBIAN_PACKAGE_SOURCE librnn)
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "") # each package has its own
if(CMAKE_CROSSCOMPILING AND CMAKE_LIBRARY_ARCHITECTURE)
    execute_process(COMMAND dpkg-architecture --host-type ${CMAKE_LIBRARY_ARCHITECTURE} --query DEB_HOST_ARCH
        OUTPUT_VARIABLE CPACK_DEBIAN_PACKAGE_ARCHITECTURE OUTPUT_STRIP_TRAILING_WHITESPACE)
endif()

# Makes a package of a component. After this call, ${field} begins the names of the variables that describe the package.
macro(rnn_debian_package component package section summary contents)
    string(TOUPPER CPACK_DEBIAN_${component} field)
    list(APPEND CPACK_COMPONENTS_ALL ${component})
    set(${field}_PACKAGE_NAME ${package})
    set(${field}_PACKAGE_SECTION ${section})
    set(${field}_DESCRIPTION "recurrent neural networks, trained and run from C - ${summary}
librnn trains and runs recurrent neural networks: vanilla RNNs, GRUs and
LSTMs. Their input can be text, other symbols, or vectors of numbers.

${contents}")
    rnn_debian_install(${component} share/doc/${package} FILES ${debian}/changelog.Debian.gz)
    rnn_debian_install(${component} share/doc/${package} FILES LICENSE RENAME copyright)
endmacro()

# Adds files to a package that aren't installed otherwise.
function(rnn_debian_install component destination)
    install(${ARGN} DESTINATION ${destination} COMPONENT ${component} EXCLUDE_FROM_ALL)
endfunction()

rnn_debian_package(librnn_runtime ${debian_library} libs "shared library"
    "This package contains the shared library.")
set(${field}_PACKAGE_CONTROL_EXTRA ${debian}/shlibs ${debian}/triggers)
rnn_debian_install(librnn_runtime share/doc/${debian_library} FILES ${debian}/changelog.gz)

rnn_debian_package(librnn_development librnn-dev libdevel "development files"
    "This package contains the header, the static library, and the files with
which pkg-config and CMake find librnn.")
set(${field}_PACKAGE_DEPENDS "${debian_library} (= ${debian_version})")
if(RNN_WITH_FILES)
    string(APPEND ${field}_PACKAGE_DEPENDS ", libjansson-dev (>= 2.10)")
endif()
set(${field}_PACKAGE_SUGGESTS librnn-doc)

rnn_debian_package(librnn_documentation librnn-doc doc "documentation"
    "This package contains the manual: a tutorial, the API, the formulas and the
file formats.")
set(${field}_PACKAGE_ARCHITECTURE all)
set(${field}_PACKAGE_DEPENDS libjs-mathjax)
rnn_debian_install(librnn_documentation share/doc/librnn-doc DIRECTORY ${PROJECT_BINARY_DIR}/docs/html)
rnn_debian_install(librnn_documentation share/doc-base FILES ${debian_sources}/librnn-doc)

rnn_debian_package(librnn_python python3-librnn python "Python 3 module"
    "This package contains the module librnn. It can use the arrays of numpy,
but doesn't need numpy.")
set(${field}_PACKAGE_ARCHITECTURE all)
set(${field}_PACKAGE_DEPENDS "${debian_library} (>= ${PROJECT_VERSION}), python3:any (>= 3.9)")
set(${field}_PACKAGE_SUGGESTS python3-numpy)
set(${field}_PACKAGE_CONTROL_EXTRA ${debian_sources}/postinst ${debian_sources}/prerm)
file(GLOB modules CONFIGURE_DEPENDS examples/ffi/python/librnn/*.py)
set(python lib/python3/dist-packages)
rnn_debian_install(librnn_python ${python}/librnn FILES ${modules})
rnn_debian_install(librnn_python ${python}/librnn-${PROJECT_VERSION}.dist-info
    FILES ${debian}/METADATA ${debian}/INSTALLER)

include(CPack)
add_custom_target(deb
    COMMAND ${CMAKE_CPACK_COMMAND} -G DEB -C $<CONFIG>
    WORKING_DIRECTORY ${PROJECT_BINARY_DIR}
    VERBATIM
)
add_dependencies(deb docs librnn_shared librnn_static)
