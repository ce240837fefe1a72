# cython: no_gc_clear=True
"""A container that is being written: its format, header, interleaved packets and trailer."""

cimport cython
from cpython.pythread cimport (
    WAIT_LOCK,
    PyThread_acquire_lock,
    PyThread_allocate_lock,
    PyThread_free_lock,
    PyThread_release_lock,
)
from libc.errno cimport ENOMEM
from libc.stdlib cimport free, realloc
from posix.unistd cimport getpid

from cycodec.core.compat cimport compat_output_alloc
from cycodec.core.encode.codecs cimport find_format
from cycodec.core.encode.log_capture cimport begin_log, end_log
from cycodec.core.encode.options cimport muxer_option_names, set_muxer_option
from cycodec.core.io.sink cimport Sink

from cycodec.core.error import CodecNotFoundError, FFmpegValueError, UnsupportedError

from cycodec.libav cimport avcodec, avformat, avutil
from cycodec.libav.avcodec cimport AVPacket
from cycodec.libav.avformat cimport AVOutputFormat
from cycodec.libav.avutil cimport AVRational

# The containers of the MP4 family, which share one muxer in FFmpeg.
MOV_FAMILY = ("mov", "mp4", "3gp", "3g2", "psp", "ipod", "ismv", "f4v", "avif")

# The first major version of libavformat that writes the rotation into Matroska (FFmpeg 7.0).
MATROSKA_ROTATES = 61

# Further containers that store the time of each frame, although FFmpeg does not flag them so.
HAVE_TIMES = ("mpegts", "mpeg", "vob", "dvd", "ivf")


