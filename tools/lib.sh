# shellcheck shell=bash
# Functions that the tools share. They source this file, which works with the bash 3.2 of macOS.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
VENV=$ROOT/.venv
STAMPS=$VENV/.stamps # records the last finished steps; disappears with .venv

say() {
    if [ -t 2 ]; then
        printf '\033[1m==> %s\033[0m\n' "$*" >&2
    else
        printf '==> %s\n' "$*" >&2
    fi
}

fail() {
    printf '%s\n' "$@" >&2
    exit 1
}

have() {
    command -v "$1" >/dev/null 2>&1
}

# stamp FILE...: prints one word that changes when a file is changed, added or renamed.
stamp() {
    cksum "$@" | cksum | tr -d ' '
}

# is_stamped NAME VALUE: succeeds if the last finished run of step NAME had this VALUE.
is_stamped() {
    [ -f "$STAMPS/$1" ] && [ "$(cat "$STAMPS/$1")" = "$2" ]
}

set_stamp() {
    mkdir -p "$STAMPS"
    printf '%s' "$2" >"$STAMPS/$1"
}
