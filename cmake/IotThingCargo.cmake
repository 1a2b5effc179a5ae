# Builds the Rust library as a static archive and wraps it in the target iot_thing::iot_thing.
include("${CMAKE_CURRENT_LIST_DIR}/IotThingTarget.cmake")
include("${CMAKE_CURRENT_LIST_DIR}/IotThingInstall.cmake")
set(IOT_THING_CMAKE_DIR "${CMAKE_CURRENT_LIST_DIR}")

# Stops the configuration with a text that names the way out.
function(iot_thing_fail text)
    message(FATAL_ERROR "iot_thing: ${text}")
endfunction()

# Runs rustc with the given arguments and returns what it printed, or "" when it failed.
function(iot_thing_rustc out)
    execute_process(COMMAND "${IOT_THING_RUSTC}" ${ARGN}
        OUTPUT_VARIABLE text OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE failed)
    if(failed)
        set(text "")
    endif()
    set(${out} "${text}" PARENT_SCOPE)
endfunction()

# Finds cargo and rustc.
function(iot_thing_find_rust)
    foreach(tool cargo rustc)
        string(TOUPPER "IOT_THING_${tool}" variable)
        find_program(${variable} ${tool} HINTS "$ENV{CARGO_HOME}/bin" "$ENV{HOME}/.cargo/bin"
            DOC "The ${tool} that builds iot_thing" NO_CMAKE_FIND_ROOT_PATH)
        if(NOT ${variable})
            iot_thing_fail("${tool} was not found, but the library is written in Rust. Install \
Rust (the page rustup.rs tells how), or set ${variable} to the program. Or set IOT_THING_PREBUILT \
to an archive that was built elsewhere.")
        endif()
    endforeach()
endfunction()

# Decides for which Rust target the archive is made, and checks that it is installed.
function(iot_thing_find_target out)
    set(target "${IOT_THING_RUST_TARGET}")
    if(NOT target)
        iot_thing_target_of_compiler(target)
    endif()
    if(NOT target)
        if(CMAKE_CROSSCOMPILING)
            iot_thing_fail("no Rust target is known for what ${CMAKE_C_COMPILER} compiles for \
(${CMAKE_SYSTEM_PROCESSOR}). Set IOT_THING_RUST_TARGET to the Rust target of the device, for \
example -DIOT_THING_RUST_TARGET=thumbv7em-none-eabihf for a Cortex-M4F or M7.")
        endif()
        iot_thing_rustc(about -vV)
        string(REGEX MATCH "host: ([^\n]+)" found "${about}")
        set(target "${CMAKE_MATCH_1}")
        if(NOT target)
            iot_thing_fail("${IOT_THING_RUSTC} -vV does not run. Check the Rust installation \
(\"rustup default stable\" repairs one without a default toolchain).")
        endif()
    endif()

    iot_thing_rustc(libdir --print target-libdir --target "${target}")
    if(NOT libdir)
        iot_thing_fail("rustc does not know the target \"${target}\". \"rustc --print \
target-list\" lists those it knows; correct IOT_THING_RUST_TARGET.")
    endif()
    if(IOT_THING_BUILD_STD)
        iot_thing_rustc(sysroot --print sysroot)
        if(NOT EXISTS "${sysroot}/lib/rustlib/src/rust/library/core")
            iot_thing_fail("IOT_THING_BUILD_STD needs the sources of Rust's core library. Install \
them:\n    rustup component add rust-src")
        endif()
    else()
        file(GLOB core "${libdir}/libcore-*.rlib")
        if(NOT core)
            iot_thing_fail("the Rust target ${target} is not installed. Install it:\n    rustup \
target add ${target}\nor set IOT_THING_BUILD_STD=ON (builds Rust's core library from source), or \
IOT_THING_PREBUILT to an archive that was built elsewhere.")
        endif()
    endif()
    set(${out} "${target}" PARENT_SCOPE)
endfunction()

