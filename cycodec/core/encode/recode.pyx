# cython: no_gc_clear=True
"""A few pictures of a stream, decoded and encoded again with their size, format and colours."""

import hashlib
import os

cimport cython
from cpython.bytes cimport PyBytes_AsString, PyBytes_FromStringAndSize
from libc.errno cimport EAGAIN
from libc.stdint cimport int64_t
from libc.string cimport memcpy

from cycodec.core.bitstream.nal cimport NalFormat, is_exact_entry, nal_format
from cycodec.core.bitstream.vpx cimport is_hidden_vp8, is_hidden_vp9
from cycodec.core.compat cimport compat_codec_pixel_format
from cycodec.core.container.decoder_context cimport allocate_decoder, open_decoder, set_options
from cycodec.core.container.demux cimport Demuxer
from cycodec.core.encode.copier cimport go_before
from cycodec.core.encode.log_capture cimport begin_log, end_log
from cycodec.core.encode.options cimport set_codec_option

from cycodec.core.error import UnsupportedError

from cycodec.libav cimport avcodec, avutil
from cycodec.libav.avcodec cimport AVCodec, AVCodecID, AVPacket
from cycodec.libav.avformat cimport AVStream
from cycodec.libav.avutil cimport AVFrame, AVPixelFormat, AVPixFmtDescriptor

cdef enum:
    MAX_ERRORS = 256        # of a decoder after one packet
    USUAL_RATE = 25         # frames a second of an encoder whose source does not say a rate

# The formats that say by themselves that values have full range, and what they are without that.
cdef dict FULL_RANGE_FORMATS = {
    b"yuvj420p": b"yuv420p", b"yuvj422p": b"yuv422p", b"yuvj444p": b"yuv444p", b"yuvj440p": b"yuv440p",
}


@cython.no_gc_clear
cdef class Packet:
    """A packet, in the time base of its stream."""

    def __cinit__(self):
        self.ptr = avcodec.av_packet_alloc()
        if self.ptr == NULL:
            raise MemoryError()

    def __dealloc__(self):
        avcodec.av_packet_free(&self.ptr)

    @staticmethod
    def made(bytes data not None, int64_t pts, int64_t dts, int64_t duration, bint is_key):
        """Return a packet with these bytes and times."""
        cdef Packet made = Packet()
        if avcodec.av_new_packet(made.ptr, <int> len(data)) < 0:
            raise MemoryError()
        memcpy(made.ptr.data, PyBytes_AsString(data), len(data))
        made.ptr.pts, made.ptr.dts, made.ptr.duration = pts, dts, duration
        made.ptr.flags = avcodec.AV_PKT_FLAG_KEY if is_key else 0
        return made

    @property
    def pts(self):
        """The time of presentation, or None."""
        return None if self.ptr.pts == avutil.AV_NOPTS_VALUE else self.ptr.pts

    @property
    def dts(self):
        """The time of decoding, or None."""
        return None if self.ptr.dts == avutil.AV_NOPTS_VALUE else self.ptr.dts

    @property
    def duration(self):
        """The duration; 0 if it is not known."""
        return self.ptr.duration

    @property
    def is_key(self):
        """True if decoding may begin here."""
        return self.ptr.flags & avcodec.AV_PKT_FLAG_KEY != 0

    @property
    def is_discarded(self):
        """True if an edit list hides the packet's picture."""
        return self.ptr.flags & avcodec.AV_PKT_FLAG_DISCARD != 0

    @property
    def data(self):
        """The bytes."""
        return PyBytes_FromStringAndSize(<char *> self.ptr.data, self.ptr.size)

    @property
    def size(self):
        """The number of bytes."""
        return self.ptr.size


@cython.no_gc_clear
cdef class Picture:
    """A decoded picture, in the pixel format of its stream."""

    def __dealloc__(self):
        avutil.av_frame_free(&self.ptr)

    @property
    def pts(self):
        """The time of presentation, in the time base of the stream, or None."""
        cdef int64_t pts = self.ptr.pts
        if pts == avutil.AV_NOPTS_VALUE:
            pts = self.ptr.best_effort_timestamp
        return None if pts == avutil.AV_NOPTS_VALUE else pts

    def digest(self):
        """Return a hash of size, format and pixels."""
        cdef const AVPixFmtDescriptor *desc = avutil.av_pix_fmt_desc_get(<AVPixelFormat> self.ptr.format)
        cdef int plane, y, rows, width
        found = hashlib.blake2b(f"{self.ptr.width} {self.ptr.height} {self.ptr.format}".encode(), digest_size=16)
        for plane in range(4):
            width = avutil.av_image_get_linesize(<AVPixelFormat> self.ptr.format, self.ptr.width, plane)
            if self.ptr.data[plane] == NULL or width <= 0:
                break
            rows = self.ptr.height
            if plane in (1, 2) and desc.nb_components >= 3:
                rows = -((-rows) >> desc.log2_chroma_h)
            if desc.flags & avutil.AV_PIX_FMT_FLAG_PAL and plane == 1:
                break
            for y in range(rows):
                found.update(
                    PyBytes_FromStringAndSize(<char *> self.ptr.data[plane] + y * self.ptr.linesize[plane], width)
                )
        return found.digest()


