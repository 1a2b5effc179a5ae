# shellcheck shell=bash
# Shared by the tools: sourced, not run.

root=${root:-$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)}

# Where cargo works for all builds through CMake: they share what they have in common.
# shellcheck disable=SC2034
cargo_dir=$root/build/cargo

# need COMMAND PACKAGE [WHY]: makes sure that COMMAND exists, by installing the Debian package
# that has it. Says what it does and why; fails with words where there is no apt-get.
need() {
    local command=$1 package=$2 why=${3:-}
    have "$command" && return 0
    echo "$(basename "$0"): installing $package for '$command'${why:+ ($why)}" >&2
    if ! command -v apt-get >/dev/null; then
        echo "$(basename "$0"): no apt-get here: please install '$command' yourself" >&2
        return 1
    fi
    # Once per run: the lists of a fresh machine are empty or out of date.
    if [ -z "${NEED_UPDATED:-}" ]; then
        as_root apt-get update -qq >&2 || return 1
        NEED_UPDATED=1
    fi
    as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -qq --no-install-recommends "$package" >&2 || {
        echo "$(basename "$0"): could not install $package" >&2
        return 1
    }
    have "$command" || {
        echo "$(basename "$0"): $package is installed, but there is still no '$command'" >&2
        return 1
    }
}

# need_file FILE PACKAGE WHY: the same for what is no command, such as a header.
need_file() {
    [ -e "$1" ] && return 0
    echo "$(basename "$0"): installing $2 for $1 ($3)" >&2
    as_root apt-get update -qq >&2
    as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -qq --no-install-recommends "$2" >&2
    [ -e "$1" ] || {
        echo "$(basename "$0"): there is still no $1" >&2
        return 1
    }
}

# Daemons live in sbin, where the PATH of ordinary users does not look.
have() {
    PATH="$PATH:/usr/sbin:/usr/local/sbin" command -v "$1" >/dev/null
}

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    else
        sudo "$@"
    fi
}

# start_cloud DIR ARGUMENT...: a local cloud that lives as long as this shell, with more arguments
# for its "serve"; the one before ends. Sets CLOUD_HOST, CLOUD_PORT and so on.
start_cloud() {
    local directory=$1 input=$1-input
    shift
    stop_cloud
    rm -rf "$directory/cloud.env" "$input"
    mkdir -p "$directory"
    mkfifo "$input"
    "$root/tools/cloud" serve --dir "$directory" --port 0 --plain-port 0 --die-with-stdin "$@" \
        < "$input" > "$directory-log" 2>&1 &
    cloud_pid=$!
    exec {cloud_input}> "$input"
    until [ -e "$directory/cloud.env" ]; do
        kill -0 "$cloud_pid" 2> /dev/null || {
            cat "$directory-log" >&2
            return 1
        }
        sleep 0.1
    done
    # shellcheck disable=SC1091
    . "$directory/cloud.env"
}

# Ends it and waits until it has ended. Closing its standard input is what ends it.
stop_cloud() {
    [ -n "${cloud_pid:-}" ] || return 0
    exec {cloud_input}>&-
    wait "$cloud_pid" 2> /dev/null || true
    cloud_pid=
}

# ---- emulated Cortex-M ------------------------------------------------------------------------------

# What firmware is built and run with.
need_arm_tools() {
    need cmake cmake "builds the firmware"
    need make make "builds the firmware"
    need arm-none-eabi-gcc gcc-arm-none-eabi "compiles the firmware"
    # The C library is a package of its own, and only a recommendation of the compiler's.
    if [ ! -e "$(arm-none-eabi-gcc -print-file-name=nano.specs)" ]; then
        as_root env DEBIAN_FRONTEND=noninteractive \
            apt-get install -y -qq --no-install-recommends libnewlib-arm-none-eabi >&2
    fi
    need qemu-system-arm qemu-system-arm "emulates a Cortex-M"
    need_rust_target "$(firmware_target cortex-m4)"
    need_rust_target "$(firmware_target cortex-m3)"
}

# Installs a Rust target, saying so.
need_rust_target() {
    ls "$(rustc --print target-libdir --target "$1")"/libcore-*.rlib > /dev/null 2>&1 && return
    echo "$(basename "$0"): installing the Rust target $1" >&2
    rustup target add "$1" >&2
}

firmware_target() {
    case $1 in
    cortex-m4) echo thumbv7em-none-eabihf ;;
    cortex-m3) echo thumbv7m-none-eabi ;;
    esac
}

# The emulated board with this core.
mps2_machine() {
    case $1 in
    cortex-m4) echo mps2-an386 ;;
    cortex-m3) echo mps2-an385 ;;
    *)
        echo "$(basename "$0"): there is no board for '$1', only cortex-m4 and cortex-m3" >&2
        return 1
        ;;
    esac
}

# run_mps2 MACHINE ELF PORT [ARGUMENT...]: runs a program whose second UART is a TCP connection to
# the local port. Its console is the output, its exit code the result.
run_mps2() {
    local machine=$1 elf=$2 port=$3
    shift 3
    timeout 120 qemu-system-arm -M "$machine" -display none -monitor none \
        -semihosting-config enable=on,target=native \
        -serial stdio -serial "tcp:127.0.0.1:$port" -kernel "$elf" "$@" < /dev/null
}

# firmware_credentials CLOUD-DIR CHAIN DIR: what the firmware needs, under fixed names.
firmware_credentials() {
    mkdir -p "$3"
    install -C "$1/device-demo-thing.pem" "$3/device.pem"
    install -C "$1/device-demo-thing.key" "$3/device.key"
    install -C "$1/$2-root.pem" "$3/root.pem"
}

# ---- programs that are measured (tests/bench) -------------------------------------------------------

# build_programs DIRECTORY CMAKE-ARGUMENT...
build_programs() {
    local directory=$1
    shift
    cmake -S "$root/tests/bench" -B "$directory" -G "Unix Makefiles" \
        -DIOT_THING_CARGO_DIR="$cargo_dir" "$@" > "$directory.log" 2>&1 &&
        cmake --build "$directory" >> "$directory.log" 2>&1 || {
        cat "$directory.log" >&2
        return 1
    }
}

# build_chip_programs DIRECTORY: those for the Cortex-M4F, in DIRECTORY/cortex-m4, and a PKI for
# the local cloud in DIRECTORY/cloud.
build_chip_programs() {
    local chain
    need_arm_tools
    need openssl openssl "makes the certificates"
    mkdir -p "$1"
    "$root/tools/pki" "$1/cloud" --extra demo-thing > /dev/null
    for chain in server rsa; do
        firmware_credentials "$1/cloud" "$chain" "$1/credentials-$chain"
    done
    build_programs "$1/cortex-m4" -DCPU=cortex-m4 -DCREDENTIALS="$1/credentials" \
        --toolchain "$root/c_examples/baremetal_cortex_m/toolchain.cmake"
}
