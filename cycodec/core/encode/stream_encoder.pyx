# cython: no_gc_clear=True
"""What encoders of all kinds of media share: a codec, a stream of the muxer, its packets.

Note [Encoders after a fork]
A forked process has a copy of the encoder, but neither its threads nor a file position of its own.
Freeing the copy would wait for the threads, and would write buffered bytes into the parent's file.
So `__dealloc__` frees nothing in another process than the one that made the object.
"""

import difflib

cimport cython
from libc.errno cimport EAGAIN
from posix.unistd cimport getpid

from cycodec.core.encode.codecs cimport choose_codec
from cycodec.core.encode.log_capture cimport begin_log, end_log
from cycodec.core.encode.muxer cimport Muxer
from cycodec.core.encode.options cimport (
    codec_has_option,
    codec_option_names,
    muxer_option_names,
    set_codec_option,
    set_muxer_option,
)

from cycodec.core.error import FFmpegValueError

from cycodec.libav cimport avcodec, avformat, avutil
from cycodec.libav.avcodec cimport AVCodecDescriptor
from cycodec.libav.avutil cimport AVFrame, AVMediaType


cdef tuple X26X = ("libx264", "libx264rgb", "libx265")
# Options that choose how bits are spent, and the names of their arguments.
RATE_CONTROLS = {"crf": "crf", "qp": "qp", "b": "bit_rate"}
# Codecs of single pictures that FFmpeg's flags do not call so.
cdef tuple PICTURE_CODECS = (b"png", b"bmp", b"tiff", b"targa", b"qoi", b"ppm", b"pgm", b"pam")

# What encoders write to the log about options that they ignore.
IGNORED = ("Error parsing option", "Unknown option", "Invalid value for")


