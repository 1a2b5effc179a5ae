# shellcheck shell=bash
# Shared by the tools: sourced, not run.

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
