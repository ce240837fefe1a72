# cython: no_gc_clear=True
"""An open container: its streams, its packets, its header's metadata."""

import hashlib
from fractions import Fraction

cimport cython
from libc.errno cimport EIO
from libc.stdint cimport int32_t, int64_t, uint8_t
from libc.math cimport isnan

from cycodec.core.compat cimport compat_channels, compat_stream_display_matrix
from cycodec.core.error import InvalidDataError, StreamNotFoundError
from cycodec.core.io.source cimport IOContext

from cycodec.libav cimport avcodec, avformat, avutil, swresample, swscale
from cycodec.libav.avcodec cimport AVCodecParameters, AVPacket
from cycodec.libav.avformat cimport AVStream


# Containers and codecs whose header says all that a decoder needs: avformat_find_stream_info, which decodes the first
# frames, can be left out (reference: cpu-speed, section 4).
cdef set SELF_CONTAINED = {"mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm"}
cdef set NEEDS_EXTRADATA = {avcodec.AV_CODEC_ID_H264, avcodec.AV_CODEC_ID_HEVC, avcodec.AV_CODEC_ID_MPEG4}
cdef set NEEDS_SIZE_ONLY = {avcodec.AV_CODEC_ID_VP8, avcodec.AV_CODEC_ID_VP9, avcodec.AV_CODEC_ID_AV1,
                            avcodec.AV_CODEC_ID_MJPEG, avcodec.AV_CODEC_ID_PRORES}

cdef int64_t DIGEST_BYTES = 64 * 1024