cdef class PacketReader:
    """The packets of one stream.

    Parameters
    ----------
    demuxer : Demuxer
    stream : int
    """

    def __cinit__(self, Demuxer demuxer not None, int stream):
        self.demuxer, self.stream = demuxer, stream

    def go_before(self, int guide, begin):
        """Go to a key frame of a stream far before a time; None goes to the beginning.

        Parameters
        ----------
        guide : int
            The stream.
        begin : int or None
            In microseconds.
        """
        cdef bint from_start = begin is None
        cdef int64_t target = 0 if begin is None else begin
        cdef int code
        with nogil:
            code = go_before(self.demuxer, guide, target, from_start)
        self.demuxer.check(code, "seek")

    def read(self):
        """Return the next packet; None at the end."""
        cdef Packet packet = Packet()
        cdef int code
        with nogil:
            code = self.demuxer.read(packet.ptr, self.stream)
        if code == avutil.AVERROR_EOF:
            self.demuxer.settle()
            return None
        self.demuxer.check(code, "read packets")
        return packet

    @property
    def reorders(self):
        """True if frames of the stream are stored in another order than that of display."""
        return self.demuxer.stream(self.stream).codecpar.video_delay > 0

    def is_entry(self, Packet packet not None):
        """Return True if a packet is a key frame from which on all pictures can be decoded."""
        cdef NalFormat format = nal_format(self.demuxer.stream(self.stream).codecpar)
        if not packet.is_key or packet.is_discarded:
            return False
        return format.length < 0 or is_exact_entry(&format, packet.ptr.data, packet.ptr.size)

    def is_hidden(self, Packet packet not None):
        """Return True if a packet of VP8 or VP9 gives no picture."""
        cdef AVCodecID codec = self.demuxer.stream(self.stream).codecpar.codec_id
        if packet.ptr.size == 0:
            return True
        if codec == avcodec.AV_CODEC_ID_VP8:
            return is_hidden_vp8(packet.ptr.data[0])
        if codec == avcodec.AV_CODEC_ID_VP9:
            return is_hidden_vp9(packet.ptr.data[0], packet.ptr.data[packet.ptr.size - 1])
        return False


@cython.no_gc_clear
cdef class PictureDecoder:
    """A new decoder of a stream, by one thread.

    Parameters
    ----------
    demuxer : Demuxer
    stream : int
    """

    def __cinit__(self, Demuxer demuxer not None, int stream):
        cdef AVStream *ptr = demuxer.stream(stream)
        self.demuxer = demuxer
        self.context = allocate_decoder(
            avcodec.avcodec_find_decoder(ptr.codecpar.codec_id), ptr.codecpar, ptr.time_base, 1,
            demuxer.io.access.max_pixels, demuxer.io.name,
        )
        set_options(self.context, demuxer.codec_options, demuxer.io.name)
        open_decoder(self.context, demuxer.io.name)

    def __dealloc__(self):
        avcodec.avcodec_free_context(&self.context)

    def decode(self, Packet packet):
        """Return the pictures that come out after a packet, or after the last one with None."""
        cdef AVFrame *frame
        cdef Picture picture
        cdef const AVPacket *given = NULL if packet is None else packet.ptr
        cdef int code, num_errors = 0
        found = []
        with nogil:
            begin_log()
            code = avcodec.avcodec_send_packet(self.context, given)
        self.complains = bool(end_log()) or self.complains
        if code != avutil.AVERROR_EOF and code != avutil.AVERROR_INVALIDDATA:
            self.demuxer.check(code, "decode")      # the caller notices which pictures are missing
        while True:
            picture = Picture()
            picture.ptr = frame = avutil.av_frame_alloc()
            if frame == NULL:
                raise MemoryError()
            with nogil:
                begin_log()
                code = avcodec.avcodec_receive_frame(self.context, frame)
            self.complains = bool(end_log()) or self.complains
            if code == avutil.AVERROR(EAGAIN) or code == avutil.AVERROR_EOF:
                return found
            if code == avutil.AVERROR_INVALIDDATA:
                num_errors += 1
                if num_errors > MAX_ERRORS:
                    return found        # a decoder may return the same error without end
                continue
            self.demuxer.check(code, "decode")
            found.append(picture)


