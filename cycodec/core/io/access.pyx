"""What opening a source may reach: the protocols and formats that FFmpeg may use for it.

Note [One resource]

Playlists and session descriptions name other files and addresses, and FFmpeg opens them. A file
from a stranger must not do that. So a source is one resource: bytes and file-like objects reach no
protocol, a path reaches the file protocol, and a URL reaches its own protocol. FFmpeg enforces this
with its whitelists of protocols and formats, which nested contexts inherit, and `Demuxer` refuses
to open any URL but the source's own. The user allows more with `protocols` and `formats`, or by a
URL that is a playlist by its ending or its scheme.
"""

import re
from urllib.parse import urlsplit

from cycodec.core.error import FFmpegValueError

from cycodec.libav cimport avcodec, avformat
from cycodec.libav.avformat cimport AVInputFormat, AVProbeData


# The protocols that a scheme needs. A user gives URLs of these schemes without further permission.
cdef dict ORDINARY = {
    "file": ("file",),
    "http": ("http", "https", "tcp", "tls", "httpproxy"),
    "https": ("http", "https", "tcp", "tls", "httpproxy"),
    "ftp": ("ftp", "tcp"),
    "sftp": ("sftp",),
    "mmsh": ("mmsh", "http", "tcp"),
    "mmst": ("mmst", "tcp"),
    "rtmp": ("rtmp", "tcp"),
    "rtmpe": ("rtmpe", "ffrtmpcrypt", "tcp"),
    "rtmps": ("rtmps", "tls", "tcp"),
    "rtmpt": ("rtmpt", "ffrtmphttp", "http", "tcp"),
    "rtmpte": ("rtmpte", "ffrtmpcrypt", "ffrtmphttp", "http", "tcp"),
    "rtmpts": ("rtmpts", "ffrtmphttp", "https", "http", "tls", "tcp"),
    "rtsp": ("rtp", "srtp", "udp", "tcp", "http", "https", "tls", "httpproxy"),
    "rtsps": ("rtp", "srtp", "udp", "tcp", "http", "https", "tls", "httpproxy"),
    "srt": ("srt",),
}
# What other protocols need, when the user allows them.
cdef dict COMPANIONS = {
    **ORDINARY,
    "tls": ("tls", "tcp"),
    "rtp": ("rtp", "udp"),
    "srtp": ("srtp", "rtp", "udp"),
    "sap": ("udp", "rtp"),
    "gopher": ("gopher", "tcp"),
    "gophers": ("gophers", "tls", "tcp"),
}
# Schemes that belong to a demuxer, not to a protocol of FFmpeg.
cdef dict SCHEME_FORMATS = {"rtsp": ("rtsp",), "rtsps": ("rtsp",), "rtp": ("rtp",), "sap": ("sap",)}
# Formats that a URL's ending selects, with the further protocols that their parts need.
cdef dict ENDING_FORMATS = {"m3u8": ("hls",), "m3u": ("hls",), "mpd": ("dash",)}
cdef tuple PLAYLIST_PROTOCOLS = ("crypto", "data")

# Formats that open other resources, which users may allow. AVFMT_NOFILE marks similar formats.
cdef set PLAYLISTS = {
    "hls", "applehttp", "dash", "concat", "sdp", "rtsp", "rtp", "sap", "imf", "webm_dash_manifest", "vobsub",
}
# Formats that run scripts or read discs and devices.
cdef set SCRIPTS = {"avisynth", "vapoursynth", "dvdvideo", "lavfi"}
# Options that belong to cycodec, with what to use instead of them.
cdef dict RESERVED = {
    "protocol_whitelist": "pass protocols=", "protocol_blacklist": "leave protocols= out",
    "format_whitelist": "pass formats=", "pattern_type": "open the pictures one by one",
    "max_pixels": "pass max_pixels=", "threads": "pass num_ffmpeg_threads=", "thread_type": "pass num_ffmpeg_threads=",
    "enable_drefs": "open the referenced file", "use_absolute_path": "open the referenced file",
}

SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9.-]*)(?:\+[A-Za-z0-9+.-]*)?[:,]")

cdef bytes NOTHING = b"none"        # the name of no protocol