@cython.no_gc_clear
cdef class Demuxer:
    """An open container.

    Parameters
    ----------
    io : IOContext
        Where the bytes come from; kept alive as long as the demuxer.
    """

    def __cinit__(self, IOContext io not None):
        cdef bytes url = io.url.encode("utf-8", "surrogateescape")
        cdef const char *name = url
        cdef avutil.AVDictionary *options = NULL
        cdef int code
        self.io = io
        self.held = avcodec.av_packet_alloc()
        if self.held == NULL:
            raise MemoryError()
        self.ptr = avformat.avformat_alloc_context()
        if self.ptr == NULL:
            raise MemoryError()
        if io.ptr != NULL:
            self.ptr.pb = io.ptr
        with nogil:
            # a "%03d" in a name is part of the name, not a pattern for a sequence of pictures
            avutil.av_dict_set(&options, "pattern_type", "none", 0)
            # on failure this frees the context and sets the pointer to NULL
            code = avformat.avformat_open_input(&self.ptr, name, NULL, &options)
            avutil.av_dict_free(&options)
        self.check(code, "open")
        if self.format_name == "tty":
            # FFmpeg would draw the text
            raise InvalidDataError(
                f"{io.name}: this is a text file, not a media file (check the path)", source=io.name, operation="open"
            )

    def __dealloc__(self):
        avcodec.av_packet_free(&self.held)
        if self.ptr != NULL:
            with nogil:
                avformat.avformat_close_input(&self.ptr)

    cdef void abandon(self) noexcept:
        """Forget what is owned without freeing it: see Note [After fork] in stream.pyx."""
        self.ptr = NULL
        self.held = NULL
        self.io.abandon()

    cdef int check(self, int code, str operation) except -1:
        return self.io.check(code, operation)

    cdef void recover(self) noexcept:
        """Let reading go on after an error of the source, which FFmpeg would otherwise repeat for ever."""
        self.drop()
        if self.ptr.pb != NULL:
            self.ptr.pb.error = 0
            self.ptr.pb.eof_reached = 0

    cdef AVStream *stream(self, int index) noexcept nogil:
        return self.ptr.streams[index]

    cdef int read(self, AVPacket *packet, int stream_index) noexcept nogil:
        """The next packet of one stream, or AVERROR."""
        cdef int code
        if self.is_holding:
            self.is_holding = False
            avcodec.av_packet_move_ref(packet, self.held)
            return 0
        while True:
            code = avformat.av_read_frame(self.ptr, packet)
            if code == avutil.AVERROR(EIO) and self.ptr.pb != NULL and self.ptr.pb.eof_reached and self.ptr.pb.error >= 0:
                return avutil.AVERROR_EOF       # what old demuxers (RoQ) call the end
            if code < 0 or packet.stream_index == stream_index:
                return code
            avcodec.av_packet_unref(packet)

    cdef int peek(self, int stream_index, const AVPacket **packet) noexcept nogil:
        """The packet that the next `read` of the stream gives; it stays the demuxer's."""
        cdef int code = 0
        if not self.is_holding:
            code = self.read(self.held, stream_index)
            self.is_holding = code >= 0
        packet[0] = self.held
        return code

    cdef void drop(self) noexcept nogil:
        self.is_holding = False
        avcodec.av_packet_unref(self.held)

    cdef int seek(self, int stream_index, int64_t timestamp) noexcept nogil:
        """To the key frame at or before a timestamp of the stream's time base."""
        self.drop()
        return avformat.av_seek_frame(self.ptr, stream_index, timestamp, avformat.AVSEEK_FLAG_BACKWARD)

    cdef int seek_byte(self, int64_t position) noexcept nogil:
        self.drop()
        return avformat.av_seek_frame(self.ptr, -1, position, avformat.AVSEEK_FLAG_BYTE)

    def probe(self):
        """Let FFmpeg read and decode ahead until every stream is known (avformat_find_stream_info), once."""
        cdef int code
        if self.probed:
            return
        with nogil:
            code = avformat.avformat_find_stream_info(self.ptr, NULL)
        self.check(code, "find stream information")
        self.probed = True

    def is_self_contained(self, int index):
        """Whether a video stream can be decoded by what the header says alone."""
        cdef AVCodecParameters *parameters = self.ptr.streams[index].codecpar
        if self.format_name not in SELF_CONTAINED or parameters.width <= 0 or parameters.height <= 0:
            return False
        if parameters.codec_id in NEEDS_EXTRADATA:
            return parameters.extradata_size > 0
        return parameters.codec_id in NEEDS_SIZE_ONLY

    def select_video(self, stream_index=None):
        """The index of the video stream to decode; all other streams are discarded from now on.

        Raises
        ------
        StreamNotFoundError
            There is no video stream, or the one asked for is of another kind or does not exist.
        """
        cdef int index
        cdef unsigned int i
        videos = [i for i in range(self.ptr.nb_streams)
                  if self.ptr.streams[i].codecpar.codec_type == avutil.AVMEDIA_TYPE_VIDEO]
        candidates = [stream_index] if stream_index is not None else videos
        if len(videos) != 1 or not all(i in videos and self.is_self_contained(i) for i in candidates):
            self.probe()
            videos = [i for i in range(self.ptr.nb_streams)
                      if self.ptr.streams[i].codecpar.codec_type == avutil.AVMEDIA_TYPE_VIDEO]
        if stream_index is None:
            best = self.best_stream("video")
            # of a stream without a decoder is spoken when that is opened
            index = best if best is not None else videos[0] if videos else -1
            if index < 0:
                raise StreamNotFoundError(
                    f"{self.io.name}: there is no video stream in it ({self.describe_streams()}); "
                    "AudioDecoder reads sound",
                    source=self.io.name, operation="find a video stream",
                )
        else:
            index = stream_index
            if index not in videos:
                raise StreamNotFoundError(
                    f"{self.io.name}: stream {index} is no video stream ({self.describe_streams()})",
                    source=self.io.name, operation="find a video stream",
                )
        self.keep_only(index)
        return index

    def select_audio(self, stream_index=None):
        """The index of the audio stream to decode; all other streams are discarded from now on.

        Raises
        ------
        StreamNotFoundError
            There is no audio stream, or the one asked for is of another kind or does not exist.
        """
        cdef unsigned int i
        self.probe()
        sounds = [i for i in range(self.ptr.nb_streams)
                  if self.ptr.streams[i].codecpar.codec_type == avutil.AVMEDIA_TYPE_AUDIO]
        if stream_index is None:
            best = self.best_stream("audio")
            index = best if best is not None else sounds[0] if sounds else -1
            if index < 0:
                raise StreamNotFoundError(
                    f"{self.io.name}: there is no audio stream in it ({self.describe_streams()}); "
                    "VideoDecoder reads pictures",
                    source=self.io.name, operation="find an audio stream",
                )
        else:
            index = stream_index
            if index not in sounds:
                raise StreamNotFoundError(
                    f"{self.io.name}: stream {index} is no audio stream ({self.describe_streams()})",
                    source=self.io.name, operation="find an audio stream",
                )
        self.keep_only(index)
        return index

    def best_stream(self, str media_type):
        """Index of the stream that FFmpeg takes for the main one of a kind ("video" or "audio"), or None."""
        kind = avutil.AVMEDIA_TYPE_VIDEO if media_type == "video" else avutil.AVMEDIA_TYPE_AUDIO
        index = avformat.av_find_best_stream(self.ptr, kind, -1, -1, NULL, 0)
        return index if index >= 0 else None

    def look_ahead(self, int index):
        """Have FFmpeg see the stream's first packet, from which it learns when the stream begins."""
        cdef const AVPacket *packet
        cdef int code
        with nogil:
            code = self.peek(index, &packet)
        if code != avutil.AVERROR_EOF and code != avutil.AVERROR_INVALIDDATA:
            self.check(code, "read the first packet")

    def keep_only(self, int index):
        """Have FFmpeg drop the packets of all other streams."""
        cdef unsigned int i
        for i in range(self.ptr.nb_streams):
            self.ptr.streams[i].discard = (
                avcodec.AVDISCARD_DEFAULT if <int> i == index else avcodec.AVDISCARD_ALL
            )

    def describe_streams(self):
        cdef unsigned int i
        streams = [f"{i}: {self.media_type(i)} {self.codec_name(i)}" for i in range(self.ptr.nb_streams)]
        return "streams " + ", ".join(streams) if streams else "it has no streams"

    @property
    def format_name(self):
        """FFmpeg's name of the container format."""
        return self.ptr.iformat.name.decode()

    @property
    def num_streams(self):
        return self.ptr.nb_streams

    @property
    def can_seek_bytes(self):
        return not self.ptr.iformat.flags & avformat.AVFMT_NO_BYTE_SEEK

    def media_type(self, int index):
        cdef const char *name = avutil.av_get_media_type_string(self.ptr.streams[index].codecpar.codec_type)
        return name.decode() if name != NULL else "unknown"

    def codec_name(self, int index):
        return avcodec.avcodec_get_name(self.ptr.streams[index].codecpar.codec_id).decode()

    def is_attached_picture(self, int index):
        return bool(self.ptr.streams[index].disposition & avformat.AV_DISPOSITION_ATTACHED_PIC)

    def time_base(self, int index):
        return fraction(self.ptr.streams[index].time_base)

    def frame_rate(self, int index):
        """Average frames per second as the header (or probing) says, else the container's base rate; None: unknown."""
        return (
            fraction(self.ptr.streams[index].avg_frame_rate) or fraction(self.ptr.streams[index].r_frame_rate)
        )

    def size(self):
        """Bytes of the source now; None where it cannot be known."""
        cdef int64_t size = avformat.avio_size(self.ptr.pb) if self.ptr.pb != NULL else -1
        return size if size >= 0 else None

    def fingerprint(self):
        """Size and digest of head and tail of the source: (bytes, 16-byte digest), or None where it cannot seek."""
        cdef avformat.AVIOContext *pb = self.ptr.pb
        cdef int64_t size, here
        if pb == NULL or not pb.seekable & avformat.AVIO_SEEKABLE_NORMAL:
            return None
        size = avformat.avio_size(pb)
        if size < 0:
            return None
        here = avformat.avio_seek(pb, 0, 1)
        digest = hashlib.blake2b(digest_size=16)
        digest.update(self.read_bytes(0, min(size, DIGEST_BYTES)))
        digest.update(self.read_bytes(max(0, size - DIGEST_BYTES), min(size, DIGEST_BYTES)))
        avformat.avio_seek(pb, here, 0)
        return size, digest.digest()

    def read_bytes(self, int64_t start, int64_t length):
        """Bytes of the source itself; the caller puts the position back."""
        cdef bytes data = bytes(length)
        cdef uint8_t *buffer = <uint8_t *> (<const char *> data)
        cdef int64_t code = avformat.avio_seek(self.ptr.pb, start, 0)
        cdef int got
        if code >= 0:
            with nogil:
                got = avformat.avio_read(self.ptr.pb, buffer, <int> length)
            if got == avutil.AVERROR_EOF:
                got = 0
            self.check(got, "read")
            return data[:got]
        self.check(<int> code, "seek")
        return b""

    # -- metadata ---------------------------------------------------------------------------------------------------

    def container_info(self):
        """What the header says of the container, as a dict."""
        return {
            "format": self.format_name,
            "duration_seconds_from_header": (
                self.ptr.duration / <double> avutil.AV_TIME_BASE
                if self.ptr.duration != avutil.AV_NOPTS_VALUE and self.ptr.duration > 0 else None
            ),
            "bit_rate": float(self.ptr.bit_rate) if self.ptr.bit_rate > 0 else None,
            "tags": tags(self.ptr.metadata),
            "num_chapters": self.ptr.nb_chapters,
        }

    def stream_info(self, int index):
        """What the header says of one stream, as a dict; None for what it does not say."""
        cdef AVStream *stream = self.ptr.streams[index]
        cdef AVCodecParameters *parameters = stream.codecpar
        cdef double base = avutil.av_q2d(stream.time_base)
        info = {
            "media_type": self.media_type(index),
            "codec": self.codec_name(index),
            "stream_index": index,
            "duration_seconds_from_header": (
                stream.duration * base if stream.duration != avutil.AV_NOPTS_VALUE and stream.duration > 0 else None
            ),
            "begin_stream_seconds_from_header": (
                stream.start_time * base if stream.start_time != avutil.AV_NOPTS_VALUE else None
            ),
            "bit_rate": float(parameters.bit_rate) if parameters.bit_rate > 0 else None,
            "tags": tags(stream.metadata),
        }
        if info["duration_seconds_from_header"] is None and self.ptr.duration > 0:
            info["duration_seconds_from_header"] = self.ptr.duration / <double> avutil.AV_TIME_BASE
        if parameters.codec_type == avutil.AVMEDIA_TYPE_VIDEO:
            info.update(self.video_info(index))
        elif parameters.codec_type == avutil.AVMEDIA_TYPE_AUDIO:
            info.update(
                sample_rate=parameters.sample_rate or None,
                num_channels=compat_channels(parameters) or None,
                sample_format=sample_format_name(parameters.format),
            )
        return info

    def video_info(self, int index):
        cdef AVStream *stream = self.ptr.streams[index]
        cdef AVCodecParameters *parameters = stream.codecpar
        cdef avutil.AVRational aspect = stream.sample_aspect_ratio
        if aspect.num <= 0:
            aspect = parameters.sample_aspect_ratio
        rate = None if self.is_attached_picture(index) else self.frame_rate(index)
        return {
            "width": parameters.width or None,
            "height": parameters.height or None,
            "num_frames_from_header": stream.nb_frames or None,
            "average_fps_from_header": float(rate) if rate else None,
            "pixel_aspect_ratio": fraction(aspect),
            "rotation": self.rotation(index),
            "pixel_format": pixel_format_name(parameters.format),
            **colour_names(parameters.color_primaries, parameters.color_space, parameters.color_trc,
                           parameters.color_range),
        }

    def rotation(self, int index):
        """Counter-clockwise angle in degrees, in (-180, 180], by which the picture is to be turned; None: not said."""
        matrix = self.display_matrix(index)
        if matrix is None:
            return None
        cdef int32_t values[9]
        for i in range(9):
            values[i] = matrix[i]
        cdef double angle = avutil.av_display_rotation_get(values)
        return None if isnan(angle) else angle

    def display_matrix(self, int index):
        """The stream's 3x3 display matrix as nine integers (16.16 and 2.30 fixed point), or None."""
        cdef int32_t values[9]
        if not compat_stream_display_matrix(self.ptr.streams[index], values):
            return None
        return tuple(values[i] for i in range(9))