@cython.no_gc_clear
cdef class StreamEncoder(EncoderHandle):
    """One stream of a muxer. A subclass fills frames, and this class encodes and writes them."""

    def __dealloc__(self):
        if self.owner != getpid():
            return              # Note [Encoders after a fork]
        self.free_context()
        avcodec.av_packet_free(&self.packet)
        avutil.av_frame_free(&self.frame)

    cdef int allocate(self, Muxer muxer, str codec, AVMediaType kind) except -1:
        """Prepare to encode with an encoder of that name, or with the container's default."""
        self.owner = getpid()
        self.muxer = muxer
        self.codec = choose_codec(muxer.context.oformat, codec, kind, muxer.sink.name)
        self.packet = avcodec.av_packet_alloc()
        self.frame = avutil.av_frame_alloc()
        if self.packet == NULL or self.frame == NULL:
            raise MemoryError()
        self.new_context()
        self.stream = avformat.avformat_new_stream(muxer.context, NULL)
        if self.stream == NULL:
            raise MemoryError()
        return 0

    cdef int new_context(self) except -1:
        """Make a context, in place of the one that there is."""
        with nogil:
            self.free_context()
        self.context = avcodec.avcodec_alloc_context3(self.codec)
        if self.context == NULL:
            raise MemoryError()
        return 0

    cdef void free_context(self) noexcept nogil:
        """Free the context.

        SVT-AV1 waits for ever in its end if it never got a frame. It gets a black one then.
        """
        cdef AVFrame *frame
        if self.waits_for_frame:
            frame = avutil.av_frame_alloc()
            if frame != NULL:
                frame.format = self.context.pix_fmt
                frame.width, frame.height = self.context.width, self.context.height
                if avutil.av_frame_get_buffer(frame, 0) >= 0:
                    frame.pts = 0
                    avcodec.avcodec_send_frame(self.context, frame)
                    avcodec.avcodec_send_frame(self.context, NULL)
                avutil.av_frame_free(&frame)
        self.waits_for_frame = False
        avcodec.avcodec_free_context(&self.context)

    cdef int set_options(self) except -1:
        """Set each option where it belongs: in the encoder, in the muxer, or in both."""
        name = self.muxer.sink.name
        self.refuse_vain()
        for key, value in self.options.items():
            known = set_codec_option(self.context, key, value, name)
            known = set_muxer_option(self.muxer.context, key, value, name) or known
            if not known:
                self.refuse_option(key)
        return 0

    def refuse_vain(self):
        """Raise if an option has no effect on this kind of codec."""
        cdef const AVCodecDescriptor *desc = avcodec.avcodec_descriptor_get(self.codec.id)
        cdef int props = 0 if desc == NULL else desc.props
        what = None
        is_picture = desc != NULL and <bytes> desc.name in PICTURE_CODECS
        if "g" in self.options and (props & avcodec.AV_CODEC_PROP_INTRA_ONLY or is_picture):
            what = "gop has no effect: each frame is coded by itself (leave it out)"
        elif "b" in self.options and props & avcodec.AV_CODEC_PROP_LOSSLESS and not (
            props & avcodec.AV_CODEC_PROP_LOSSY
        ):
            what = "bit_rate has no effect: the codec is lossless (leave it out)"
        elif self.codec_name in X26X:
            # The encoder would follow the first of them, and ignore the others.
            given = [label for key, label in RATE_CONTROLS.items() if key in self.options]
            if len(given) > 1:
                what = f"only one of {' and '.join(given)} can have an effect (choose one)"
        if what is not None:
            raise FFmpegValueError(
                f"{self.muxer.sink.name}: with the encoder {self.codec_name}, {what}",
                source=self.muxer.sink.name, operation="set options",
            )

    def refuse_option(self, key):
        """Raise the error for an option that neither the encoder nor the container has."""
        own = codec_option_names(self.context)
        every = own + muxer_option_names(self.muxer.context)
        near = difflib.get_close_matches(key, every, 5)
        raise FFmpegValueError(
            f"{self.muxer.sink.name}: neither the encoder {self.codec_name} nor the container "
            f"{self.muxer.format_name} has an option {key!r}"
            + (f" (similar ones: {', '.join(near)})" if near else "")
            + f". Options of the encoder: {', '.join(dict.fromkeys(own))}",
            source=self.muxer.sink.name, operation="set options",
        )

    def has_option(self, str key not None):
        """True if the encoder has an option."""
        return codec_has_option(self.context, key)

    cdef int open(self) except -1:
        """Open the codec with the choices in `context`, and describe it in the container."""
        cdef int code
        if self.muxer.context.oformat.flags & avformat.AVFMT_GLOBALHEADER:
            self.context.flags |= avcodec.AV_CODEC_FLAG_GLOBAL_HEADER
        with nogil:
            begin_log()
            code = avcodec.avcodec_open2(self.context, self.codec, NULL)
        log = end_log()
        if code < 0:
            self.explain_refusal(log)
        self.muxer.check(code, f"open the encoder {self.codec_name}")
        self.waits_for_frame = self.codec_name == "libsvtav1"
        ignored = [line for line in log.splitlines() if any(words in line for words in IGNORED)]
        if ignored:
            raise FFmpegValueError(
                f"{self.muxer.sink.name}: the encoder {self.codec_name} does not accept an option: "
                f"{' '.join(ignored)}", source=self.muxer.sink.name, operation="set options",
            )
        code = avcodec.avcodec_parameters_from_context(self.stream.codecpar, self.context)
        self.muxer.check(code, "set stream parameters")
        self.stream.time_base = self.context.time_base
        return 0

    def explain_refusal(self, str log):
        """Raise what is wrong with the choices of an encoder that did not open, if known."""

    @property
    def codec_name(self):
        """FFmpeg's name of the encoder."""
        return self.codec.name.decode()

    cdef int send(self, AVFrame *frame) noexcept nogil:
        """Encode a frame, or NULL at the end, and write the packets that come out; 0 or AVERROR."""
        cdef int size
        cdef int code
        if frame == NULL and self.waits_for_frame:
            return 0            # nothing to end
        code = avcodec.avcodec_send_frame(self.context, frame)
        self.waits_for_frame = False
        self.failed = code < 0
        while code >= 0:
            code = avcodec.avcodec_receive_packet(self.context, self.packet)
            if code == avutil.AVERROR(EAGAIN) or code == avutil.AVERROR_EOF:
                return 0
            if code < 0:
                break
            self.packet.stream_index = self.stream.index
            if self.packet.duration == 0:
                self.packet.duration = self.packet_duration
            size = self.packet.size
            code = self.muxer.write(self.packet, self.context.time_base)
            if code >= 0:
                self.num_packets += 1
                self.num_bytes += size
        self.failed = True
        return code