# Everything that the archive is made from: cargo runs when one of these has changed.
function(iot_thing_sources out)
    file(GLOB_RECURSE rust CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/src/*.rs")
    file(GLOB other CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/assets/*")
    foreach(name Cargo.toml Cargo.lock build.rs cmake/cargo.cmake cmake/prelink.cmake)
        if(EXISTS "${PROJECT_SOURCE_DIR}/${name}")
            list(APPEND other "${PROJECT_SOURCE_DIR}/${name}")
        endif()
    endforeach()
    set(${out} ${rust} ${other} PARENT_SCOPE)
endfunction()

# Makes `archive` with cargo.
function(iot_thing_build archive)
    if(NOT IOT_THING_PROFILE MATCHES "^(release|checked)$")
        iot_thing_fail("IOT_THING_PROFILE is \"${IOT_THING_PROFILE}\"; it can be release or \
checked.")
    endif()
    iot_thing_find_rust()
    iot_thing_find_target(target)
    iot_thing_features_of_compiler(core_features "${target}")
    iot_thing_sources(sources)
    iot_thing_machine_flags(machine)

    set(cargo_dir "${IOT_THING_CARGO_DIR}")
    if(NOT cargo_dir)
        set(cargo_dir "${PROJECT_BINARY_DIR}/cargo")
    endif()
    set(made "${cargo_dir}/${target}/${IOT_THING_PROFILE}/libiot_thing.a")
    if(IOT_THING_PRELINK)
        set(finish "${CMAKE_COMMAND}" "-DCOMPILER=${CMAKE_C_COMPILER}" "-DFLAGS=${machine}"
            "-DOBJCOPY=${CMAKE_OBJCOPY}" "-DAR=${CMAKE_AR}"
            "-DREADELF=${CMAKE_READELF}" "-DFROM=${made}" "-DTO=${archive}"
            -P "${IOT_THING_CMAKE_DIR}/prelink.cmake")
    else()
        # cargo keeps an old file that is still right, so a copy carries the new date.
        set(finish "${CMAKE_COMMAND}" -E copy "${made}" "${archive}")
    endif()

    set(features c-library,p256-dsp)
    foreach(feature embedded-tls rsa p384 aes256 chacha20 x25519)
        string(TOUPPER "IOT_THING_${feature}" option)
        string(REPLACE "-" "_" option "${option}")
        if(${option})
            string(APPEND features ",${feature}")
        endif()
    endforeach()
    # Written only when it is different: another choice makes another archive.
    set(choice "${PROJECT_BINARY_DIR}/iot_thing-choice.txt")
    file(CONFIGURE OUTPUT "${choice}" CONTENT "${target} ${IOT_THING_PROFILE} ${features}\n")

    # The crate is an rlib (see Cargo.toml); the archive is the same crate as a staticlib.
    add_custom_command(
        OUTPUT "${archive}"
        COMMAND "${CMAKE_COMMAND}" -E make_directory "${PROJECT_BINARY_DIR}/lib"
        COMMAND "${CMAKE_COMMAND}" "-DCARGO=${IOT_THING_CARGO}" "-DRUSTC=${IOT_THING_RUSTC}"
            "-DTARGET=${target}" "-DCORE_FEATURES=${core_features}"
            "-DPROFILE=${IOT_THING_PROFILE}" "-DFEATURES=${features}" "-DSOURCE=${PROJECT_SOURCE_DIR}"
            "-DTARGET_DIR=${cargo_dir}" "-DBUILD_STD=${IOT_THING_BUILD_STD}"
            "-DOFFLINE=${IOT_THING_OFFLINE}"
            -P "${IOT_THING_CMAKE_DIR}/cargo.cmake"
        COMMAND ${finish}
        DEPENDS ${sources} "${choice}"
        COMMENT "Building iot_thing for ${target} with cargo (profile ${IOT_THING_PROFILE})"
        USES_TERMINAL VERBATIM)
endfunction()

function(iot_thing_add_library)
    if(IOT_THING_PREBUILT)
        if(NOT EXISTS "${IOT_THING_PREBUILT}")
            iot_thing_fail("there is no archive ${IOT_THING_PREBUILT}: correct IOT_THING_PREBUILT.")
        endif()
        get_filename_component(archive "${IOT_THING_PREBUILT}" ABSOLUTE
            BASE_DIR "${CMAKE_SOURCE_DIR}")
    else()
        set(archive "${PROJECT_BINARY_DIR}/lib/libiot_thing.a")
        iot_thing_build("${archive}")
    endif()
    set(all "")
    if(IOT_THING_INSTALL)
        set(all ALL) # what is installed must have been built
    endif()
    add_custom_target(iot_thing_archive ${all} DEPENDS "${archive}")

    add_library(iot_thing_file STATIC IMPORTED GLOBAL)
    set_target_properties(iot_thing_file PROPERTIES IMPORTED_LOCATION "${archive}")
    add_dependencies(iot_thing_file iot_thing_archive)

    # Without heap, threads or standard library the archive needs nothing else to link.
    add_library(iot_thing INTERFACE)
    add_library(iot_thing::iot_thing ALIAS iot_thing)
    target_include_directories(iot_thing INTERFACE
        "$<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>")
    if(IOT_THING_EMBEDDED_TLS)
        target_compile_definitions(iot_thing INTERFACE IOT_THING_EMBEDDED_TLS)
    endif()
    target_link_libraries(iot_thing INTERFACE "$<BUILD_INTERFACE:iot_thing_file>")
    if(IOT_THING_INSTALL)
        iot_thing_install("${archive}")
    endif()
endfunction()