cdef object fraction(avutil.AVRational value):
    return Fraction(value.num, value.den) if value.num and value.den else None


cdef str pixel_format_name(int pixel_format):
    cdef const char *name = avutil.av_get_pix_fmt_name(<avutil.AVPixelFormat> pixel_format)
    return name.decode() if name != NULL else None


cdef str sample_format_name(int sample_format):
    cdef const char *name = avutil.av_get_sample_fmt_name(<avutil.AVSampleFormat> sample_format)
    return name.decode() if name != NULL else None


cdef str known(const char *name):
    """A colour property by name; None where FFmpeg calls it unknown."""
    if name == NULL:
        return None
    text = name.decode()
    return None if text in ("unknown", "unspecified", "reserved") else text


cdef dict colour_names(int primaries, int space, int transfer, int colour_range):
    return {
        "color_primaries": known(avutil.av_color_primaries_name(primaries)),
        "color_space": known(avutil.av_color_space_name(space)),
        "color_transfer_characteristic": known(avutil.av_color_transfer_name(transfer)),
        "color_range": known(avutil.av_color_range_name(colour_range)),
    }


def describe_frame_colour(int pixel_format, int primaries, int space, int transfer, int colour_range):
    """Pixel format and colour properties by name, under the names that stream_info uses."""
    return {
        "pixel_format": pixel_format_name(pixel_format),
        **colour_names(primaries, space, transfer, colour_range),
    }


