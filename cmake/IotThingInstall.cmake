# "cmake --install": header, archive, a CMake package and a pkg-config file. All of it finds itself by
# where it lies, so the whole tree can be moved.
function(iot_thing_install archive)
    include(GNUInstallDirs)
    include(CMakePackageConfigHelpers)
    set(package "${CMAKE_INSTALL_LIBDIR}/cmake/iot_thing")

    install(FILES "${PROJECT_SOURCE_DIR}/include/iot_thing.h"
        DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}")
    install(FILES "${archive}" DESTINATION "${CMAKE_INSTALL_LIBDIR}" RENAME libiot_thing.a)
    install(FILES "${PROJECT_SOURCE_DIR}/LICENSE-MIT" "${PROJECT_SOURCE_DIR}/LICENSE-APACHE"
        DESTINATION "${CMAKE_INSTALL_DATADIR}/licenses/iot_thing")

    # The installed target is the same one, with the archive that lies beside its package.
    target_include_directories(iot_thing INTERFACE
        "$<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>")
    target_link_libraries(iot_thing INTERFACE
        "$<INSTALL_INTERFACE:$<INSTALL_PREFIX>/${CMAKE_INSTALL_LIBDIR}/libiot_thing.a>")
    install(TARGETS iot_thing EXPORT iot_thing)
    install(EXPORT iot_thing NAMESPACE iot_thing:: FILE iot_thing-config.cmake
        DESTINATION "${package}")
    # While the major version is 0 a new minor version may break the ABI.
    write_basic_package_version_file("${PROJECT_BINARY_DIR}/iot_thing-config-version.cmake"
        COMPATIBILITY SameMinorVersion)
    install(FILES "${PROJECT_BINARY_DIR}/iot_thing-config-version.cmake" DESTINATION "${package}")

    file(RELATIVE_PATH prefix "/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/")
    string(REGEX REPLACE "/$" "" iot_thing_pc_prefix "\${pcfiledir}/${prefix}")
    configure_file("${IOT_THING_CMAKE_DIR}/iot_thing.pc.in" "${PROJECT_BINARY_DIR}/iot_thing.pc"
        @ONLY)
    install(FILES "${PROJECT_BINARY_DIR}/iot_thing.pc"
        DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
endfunction()
