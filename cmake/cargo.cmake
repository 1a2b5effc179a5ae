# Runs cargo for the archive, in surroundings that do not depend on the machine.
#
# Flags and directories that the surroundings may have set for other Rust code are left out, and
# the paths of the sources, which end up in the archive as the places of panics, are made relative:
# the same sources give the same bytes wherever they lie.
#
# cmake -DCARGO= -DRUSTC= -DTARGET= -DCORE_FEATURES= -DPROFILE= -DFEATURES= -DSOURCE=
#     -DTARGET_DIR= -DBUILD_STD= -DOFFLINE= -P cargo.cmake
cmake_minimum_required(VERSION 3.20)

foreach(name RUSTFLAGS CARGO_BUILD_RUSTFLAGS CARGO_TARGET_DIR CARGO_BUILD_TARGET)
    unset(ENV{${name}})
endforeach()
if(DEFINED ENV{CARGO_HOME})
    set(home "$ENV{CARGO_HOME}")
else()
    set(home "$ENV{HOME}/.cargo")
endif()
set(manifest --manifest-path "${SOURCE}/Cargo.toml" --locked)
if(OFFLINE)
    list(APPEND manifest --offline)
endif()

# First, because the directories to be made relative exist only when it is done.
execute_process(COMMAND "${CARGO}" fetch --quiet ${manifest} --target "${TARGET}"
    RESULT_VARIABLE failed)
if(failed)
    message(FATAL_ERROR "iot_thing: the Rust libraries it is made of could not be fetched, see above. \
Without a network: \"cargo fetch --locked\" beforehand, or \"cargo vendor\"")
endif()

file(GLOB registries "${home}/registry/src/*")
set(flags "")
foreach(directory "${SOURCE}" ${registries})
    list(APPEND flags "--remap-path-prefix=${directory}/=")
endforeach()
# Where Rust's own sources are installed, the compiler names that place instead of the usual one.
execute_process(COMMAND "${RUSTC}" --print sysroot
    OUTPUT_VARIABLE sysroot OUTPUT_STRIP_TRAILING_WHITESPACE)
execute_process(COMMAND "${RUSTC}" -vV OUTPUT_VARIABLE about)
string(REGEX MATCH "commit-hash: ([0-9a-f]+)" found "${about}")
list(APPEND flags "--remap-path-prefix=${sysroot}/lib/rustlib/src/rust=/rustc/${CMAKE_MATCH_1}")
if(CORE_FEATURES)
    list(APPEND flags "-Ctarget-feature=${CORE_FEATURES}")
endif()
# The aes crate has no feature for its smaller form, which takes few more instructions.
list(APPEND flags "--cfg=aes_compact")
# The character between the flags, as cargo defines it, is the unit separator.
string(ASCII 31 separator)
list(JOIN flags "${separator}" flags)
set(ENV{CARGO_ENCODED_RUSTFLAGS} "${flags}")

set(build_std "")
if(BUILD_STD)
    # Stable compilers allow it only when asked like this.
    set(ENV{RUSTC_BOOTSTRAP} 1)
    set(build_std -Zbuild-std=core)
endif()

execute_process(
    COMMAND "${CARGO}" rustc --lib --crate-type staticlib --no-default-features
        --features "${FEATURES}" --profile "${PROFILE}" ${manifest} --target "${TARGET}"
        --target-dir "${TARGET_DIR}" ${build_std}
    WORKING_DIRECTORY "${SOURCE}" RESULT_VARIABLE failed)
if(failed)
    message(FATAL_ERROR "iot_thing: cargo failed, see above")
endif()