cdef class Access:
    """What the user allows when a source is opened.

    Parameters
    ----------
    protocols, formats : iterable of str
        FFmpeg's names of what may be used besides the source's own protocol and the formats of
        single files.
    options : mapping
        FFmpeg's options of demuxer, protocol and decoder.
    timeout : float
        Seconds that a URL may take to answer; 0 waits for ever.
    max_pixels : int
        The largest number of pixels of a frame.
    max_spool_bytes : int
        The largest number of bytes of a stream that are kept in a temporary file.

    Raises
    ------
    FFmpegValueError
        FFmpeg has no such protocol or format, or an option is not for users.
    """

    def __init__(self, protocols=(), formats=(), options=None, double timeout=30.0, int64_t max_pixels=1 << 28,
                 int64_t max_spool_bytes=1 << 32):
        self.protocols = names_of("protocols", protocols)
        self.formats = names_of("formats", formats)
        self.options = {}
        self.timeout = timeout
        self.max_pixels = max_pixels
        self.max_spool_bytes = max_spool_bytes
        for name, value in (options or {}).items():
            if not isinstance(name, str):
                raise TypeError(f"options must have names of type str, not {type(name).__name__}")
            if name in RESERVED:
                raise FFmpegValueError(f"options: {name!r} cannot be set ({RESERVED[name]})", operation="open")
            self.options[str(name)] = str(int(value) if isinstance(value, bool) else value)
        for name in self.protocols:
            if not is_known_scheme(name):
                raise FFmpegValueError(
                    f"protocols: the FFmpeg in use has no protocol {name!r} (`ffmpeg -protocols` lists them)",
                    operation="open",
                )
        for name in self.formats:
            if avformat.av_find_input_format(name.encode()) == NULL:
                raise FFmpegValueError(
                    f"formats: the FFmpeg in use has no demuxer {name!r} (`ffmpeg -demuxers` lists them)",
                    operation="open",
                )

    def __reduce__(self):
        return Access, (
            self.protocols, self.formats, self.options, self.timeout, self.max_pixels, self.max_spool_bytes
        )

    def __eq__(self, other):
        return type(other) is Access and self.__reduce__() == other.__reduce__()

    def __hash__(self):
        return hash((self.protocols, self.formats, tuple(sorted(self.options.items())), self.timeout, self.max_pixels,
                     self.max_spool_bytes))


cdef tuple names_of(str argument, object names):
    """Return names as a tuple of str; a single str counts as one name."""
    if names is None:
        return ()
    if isinstance(names, str):
        names = (names,)
    for name in names:
        if not isinstance(name, str):
            raise TypeError(f"{argument} must be names of type str, not {type(name).__name__}")
    return tuple(str.__str__(name) for name in names)


cdef class Rules:
    """What FFmpeg may use for one source."""

    def __cinit__(self, bytes protocols, bytes formats, bint is_single, bint is_remote):
        self.protocols = protocols
        self.formats = formats
        self.is_single = is_single
        self.is_remote = is_remote


cdef str scheme_of(str url):
    """Return the scheme of a URL in lower case, without a plus sign and its suffix, or None."""
    found = SCHEME.match(url)
    return found[1].lower() if found else None


cdef bint is_known_scheme(str scheme):
    """Return whether FFmpeg has a protocol or a demuxer of a scheme."""
    return scheme in KNOWN_SCHEMES


cdef frozenset all_schemes():
    """Return the schemes of which FFmpeg has a protocol or a demuxer."""
    cdef void *state = NULL
    cdef const char *name
    schemes = set(SCHEME_FORMATS)
    while True:
        name = avformat.avio_enum_protocols(&state, 0)
        if name == NULL:
            return frozenset(schemes)
        schemes.add(name.decode())


cdef bint is_allowed_scheme(Access access, str scheme):
    """Return True if a URL of a scheme may be opened.

    FFmpeg itself refuses schemes that it does not know.
    """
    return scheme in ORDINARY or scheme in access.protocols or not is_known_scheme(scheme)


