# Builds the Rust library as a static archive and wraps it in the target iot_thing::iot_thing.

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
            DOC "The ${tool} that builds iot_thing")
        if(NOT ${variable})
            iot_thing_fail("${tool} was not found, but the library is written in Rust. Install \
Rust (the page rustup.rs tells how), or set ${variable} to the program.")
        endif()
    endforeach()
endfunction()

# Decides for which Rust target the archive is made, and checks that it is installed.
function(iot_thing_find_target out)
    set(target "${IOT_THING_RUST_TARGET}")
    if(NOT target)
        if(CMAKE_CROSSCOMPILING)
            iot_thing_fail("cross-compiling for ${CMAKE_SYSTEM_PROCESSOR}: set \
IOT_THING_RUST_TARGET to the Rust target of the device, for example \
-DIOT_THING_RUST_TARGET=thumbv7em-none-eabihf for a Cortex-M4F or M7.")
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
    file(GLOB core "${libdir}/libcore-*.rlib")
    if(NOT core)
        iot_thing_fail("the Rust target ${target} is not installed. Install it:\n    rustup \
target add ${target}")
    endif()
    set(${out} "${target}" PARENT_SCOPE)
endfunction()

# Everything that the archive is made from: cargo runs when one of these has changed.
function(iot_thing_sources out)
    file(GLOB_RECURSE rust CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/src/*.rs")
    file(GLOB other CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/assets/*")
    foreach(name Cargo.toml Cargo.lock build.rs)
        if(EXISTS "${PROJECT_SOURCE_DIR}/${name}")
            list(APPEND other "${PROJECT_SOURCE_DIR}/${name}")
        endif()
    endforeach()
    set(${out} ${rust} ${other} PARENT_SCOPE)
endfunction()

function(iot_thing_add_library)
    if(NOT IOT_THING_PROFILE MATCHES "^(release|checked)$")
        iot_thing_fail("IOT_THING_PROFILE is \"${IOT_THING_PROFILE}\"; it can be release or \
checked.")
    endif()
    iot_thing_find_rust()
    iot_thing_find_target(target)
    iot_thing_sources(sources)

    set(cargo_dir "${PROJECT_BINARY_DIR}/cargo")
    set(made "${cargo_dir}/${target}/${IOT_THING_PROFILE}/libiot_thing.a")
    set(archive "${PROJECT_BINARY_DIR}/lib/libiot_thing.a")

    set(features c-library)
    if(IOT_THING_EMBEDDED_TLS)
        string(APPEND features ",embedded-tls")
    endif()

    # The crate is an rlib (see Cargo.toml); the archive is the same crate as a staticlib. Flags
    # and directories that the surroundings may have set for other Rust code are left out.
    # cargo keeps an old file that is still right, so a copy carries the new date.
    add_custom_command(
        OUTPUT "${archive}"
        COMMAND "${CMAKE_COMMAND}" -E env --unset=RUSTFLAGS --unset=CARGO_ENCODED_RUSTFLAGS
            --unset=CARGO_TARGET_DIR --unset=CARGO_BUILD_TARGET
            "${IOT_THING_CARGO}" rustc --lib --crate-type staticlib --features "${features}"
            --profile "${IOT_THING_PROFILE}" --locked --target "${target}"
            --target-dir "${cargo_dir}" --manifest-path "${PROJECT_SOURCE_DIR}/Cargo.toml"
        COMMAND "${CMAKE_COMMAND}" -E make_directory "${PROJECT_BINARY_DIR}/lib"
        COMMAND "${CMAKE_COMMAND}" -E copy "${made}" "${archive}"
        DEPENDS ${sources}
        WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}"
        COMMENT "Building iot_thing for ${target} with cargo (profile ${IOT_THING_PROFILE})"
        USES_TERMINAL VERBATIM)
    add_custom_target(iot_thing_archive DEPENDS "${archive}")

    add_library(iot_thing_file STATIC IMPORTED GLOBAL)
    set_target_properties(iot_thing_file PROPERTIES IMPORTED_LOCATION "${archive}")
    add_dependencies(iot_thing_file iot_thing_archive)

    # Without heap, threads or standard library the archive needs nothing else to link.
    add_library(iot_thing INTERFACE)
    add_library(iot_thing::iot_thing ALIAS iot_thing)
    target_include_directories(iot_thing INTERFACE "${PROJECT_SOURCE_DIR}/include")
    if(IOT_THING_EMBEDDED_TLS)
        target_compile_definitions(iot_thing INTERFACE IOT_THING_EMBEDDED_TLS)
    endif()
    target_link_libraries(iot_thing INTERFACE iot_thing_file)
endfunction()
