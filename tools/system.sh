# shellcheck shell=bash
# Installs what cycodec needs from the operating system: FFmpeg with its development files,
# pkg-config, a C compiler, and a Python with its headers. setup sources this file after lib.sh.

FFMPEG_LIBRARIES=(libavformat libavcodec libavutil libswscale libswresample)
APT_PACKAGES=(ffmpeg pkg-config gcc libc6-dev libavformat-dev libavcodec-dev libavutil-dev libswscale-dev libswresample-dev)
APT_PYTHON=(python3 python3-dev python3-venv)
BREW_PACKAGES=(ffmpeg pkgconf)
# optional: libraries of image formats; without them cycodec builds, and says which format it lacks
IMAGE_LIBRARIES=(libjpeg zlib libdeflate libwebp)
APT_IMAGES=(libjpeg-dev zlib1g-dev libdeflate-dev libwebp-dev)
# optional: a compiler and an emulator for 64-bit Arm, to test its kernels on x86-64
APT_ARM=(gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user)
# optional: heif-convert, with which tests compare the clean apertures of HEIC images
APT_HEIF=(libheif-examples)

# Calls pkg-config as setup.py does, which needs a Python.
ffmpeg_config() {
    "$1" "$ROOT/native_requirements.py" "${@:2}" "${FFMPEG_LIBRARIES[@]}"
}

# Prints the Python to use: that of .venv if it runs, else $PYTHON, else the first that is new
# enough.
find_python() {
    local candidate
    if "$VENV/bin/python" -c '' 2>/dev/null; then
        echo "$VENV/bin/python"
        return
    fi
    for candidate in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11 python3.10}; do
        if have "$candidate" && "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; then
            command -v "$candidate"
            return
        fi
    done
    return 1
}

# Prints what a Python lacks to make .venv and to build; prints nothing if it lacks nothing.
python_lacks() {
    "$1" - <<'PYTHON'
import importlib.util, os, sysconfig

if not all(importlib.util.find_spec(name) for name in ("venv", "ensurepip")):
    print("venv")
if not os.path.exists(os.path.join(sysconfig.get_paths()["include"], "Python.h")):
    print("Python.h")
PYTHON
}

# Prints each missing requirement on a line.
missing_from_system() {
    local compiler=${CC:-cc}
    have "${compiler%% *}" || echo "a C compiler (${CC:-cc})"
    have ffmpeg || echo "the ffmpeg command"
    have "${PKG_CONFIG:-pkg-config}" || echo "pkg-config"
    local python lacks complaint
    if ! python=$(find_python); then
        echo "Python 3.10 or newer (${PYTHON:-python3})"
        return
    fi
    lacks=$(python_lacks "$python" | paste -s -d ' ' -)
    [ -z "$lacks" ] || echo "parts of $python: $lacks"
    if have "${PKG_CONFIG:-pkg-config}" && ! complaint=$(ffmpeg_config "$python" --exists 2>&1); then
        echo "FFmpeg's development files (pkg-config does not find ${FFMPEG_LIBRARIES[*]}) $complaint"
    fi
}

# as_root COMMAND...: runs a command directly as root, else through sudo, which must not ask for a
# password in CI.
as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif [ -t 0 ] && [ -z "${CI-}" ]; then
        sudo "$@"
    else
        sudo -n "$@"
    fi
}

# install_with_apt PACKAGE...
install_with_apt() {
    local log=$ROOT/build/apt-get.log
    mkdir -p "$ROOT/build"
    # a broken repository of a third party must not end the set-up, because all packages are the
    # distribution's
    as_root env DEBIAN_FRONTEND=noninteractive apt-get update </dev/null >"$log" 2>&1 ||
        say "apt-get update failed; continuing"
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@" \
        </dev/null >>"$log" 2>&1 && return
    tail -n 5 "$log" >&2
    return 1
}

install_with_brew() {
    brew install --quiet "${BREW_PACKAGES[@]}" </dev/null >&2
    find_python >/dev/null || brew install --quiet python </dev/null >&2
}

advice() {
    cat "$ROOT/tools/system_packages.txt"
}

system_packages() {
    local missing
    missing=$(missing_from_system)
    [ -n "$missing" ] || return 0
    say "missing: $(printf '%s' "$missing" | paste -s -d ';' - | sed 's/;/; /g')"
    if have apt-get && { [ "$(id -u)" = 0 ] || have sudo; }; then
        say "installing with apt-get (log: build/apt-get.log): ${APT_PACKAGES[*]} ${APT_PYTHON[*]}"
        install_with_apt "${APT_PACKAGES[@]}" "${APT_PYTHON[@]}" || fail "apt-get could not install the packages." "$(advice)"
    elif have brew; then
        say "installing with Homebrew: ${BREW_PACKAGES[*]}"
        install_with_brew || fail "Homebrew could not install the packages." "$(advice)"
    else
        fail "There is no package manager that this script may use (apt-get as root or with sudo, or Homebrew)." \
            "$(advice)"
    fi
    hash -r
    missing=$(missing_from_system)
    [ -z "$missing" ] || fail "Still missing: $missing" "$(advice)"
}

# optional_packages STAMP PACKAGE...: tries once to install packages. Its callers ask for root,
# because a password prompt is not worth these packages.
optional_packages() {
    ! is_stamped "$1" tried || return 0
    say "installing with apt-get (log: build/apt-get.log): ${*:2}"
    install_with_apt "${@:2}" || say "that failed; continuing without them"
    set_stamp "$1" tried
}

# Installs APT_ARM and APT_HEIF where they are missing. Without them, a few tests are skipped.
packages_of_tests() {
    [ "$(uname -s) $(uname -m) $(id -u)" = "Linux x86_64 0" ] && have apt-get || return 0
    { have aarch64-linux-gnu-gcc && have qemu-aarch64; } || optional_packages arm "${APT_ARM[@]}"
    have heif-convert || have heif-dec || optional_packages heif "${APT_HEIF[@]}"
}

# Prints the versions of the image libraries that are there.
image_versions() {
    local library
    for library in "${IMAGE_LIBRARIES[@]}"; do
        "${PKG_CONFIG:-pkg-config}" --modversion "$library" 2>/dev/null || echo none
    done | paste -s -d ' ' -
}

# Installs APT_IMAGES once, and only as root. The build goes on without them.
image_packages() {
    case $(image_versions) in *none*) ;; *) return 0 ;; esac
    [ "$(uname -s) $(id -u)" = "Linux 0" ] && have apt-get || return 0
    optional_packages images "${APT_IMAGES[@]}"
}