@cython.no_gc_clear
cdef class Muxer(MuxerHandle):
    """A container that is being written. Encoders add their streams before `start`.

    Parameters
    ----------
    sink : Sink
        Where the bytes go.
    format : str or None
        FFmpeg's short name of a format, or a file name extension. None takes the extension of
        `filename`.
    filename : str, optional
    pattern : str, optional
        A path such as ``"out/%05d.png"`` that FFmpeg's image2 muxer numbers. The sink is not used
        then.

    Notes
    -----
    Threads may write packets at the same time. The header is written by `start`; packets that come
    before it wait.
    """

    def __cinit__(self, Sink sink not None, str format=None, str filename=None, str pattern=None):
        cdef const AVOutputFormat *found = find_format(format, filename)
        cdef int code
        cdef bytes url
        self.owner = getpid()
        self.sink = sink
        if found == NULL:
            what = f"format {format!r}" if format is not None else f"the extension of {filename!r}"
            raise CodecNotFoundError(
                f"{sink.name}: the FFmpeg in use has no container for {what} "
                "(name one such as 'mp4', 'mkv', 'webm', 'wav', 'flac', 'mp3', 'm4a', 'opus', 'ogg'; "
                "`ffmpeg -muxers` lists them)",
                source=sink.name, operation="find a container format",
            )
        if found.flags & avformat.AVFMT_NOFILE and pattern is None:
            # HLS and similar formats would write further files into the current directory
            raise UnsupportedError(
                f"{sink.name}: the container {found.name.decode()} is no single file (choose another format)",
                source=sink.name, operation="make a container",
            )
        self.lock = PyThread_allocate_lock()
        if self.lock == NULL:
            raise MemoryError()
        code = compat_output_alloc(&self.context, found)
        self.check(code, "make a container")
        if pattern is None:
            self.context.pb = sink.ptr
        url = (pattern or sink.draft_path or "").encode("utf-8", "surrogateescape")
        avutil.av_freep(&self.context.url)
        self.context.url = avutil.av_strdup(url)
        if self.context.url == NULL:
            raise MemoryError()

    def __dealloc__(self):
        cdef int i
        if self.owner != getpid():
            return              # Note [Encoders after a fork] in core/encode/stream_encoder.pyx
        for i in range(self.num_waiting):
            avcodec.av_packet_free(&self.waiting[i].packet)
        free(self.waiting)
        if self.context != NULL:
            avformat.avformat_free_context(self.context)
        if self.lock != NULL:
            PyThread_free_lock(self.lock)

    cdef int check(self, int code, str operation) except -1:
        return self.sink.check(code, operation)

    @property
    def format_name(self):
        """FFmpeg's name of the container format."""
        return self.context.oformat.name.decode()

    @property
    def is_mov(self):
        """True if the container is of the MP4 family."""
        return self.format_name in MOV_FAMILY

    @property
    def keeps_rotation(self):
        """True if FFmpeg stores the display matrix of a stream in this container."""
        return self.is_mov or self.format_name == "matroska" and avformat.avformat_version() >> 16 >= MATROSKA_ROTATES

    @property
    def has_times(self):
        """True if the container stores a time for each frame."""
        return (
            self.context.oformat.flags & avformat.AVFMT_VARIABLE_FPS != 0 or self.is_mov
            or self.format_name in HAVE_TIMES
        )

    def option_names(self):
        """The names of the container's options."""
        return muxer_option_names(self.context)

    def set_option(self, str key not None, value):
        """Set an option and return True, or return False if there is none of that name."""
        return set_muxer_option(self.context, key, value, self.sink.name)

    def set_metadata(self, str key not None, str value not None):
        """Set a tag of the container."""
        cdef bytes name = key.encode(), text = value.encode()
        self.check(avutil.av_dict_set(&self.context.metadata, name, text, 0), "set metadata")

    def start(self):
        """Write the header and the packets that wait; the muxer must have all its streams."""
        cdef int code
        if self.started:
            return
        with nogil:
            PyThread_acquire_lock(self.lock, WAIT_LOCK)
            begin_log()
            code = avformat.avformat_write_header(self.context, NULL)
            if code >= 0:
                self.started = True
                code = self.write_waiting()
            PyThread_release_lock(self.lock)
        log = end_log()
        if code < 0 and log and self.context.pb != NULL and self.context.pb.error >= 0:
            raise FFmpegValueError(
                f"{self.sink.name}: the container {self.format_name} refuses these streams or options. FFmpeg says: "
                f"{' '.join(log.split())}", source=self.sink.name, operation="write the header", errno=-code,
            )
        self.check(
            code, f"write the header of {self.format_name} (some formats need a destination that can seek)"
        )

    cdef int write(self, AVPacket *packet, AVRational time_base) noexcept nogil:
        """Write a packet where the times of all streams put it; 0 or AVERROR."""
        cdef int code
        PyThread_acquire_lock(self.lock, WAIT_LOCK)
        code = self.put(packet, time_base) if self.started else self.wait(packet, time_base)
        PyThread_release_lock(self.lock)
        return code

    cdef int put(self, AVPacket *packet, AVRational time_base) noexcept nogil:
        cdef int code
        avcodec.av_packet_rescale_ts(
            packet, time_base, self.context.streams[packet.stream_index].time_base
        )
        code = avformat.av_interleaved_write_frame(self.context, packet)
        if code >= 0 and self.context.pb != NULL and self.context.pb.error < 0:
            return self.context.pb.error
        return code

    cdef int wait(self, AVPacket *packet, AVRational time_base) noexcept nogil:
        cdef WaitingPacket *grown
        if self.num_waiting == self.max_waiting:
            self.max_waiting = 2 * self.max_waiting + 16
            grown = <WaitingPacket *> realloc(self.waiting, self.max_waiting * sizeof(WaitingPacket))
            if grown == NULL:
                self.max_waiting = self.num_waiting
                return avutil.AVERROR(ENOMEM)
            self.waiting = grown
        self.waiting[self.num_waiting].packet = avcodec.av_packet_clone(packet)
        if self.waiting[self.num_waiting].packet == NULL:
            return avutil.AVERROR(ENOMEM)
        self.waiting[self.num_waiting].time_base = time_base
        self.num_waiting += 1
        avcodec.av_packet_unref(packet)
        return 0

    cdef int write_waiting(self) noexcept nogil:
        cdef int code = 0, i
        for i in range(self.num_waiting):
            if code >= 0:
                code = self.put(self.waiting[i].packet, self.waiting[i].time_base)
            avcodec.av_packet_free(&self.waiting[i].packet)
        self.num_waiting = 0
        return code

    def finish(self):
        """Write the packets that wait for those of other streams, and the trailer."""
        cdef int code
        if self.finished:
            return
        self.finished = True
        with nogil:
            PyThread_acquire_lock(self.lock, WAIT_LOCK)
            code = avformat.av_write_trailer(self.context)
            if code >= 0 and self.context.pb != NULL:
                avformat.avio_flush(self.context.pb)
                code = self.context.pb.error
            PyThread_release_lock(self.lock)
        self.check(code, "write the trailer")


def resolve_format(str format=None, str filename=None):
    """FFmpeg's name of the container that a format or a file name means; None if there is none."""
    cdef const AVOutputFormat *found = find_format(format, filename)
    return None if found == NULL else (<bytes> found.name).decode()
