"""What the wheel's FFmpeg is made of: each library, where its source is, and how it is built.

Every library is static and position-independent. It ends up inside the library of FFmpeg that uses
it, or inside the module of cycodec that decodes images. FFmpeg's own libraries are shared, as the
LGPL asks.
"""

from __future__ import annotations

from dataclasses import dataclass

AUTOTOOLS = './configure --host=$MACHINE-linux-gnu --prefix="$PREFIX" --disable-shared --enable-static'
MESON = (
    'meson setup build --prefix="$PREFIX" --libdir=lib --buildtype=release --default-library=static'
    ' $MESON_CROSS -Db_staticpic=true {options} && nice -n 5 ninja -j "$JOBS" -C build install'
)
MAKE = 'nice -n 5 make -j "$JOBS" && make install'


@dataclass(frozen=True)
class Library:
    """A library and how it is built."""

    # the name of Debian's source package
    package: str
    # what it is for, as the documentation says it
    use: str
    license: str
    # files of the source that must be distributed with it
    license_files: tuple[str, ...]
    # shell commands that build and install it
    build: str
    # how the version must begin
    version: str = ""
    # options of FFmpeg's configure that switch it on
    enables: tuple[str, ...] = ()


LIBRARIES = (
    Library(
        "zlib",
        "PNG, compressed Matroska tracks, Flash and screen codecs",
        "Zlib",
        ("LICENSE",),
        f'./configure --static --prefix="$PREFIX" && {MAKE}',
        enables=("--enable-zlib",),
    ),
    Library(
        "bzip2",
        "compressed Matroska tracks",
        "bzip2-1.0.6",
        ("LICENSE",),
        'make -j "$JOBS" libbz2.a CC="$CC" AR="$AR" RANLIB="$RANLIB" CFLAGS="$CFLAGS -D_FILE_OFFSET_BITS=64"'
        ' && install -Dm644 bzlib.h "$PREFIX/include/bzlib.h" && install -Dm644 libbz2.a "$PREFIX/lib/libbz2.a"',
        enables=("--enable-bzlib",),
    ),
    Library(
        "xz-utils",
        "TIFF pictures compressed with LZMA",
        "0BSD",
        ("COPYING", "COPYING.0BSD"),
        f"{AUTOTOOLS} --disable-xz --disable-xzdec --disable-lzmadec --disable-lzmainfo --disable-scripts"
        f" --disable-doc --disable-nls --disable-lzma-links && {MAKE}",
        enables=("--enable-lzma",),
    ),
    Library(
        "openssl",
        "https and tls",
        "Apache-2.0",
        ("LICENSE.txt",),
        "./Configure linux-$MACHINE --prefix=$PREFIX --libdir=lib --openssldir=/etc/ssl no-shared no-tests no-apps"
        " no-docs no-engine no-legacy no-module no-dso no-dtls no-comp no-ssl3 no-srp no-cmp no-cms no-ts"
        " no-rfc3779 no-weak-ssl-ciphers no-quic -fPIC"
        ' && nice -n 5 make -j "$JOBS" build_libs && make install_dev >/dev/null',
        version="3.",
        enables=("--enable-openssl", "--enable-protocol=https,tls"),
    ),
    Library(
        "libogg",
        "containers of the Vorbis encoder",
        "BSD-3-Clause",
        ("COPYING",),
        f"{AUTOTOOLS} && {MAKE}",
    ),
    Library(
        "libvorbis",
        "encoding Vorbis",
        "BSD-3-Clause",
        ("COPYING",),
        f"{AUTOTOOLS} --disable-docs --disable-examples --disable-oggtest && {MAKE}",
        enables=("--enable-libvorbis",),
    ),
    Library(
        "opus",
        "encoding and decoding Opus",
        "BSD-3-Clause",
        ("COPYING",),
        MESON.format(options="-Dtests=disabled -Ddocs=disabled -Dextra-programs=disabled"),
        enables=("--enable-libopus",),
    ),
    Library(
        "lame",
        "encoding MP3",
        "LGPL-2.0-or-later",
        ("COPYING", "LICENSE"),
        f"{AUTOTOOLS} --disable-frontend --disable-decoder --disable-gtktest && {MAKE}",
        enables=("--enable-libmp3lame",),
    ),
    Library(
        "dav1d",
        "decoding AV1",
        "BSD-2-Clause",
        ("COPYING",),
        MESON.format(options="-Denable_tools=false -Denable_tests=false"),
        enables=("--enable-libdav1d",),
    ),
    Library(
        "libvpx",
        "encoding VP8 and VP9; decoding VP8 and VP9 with alpha",
        "BSD-3-Clause",
        ("LICENSE", "PATENTS"),
        './configure --target=$VPX_TARGET --prefix="$PREFIX" --enable-pic --enable-runtime-cpu-detect'
        " --enable-vp9-highbitdepth --disable-examples --disable-tools --disable-docs --disable-unit-tests"
        f" --disable-install-bins $VPX_OPTIONS && {MAKE}",
        enables=("--enable-libvpx",),
    ),
    Library(
        "svt-av1",
        "encoding AV1",
        "BSD-3-Clause-Clear",
        ("LICENSE.md", "PATENTS.md"),
        'cmake -S . -B build -G Ninja -DCMAKE_BUILD_TYPE=Release -DCMAKE_INSTALL_PREFIX="$PREFIX"'
        " -DCMAKE_INSTALL_LIBDIR=lib -DBUILD_SHARED_LIBS=OFF -DBUILD_APPS=OFF -DBUILD_DEC=OFF -DBUILD_TESTING=OFF"
        ' -DSVT_AV1_LTO=OFF -DREPRODUCIBLE_BUILDS=ON -DCMAKE_AR="$AR" -DCMAKE_RANLIB="$RANLIB" $CMAKE_CROSS'
        ' && nice -n 5 ninja -j "$JOBS" -C build install',
        enables=("--enable-libsvtav1",),
    ),
    Library(
        "libwebp",
        "encoding WebP, and decoding still WebP images",
        "BSD-3-Clause",
        ("COPYING", "PATENTS"),
        f"{AUTOTOOLS} --enable-libwebpmux --disable-libwebpdemux --disable-gl --disable-sdl --disable-png"
        f" --disable-jpeg --disable-tiff --disable-gif --disable-wic && {MAKE}",
        enables=("--enable-libwebp",),
    ),
    Library(
        "nv-codec-headers",
        "NVIDIA's decoders and encoders, loaded from the driver",
        "MIT",
        (),
        'make PREFIX="$PREFIX" install',
        enables=("--enable-ffnvcodec", "--enable-nvdec", "--enable-nvenc", "--enable-cuvid"),
    ),
)