cdef Rules rules_of(Access access, str url):
    """Return what FFmpeg may use for a URL; "" stands for bytes and file-like objects."""
    if not access.protocols and not access.formats:
        if not url:
            return MEMORY_RULES
        if url.startswith("file:"):
            return FILE_RULES
    return make_rules(access, url)


cdef Rules make_rules(Access access, str url):
    scheme = scheme_of(url) if url else None
    protocols = set(COMPANIONS.get(scheme, (scheme,))) if scheme else set()
    for name in access.protocols:
        protocols.update(COMPANIONS.get(name, (name,)))
    opened = set(SCHEME_FORMATS.get(scheme, ()))
    if scheme in ("http", "https"):
        opened.update(ENDING_FORMATS.get(ending_of(url), ()))
        if opened:
            protocols.update(PLAYLIST_PROTOCOLS)
    if access.formats:
        opened.update(access.formats)
    elif access.protocols and (scheme is None or scheme in ORDINARY):
        # the source needs no permission, so that the user means what a playlist names
        opened.update(PLAYLISTS)
    is_single = not any(is_many(name) for name in opened)
    formats = SINGLE_FORMATS
    if opened:
        formats += b"," + ",".join(sorted(opened)).encode()
    return Rules(
        ",".join(sorted(protocols)).encode() or NOTHING, formats, is_single, scheme is not None and scheme != "file"
    )


cdef str ending_of(str url):
    """Return the ending of the path of a URL, in lower case."""
    try:
        name = urlsplit(url).path.rpartition("/")[2]
    except ValueError:
        return ""
    return name.rpartition(".")[2].lower()


cdef bint is_many(str name):
    """Return whether a format opens other resources."""
    cdef const AVInputFormat *demuxer
    if name in PLAYLISTS or name in SCRIPTS:
        return True
    demuxer = avformat.av_find_input_format(name.encode())
    return demuxer != NULL and demuxer.flags & avformat.AVFMT_NOFILE and not name.startswith("image2")


cdef bytes formats_of_one_resource():
    """Return FFmpeg's demuxers that read the source alone, as a format_whitelist.

    The still picture demuxer opens its files itself; `Demuxer` lets it open nothing but the source.
    """
    cdef void *state = NULL
    cdef const AVInputFormat *demuxer
    names = []
    while True:
        demuxer = avformat.av_demuxer_iterate(&state)
        if demuxer == NULL:
            return ",".join(names).encode()
        for name in demuxer.name.decode().split(","):
            if not (name in PLAYLISTS or name in SCRIPTS) and (
                not demuxer.flags & avformat.AVFMT_NOFILE or name.startswith("image2")
            ):
                names.append(name)


# How the files begin that `FrameIndex.save` writes.
cdef bytes SAVED_INDEX = b"CYCIDX"


# How HLS playlists begin (RFC 8216, 4.3.1.1).
cdef bytes HLS = b"#EXTM3U"


cdef str playlist_in(bytes head, str url):
    """Return the format that opens other resources and that matches the source's first bytes."""
    cdef AVProbeData probe
    cdef bytearray padded = bytearray(head) + bytes(avcodec.AV_INPUT_BUFFER_PADDING_SIZE)
    # newer versions take a file for an HLS playlist only if its name is that of one
    cdef bytes name = b"list.m3u8" if head.startswith(HLS) else url.encode("utf-8", "surrogateescape")
    cdef int score = 0
    cdef const AVInputFormat *demuxer
    probe.filename = name
    probe.buf = <unsigned char *> padded
    probe.buf_size = len(head)
    probe.mime_type = NULL
    demuxer = avformat.av_probe_input_format3(&probe, 1, &score)
    if demuxer == NULL:
        return None
    found = demuxer.name.decode().split(",")[0]
    if head.startswith(SAVED_INDEX):  # FFmpeg takes each name with .idx for subtitles
        return None
    return found if is_many(found) else None


# They are made here, and not when they are needed first, because several threads may open sources.
cdef frozenset KNOWN_SCHEMES = all_schemes()
cdef bytes SINGLE_FORMATS = formats_of_one_resource()
# The rules of sources for which the user allows nothing more.
cdef Rules MEMORY_RULES = make_rules(Access(), "")
cdef Rules FILE_RULES = make_rules(Access(), "file:")