cdef dict tags(avutil.AVDictionary *dictionary):
    cdef avutil.AVDictionaryEntry *entry = NULL
    result = {}
    while True:
        entry = avutil.av_dict_get(dictionary, b"", entry, avutil.AV_DICT_IGNORE_SUFFIX)
        if entry == NULL:
            return result
        result[entry.key.decode("utf-8", "replace")] = entry.value.decode("utf-8", "replace")


def ffmpeg_versions():
    """Version of FFmpeg and of each of its libraries in use, as a dict of strings."""
    def text(unsigned version):
        return f"{version >> 16}.{(version >> 8) & 255}.{version & 255}"

    return {
        "ffmpeg": avutil.av_version_info().decode(),
        "libavformat": text(avformat.avformat_version()),
        "libavcodec": text(avcodec.avcodec_version()),
        "libavutil": text(avutil.avutil_version()),
        "libswscale": text(swscale.swscale_version()),
        "libswresample": text(swresample.swresample_version()),
        "license": avutil.avutil_license().decode(),
    }


def set_log_level(str level):
    """How much FFmpeg writes to stderr: "quiet", "fatal", "error", "warning" or "info"."""
    levels = {
        "quiet": avutil.AV_LOG_QUIET, "fatal": avutil.AV_LOG_FATAL, "error": avutil.AV_LOG_ERROR,
        "warning": avutil.AV_LOG_WARNING, "info": avutil.AV_LOG_INFO,
    }
    if level not in levels:
        raise ValueError(f"level must be one of {sorted(levels)}, not {level!r}")
    avutil.av_log_set_level(levels[level])