CMAKE = (
    'cmake -S . -B build -G Ninja -DCMAKE_BUILD_TYPE=Release -DCMAKE_INSTALL_PREFIX="$PREFIX"'
    " -DCMAKE_INSTALL_LIBDIR=lib -DCMAKE_POSITION_INDEPENDENT_CODE=ON"
    ' -DCMAKE_AR="$AR" -DCMAKE_RANLIB="$RANLIB" $CMAKE_CROSS {options}'
    ' && nice -n 5 ninja -j "$JOBS" -C build install'
)

# cycodec's own modules decode images with these, and with zlib and libwebp of the list above.
IMAGE_LIBRARIES = (
    Library(
        "libjpeg-turbo",
        "decoding and encoding JPEG images",
        "IJG AND BSD-3-Clause AND Zlib",
        ("LICENSE.md", "README.ijg"),
        # Tuned code takes 2 to 3 % less time for small images, and runs on the same processors.
        'CFLAGS="$CFLAGS $TUNING" '
        + CMAKE.format(options="-DENABLE_SHARED=OFF -DENABLE_STATIC=ON -DWITH_TURBOJPEG=OFF"),
    ),
    Library(
        "libdeflate",
        "decoding and encoding PNG images",
        "MIT",
        ("COPYING",),
        CMAKE.format(options="-DLIBDEFLATE_BUILD_SHARED_LIB=OFF -DLIBDEFLATE_BUILD_GZIP=OFF"),
    ),
)

# Every native decoder, demuxer, parser, encoder and muxer of FFmpeg is in: a list of our own would
# save little and refuse somebody's file. Left out are programs, capture devices, network protocols
# but http and tls, filters but the few that cycodec's decoders need, and everything under the GPL.
FFMPEG = Library(
    "ffmpeg",
    "everything else",
    "LGPL-2.1-or-later",
    ("COPYING.LGPLv2.1", "LICENSE.md"),
    # FFmpeg tells its configuration to everybody: no folder of this machine should be in it
    'ln -s "$PREFIX" prefix && ./configure --prefix="$PREFIX" --cc=cc --cxx=c++ --ar=ar --ranlib=ranlib --ld=cc'
    ' --extra-cflags="-fno-sanitize=undefined -Iprefix/include" --extra-ldflags="-Lprefix/lib -s"'
    " --pkg-config-flags=--static --enable-shared --disable-static --enable-pic --disable-programs --disable-doc"
    " --disable-debug --disable-stripping --disable-autodetect --enable-iconv --disable-avdevice"
    " --disable-avfilter --disable-protocols --enable-protocol=$PROTOCOLS"
    # glibc 2.28 has the function sysctl, but Zig's headers, of a newer glibc, do not declare it
    " $FFMPEG_CROSS $ENABLES && sed -i 's/define HAVE_SYSCTL 1/define HAVE_SYSCTL 0/' config.h"
    f" && {MAKE}",
    version="9.",
)

PROTOCOLS = "file,pipe,data,http,httpproxy,tcp,crypto,concat,concatf,subfile,cache,async,fd"

# In the order in which they are built.
ALL = (*LIBRARIES, FFMPEG, *IMAGE_LIBRARIES)