@cython.no_gc_clear
cdef class PictureEncoder:
    """An encoder of pictures in the format of a stream. It gives a packet for each, in order.

    Parameters
    ----------
    demuxer : Demuxer
    stream : int
        What the pictures come from.
    like : Picture
        The first picture.
    codec : str
        Name of the encoder.
    options : dict
        Its options.
    """

    def __cinit__(self, Demuxer demuxer not None, int stream, Picture like not None, str codec not None,
                  dict options not None):
        cdef bytes name = codec.encode()
        cdef const AVCodec *found = avcodec.avcodec_find_encoder_by_name(name)
        self.demuxer, self.name = demuxer, codec
        self.context = avcodec.avcodec_alloc_context3(found)
        if self.context == NULL:
            raise MemoryError()
        if codec == "libsvtav1":
            os.environ.setdefault("SVT_LOG", "1")       # it writes to stderr by itself: errors only
        self.set_format(like)
        self.open(stream, like, options)

    def __dealloc__(self):
        avcodec.avcodec_free_context(&self.context)

    cdef int set_format(self, Picture like) except -1:
        """Choose the picture's pixel format, or the same values under another name."""
        cdef bytes own = avutil.av_get_pix_fmt_name(<AVPixelFormat> like.ptr.format)
        cdef int format
        cdef int i = 0
        offered = []
        while compat_codec_pixel_format(self.context.codec, i) >= 0:
            offered.append(compat_codec_pixel_format(self.context.codec, i))
            i += 1
        format = like.ptr.format
        if own in FULL_RANGE_FORMATS and offered and format not in offered:
            own = FULL_RANGE_FORMATS[own]
            format = avutil.av_get_pix_fmt(own)
        if offered and format not in offered:
            raise UnsupportedError(
                f"{self.demuxer.io.name}: cannot cut exactly: the encoder {self.name} has no pixel format "
                f"{own.decode()}, which the frames have (leave exact out to cut at a key frame)",
                source=self.demuxer.io.name, operation="cut",
            )
        self.context.pix_fmt = <AVPixelFormat> format
        return 0

    cdef int open(self, int stream, Picture like, dict options) except -1:
        cdef AVStream *ptr = self.demuxer.stream(stream)
        cdef AVFrame *frame = like.ptr
        cdef int code
        self.context.width, self.context.height = frame.width, frame.height
        self.context.sample_aspect_ratio = frame.sample_aspect_ratio
        if ptr.sample_aspect_ratio.num > 0:
            self.context.sample_aspect_ratio = ptr.sample_aspect_ratio
        self.context.color_range = frame.color_range
        self.context.color_primaries = frame.color_primaries
        self.context.color_trc = frame.color_trc
        self.context.colorspace = frame.colorspace
        self.context.framerate = ptr.avg_frame_rate
        if ptr.avg_frame_rate.num <= 0 or ptr.avg_frame_rate.den <= 0:
            self.context.framerate.num, self.context.framerate.den = USUAL_RATE, 1
        self.context.time_base.num = self.context.framerate.den
        self.context.time_base.den = self.context.framerate.num
        self.context.max_b_frames = 0
        for key, value in options.items():
            set_codec_option(self.context, key, value, self.demuxer.io.name)
        # MPEG-4 headers say whether frames may be reordered. Where that changes from yes to no, the
        # decoder loses the frame that it holds back.
        if ptr.codecpar.codec_id == avcodec.AV_CODEC_ID_MPEG4:
            self.context.max_b_frames = 1 if ptr.codecpar.video_delay > 0 else 0
        with nogil:
            begin_log()
            code = avcodec.avcodec_open2(self.context, self.context.codec, NULL)
        log = end_log()
        if code < 0:
            raise UnsupportedError(
                f"{self.demuxer.io.name}: cannot cut exactly: the encoder {self.name} does not open for these frames"
                + (f". FFmpeg says: {' '.join(log.split())}" if log else "")
                + " (leave exact out to cut at a key frame)", source=self.demuxer.io.name, operation="cut",
            )
        return 0

    def encode(self, Picture picture):
        """Return the packets that come out after a picture, or after the last one with None.

        Their times count the pictures from 0.
        """
        cdef AVFrame *frame = NULL
        cdef Packet packet
        cdef int code
        found = []
        if picture is not None:
            frame = avutil.av_frame_clone(picture.ptr)
            if frame == NULL:
                raise MemoryError()
            frame.pts = self.count
            frame.format = self.context.pix_fmt
            # encoders reorder nothing then, also where their options would let them
            frame.pict_type = avutil.AV_PICTURE_TYPE_P if self.count else avutil.AV_PICTURE_TYPE_I
            self.count += 1
        with nogil:
            code = avcodec.avcodec_send_frame(self.context, frame)
            avutil.av_frame_free(&frame)
        while code >= 0:
            packet = Packet()
            with nogil:
                code = avcodec.avcodec_receive_packet(self.context, packet.ptr)
            if code == avutil.AVERROR(EAGAIN) or code == avutil.AVERROR_EOF:
                return found
            if code >= 0:
                found.append(packet)
        self.demuxer.check(code, f"encode with {self.name}")
        return found


def find_encoder(Demuxer demuxer not None, int stream, tuple preferred not None):
    """Return the name of the first encoder there is, or of any one for the codec, or None."""
    cdef const AVCodec *found = NULL
    cdef bytes name
    cdef AVCodecID codec = demuxer.stream(stream).codecpar.codec_id
    for wanted in preferred:
        name = wanted.encode()
        found = avcodec.avcodec_find_encoder_by_name(name)
        if found != NULL:
            return wanted
    found = avcodec.avcodec_find_encoder(codec)
    return None if found == NULL else (<bytes> found.name).decode()
