# cython: no_gc_clear=True
"""Packets of a container that go into another one as they are: remuxing, cutting, joining."""

cimport cython
from cpython.exc cimport PyErr_CheckSignals
from libc.errno cimport EINVAL, ENOMEM
from libc.stdint cimport INT64_MAX, INT64_MIN, int64_t
from libc.stdlib cimport free, malloc, realloc
from posix.unistd cimport getpid

from cycodec.core.compat cimport compat_channels, compat_copy_side_data
from cycodec.core.container.demux cimport Demuxer
from cycodec.core.encode.muxer cimport Muxer

from cycodec.core.error import FFmpegValueError, UnsupportedError

from cycodec.libav cimport avcodec, avformat, avutil
from cycodec.libav.avcodec cimport AVCodecParameters, AVPacket
from cycodec.libav.avformat cimport AVStream
from cycodec.libav.avutil cimport AVRational

cdef enum:
    SEEK_EARLIER = 3000000      # audio may be stored so many microseconds away from its video
    CHECKED = 256               # packets between two looks at pending signals

cdef int64_t FAR_BACK = -(<int64_t> 1 << 40)    # a time before every beginning

cdef enum:
    SEARCHING, COPYING, ENDING, DONE    # what `step` is at

# Tags that describe the old file, and that the muxer writes anew.
cdef tuple DERIVED_TAGS = (b"major_brand", b"minor_version", b"compatible_brands", b"encoder")

MICROSECONDS.num = 1
MICROSECONDS.den = 1000000


@cython.no_gc_clear
cdef class PacketCopier:
    """Copies packets into a muxer.

    Parameters
    ----------
    muxer : Muxer
        It must not have been started.
    """

    def __cinit__(self, Muxer muxer not None):
        self.owner = getpid()
        self.muxer = muxer
        self.kinds = []
        self.guide = -1

    def __dealloc__(self):
        cdef int i
        if self.owner != getpid():
            return              # Note [Encoders after a fork] in core/encode/stream_encoder.pyx
        for i in range(self.num_held):
            avcodec.av_packet_free(&self.held[i].packet)
        free(self.held)
        free(self.places)
        free(self.last_dts)

    def add_streams(self, Demuxer demuxer not None, list streams not None):
        """Describe streams of a source in the muxer, in this order."""
        cdef AVStream *source
        cdef AVStream *made
        cdef int64_t *dts
        name = self.muxer.sink.name
        for number in streams:
            source = demuxer.stream(number)
            if not avformat.avformat_query_codec(
                self.muxer.context.oformat, source.codecpar.codec_id, avcodec.FF_COMPLIANCE_NORMAL
            ):
                raise UnsupportedError(
                    f"{name}: the container {self.muxer.format_name} holds no "
                    f"{avcodec.avcodec_get_name(source.codecpar.codec_id).decode()}, which stream {number} of "
                    f"{demuxer.io.name} is (choose another format, such as mkv, or encode it again)",
                    source=name, operation="copy packets",
                )
            if not self.muxer.keeps_rotation and not is_upright(demuxer.display_matrix(number)):
                raise UnsupportedError(
                    f"{name}: the container {self.muxer.format_name} of this FFmpeg keeps no rotation, but stream "
                    f"{number} of {demuxer.io.name} is turned by {demuxer.rotation(number) or 0:g} degrees or flipped "
                    "(choose mp4 or mov, or encode it again)", source=name, operation="copy packets",
                )
            made = avformat.avformat_new_stream(self.muxer.context, NULL)
            if made == NULL:
                raise MemoryError()
            self.muxer.check(avcodec.avcodec_parameters_copy(made.codecpar, source.codecpar), "copy parameters")
            self.muxer.check(compat_copy_side_data(made, source), "copy side data")
            made.codecpar.codec_tag = 0
            made.time_base = source.time_base
            made.avg_frame_rate = source.avg_frame_rate
            made.r_frame_rate = source.r_frame_rate
            made.sample_aspect_ratio = source.sample_aspect_ratio
            made.disposition = source.disposition
            avutil.av_dict_copy(&made.metadata, source.metadata, 0)
            self.kinds.append(kind_of(source.codecpar))
            dts = <int64_t *> realloc(self.last_dts, len(self.kinds) * sizeof(int64_t))
            if dts == NULL:
                raise MemoryError()
            self.last_dts = dts
            self.last_dts[len(self.kinds) - 1] = INT64_MIN

    def copy_metadata(self, Demuxer demuxer not None):
        """Copy the tags of the container."""
        avutil.av_dict_copy(&self.muxer.context.metadata, demuxer.ptr.metadata, 0)
        for name in DERIVED_TAGS:
            avutil.av_dict_set(&self.muxer.context.metadata, name, NULL, 0)

    cdef int place(self, Demuxer demuxer, list streams) except -1:
        """Note which stream goes where, and check that it is like the one that is there."""
        cdef unsigned int i
        free(self.places)
        self.num_places = <int> demuxer.ptr.nb_streams
        self.places = <int *> malloc(max(self.num_places, 1) * sizeof(int))
        if self.places == NULL:
            raise MemoryError()
        for i in range(demuxer.ptr.nb_streams):
            self.places[i] = streams.index(i) if i in streams else -1
        for place, number in enumerate(streams):
            found, wanted = kind_of(demuxer.stream(number).codecpar), self.kinds[place]
            # streams of two kinds of media have different keys, and different codecs
            unlike = [key for key in wanted if wanted[key] != found.get(key, wanted[key])]
            if unlike or wanted.keys() != found.keys():
                said = "; ".join(
                    f"{key} is {describe(found[key])}, not {describe(wanted[key])}" for key in unlike
                ) or "they hold different kinds of media"
                raise FFmpegValueError(
                    f"{demuxer.io.name}: its stream {number} cannot follow that of the first file without encoding: "
                    f"{said} (encode one of them again with the settings of the other)",
                    source=demuxer.io.name, operation="join files",
                )
        return 0

    def copy(self, Demuxer demuxer not None, list streams not None, int guide=-1, start=None, stop=None):
        """Copy the packets of streams behind what was copied before.

        Parameters
        ----------
        demuxer : Demuxer
        streams : list of int
            The source's streams in the order of the muxer's.
        guide : int
            The video stream at whose key frames a cut begins; -1 if there is none.
        start, stop : int, optional
            Times in microseconds. The cut begins at the last key frame at or before `start`, and
            ends before `stop`, with the frames that frames before `stop` need.
        """
        cdef int64_t begin = INT64_MIN if start is None else start
        cdef int64_t last = INT64_MAX if stop is None else stop
        cdef int code = 0, state, i
        cdef AVPacket *packet = avcodec.av_packet_alloc()
        if packet == NULL:
            raise MemoryError()
        try:
            self.place(demuxer, streams)
            self.guide = guide
            state = SEARCHING if start is not None else COPYING
            self.first, self.seen = begin, INT64_MIN
            self.offset = self.end
            if start is None:
                self.offset -= demuxer.ptr.start_time if demuxer.ptr.start_time != avutil.AV_NOPTS_VALUE else 0
            else:
                with nogil:
                    code = go_before(demuxer, max(guide, 0), begin, False)
                demuxer.check(code, "seek")
            self.muxer.start()
            while code >= 0 and state != DONE:
                with nogil:
                    for _ in range(CHECKED):
                        demuxer.begin()
                        code = avformat.av_read_frame(demuxer.ptr, packet)
                        if code < 0:
                            break
                        code = self.step(demuxer, packet, begin, last, &state)
                        avcodec.av_packet_unref(packet)
                        if code < 0 or state == DONE:
                            break
                if code != avutil.AVERROR_EOF:
                    self.check(demuxer, code)
                PyErr_CheckSignals()
            if state == SEARCHING and self.guide >= 0:
                self.offset = self.end - self.first
            with nogil:
                code = self.release(demuxer) if state == SEARCHING and self.seen > begin else 0
            self.check(demuxer, code)
            for i in range(self.num_held):
                avcodec.av_packet_free(&self.held[i].packet)
            self.num_held = 0
        finally:
            avcodec.av_packet_free(&packet)

    cdef int check(self, Demuxer demuxer, int code) except -1:
        """Raise the error of a code, which names the source or the destination."""
        if code >= 0:
            return 0
        if not self.is_refused:
            demuxer.check(code, "read packets")
        if code not in (avutil.AVERROR_INVALIDDATA, avutil.AVERROR_PATCHWELCOME, avutil.AVERROR(EINVAL)):
            self.muxer.check(code, "copy packets")
        raise UnsupportedError(
            f"{self.muxer.sink.name}: the container {self.muxer.format_name} refuses a packet in the form that "
            f"{demuxer.io.name} has it (choose another format, such as mkv, or encode it again)",
            source=self.muxer.sink.name, operation="copy packets",
        )

    cdef int step(self, Demuxer demuxer, AVPacket *packet, int64_t start, int64_t stop, int *state) noexcept nogil:
        """Decide about one packet; 0 or AVERROR."""
        cdef AVRational base
        cdef int64_t begin, end, decoded
        cdef bint is_guide
        cdef int code
        if packet.stream_index >= self.num_places or self.places[packet.stream_index] < 0:
            return 0
        base = demuxer.stream(packet.stream_index).time_base
        begin = packet.pts if packet.pts != avutil.AV_NOPTS_VALUE else packet.dts
        if begin == avutil.AV_NOPTS_VALUE:
            return self.write(demuxer, packet) if state[0] == COPYING and stop == INT64_MAX else 0
        end = avutil.av_rescale_q(begin + packet.duration, base, MICROSECONDS)
        begin = avutil.av_rescale_q(begin, base, MICROSECONDS)
        decoded = begin
        if packet.dts != avutil.AV_NOPTS_VALUE:
            decoded = avutil.av_rescale_q(packet.dts, base, MICROSECONDS)
        is_guide = packet.stream_index == self.guide
        if is_guide:
            self.seen = max(self.seen, end, begin + 1)
        if state[0] == SEARCHING:
            if self.guide < 0:
                if end <= start:
                    return 0
                self.first = min(begin, start)
                self.offset = self.end - self.first
                state[0] = COPYING
            elif is_guide and packet.flags & avcodec.AV_PKT_FLAG_KEY and (begin <= start or self.first == INT64_MIN):
                self.forget(self.guide)
                self.first = begin
                return self.hold(packet, begin)
            elif is_guide and decoded > start:
                state[0] = COPYING
                self.offset = self.end - self.first
                code = self.release(demuxer)
                if code < 0:
                    return code
            else:
                return self.hold(packet, begin)
        if self.guide >= 0 and start != INT64_MIN:
            # leading pictures refer to frames before the cut
            if is_guide and begin < self.first or not is_guide and end <= self.first:
                return 0
        if begin < stop:
            if self.num_held and is_guide:
                code = self.release(demuxer)
                if code < 0:
                    return code
            return self.write(demuxer, packet)
        if self.guide < 0 or (is_guide and decoded >= stop):
            state[0] = DONE
            return 0
        return self.hold(packet, begin) if is_guide else 0

    cdef int write(self, Demuxer demuxer, AVPacket *packet) noexcept nogil:
        """Hand a packet to the muxer at its new time."""
        cdef AVRational base = demuxer.stream(packet.stream_index).time_base
        cdef int64_t shift = avutil.av_rescale_q(self.offset, MICROSECONDS, base)
        cdef int64_t end, last
        cdef AVRational target
        cdef int code
        if packet.pts != avutil.AV_NOPTS_VALUE:
            packet.pts += shift
            end = avutil.av_rescale_q(packet.pts + packet.duration, base, MICROSECONDS)
            self.end = max(self.end, end)
        if packet.dts != avutil.AV_NOPTS_VALUE:
            packet.dts += shift
        packet.stream_index = self.places[packet.stream_index]
        packet.pos = -1
        target = self.muxer.context.streams[packet.stream_index].time_base
        avcodec.av_packet_rescale_ts(packet, base, target)
        last = self.last_dts[packet.stream_index]
        if packet.dts == avutil.AV_NOPTS_VALUE and last != INT64_MIN:
            packet.dts = min(packet.pts, last + 1)      # Matroska stores no dts
        if packet.dts != avutil.AV_NOPTS_VALUE:
            # where two files meet, packets that wait for later ones overlap by the delay, and the
            # priming of sound has no place
            if packet.dts <= last and packet.pts != avutil.AV_NOPTS_VALUE and packet.pts <= last:
                return 0
            if packet.dts <= last:
                packet.dts = last + 1
            self.last_dts[packet.stream_index] = packet.dts
        code = self.muxer.write(packet, target)
        self.num_packets += code >= 0
        self.is_refused = code < 0
        return code

    cdef int hold(self, AVPacket *packet, int64_t begin) noexcept nogil:
        cdef HeldPacket *grown
        if self.num_held == self.max_held:
            grown = <HeldPacket *> realloc(self.held, (2 * self.max_held + 64) * sizeof(HeldPacket))
            if grown == NULL:
                return avutil.AVERROR(ENOMEM)
            self.held = grown
            self.max_held = 2 * self.max_held + 64
        self.held[self.num_held].packet = avcodec.av_packet_clone(packet)
        self.held[self.num_held].begin = begin
        if self.held[self.num_held].packet == NULL:
            return avutil.AVERROR(ENOMEM)
        self.num_held += 1
        return 0

    cdef int release(self, Demuxer demuxer) noexcept nogil:
        """Write the packets that are held, except those before the cut."""
        cdef AVPacket *packet
        cdef AVRational base
        cdef int64_t end
        cdef bint is_guide
        cdef int i, code = 0
        for i in range(self.num_held):
            packet = self.held[i].packet
            base = demuxer.stream(packet.stream_index).time_base
            is_guide = packet.stream_index == self.guide
            end = self.held[i].begin + avutil.av_rescale_q(packet.duration, base, MICROSECONDS)
            if code >= 0 and (self.held[i].begin >= self.first if is_guide else end > self.first):
                code = self.write(demuxer, packet)
            avcodec.av_packet_free(&self.held[i].packet)
        self.num_held = 0
        return code

    cdef void forget(self, int stream) noexcept nogil:
        """Drop the held packets of a stream."""
        cdef int i, kept = 0
        for i in range(self.num_held):
            if self.held[i].packet.stream_index == stream:
                avcodec.av_packet_free(&self.held[i].packet)
            else:
                self.held[kept] = self.held[i]
                kept += 1
        self.num_held = kept


cdef bint is_upright(tuple matrix):
    """Return True for a display matrix, or None, that neither turns nor flips."""
    return matrix is None or matrix[0] > 0 and matrix[4] > 0 and matrix[1] == 0 and matrix[3] == 0


cdef int go_before(Demuxer demuxer, int stream, int64_t begin, bint from_start) noexcept nogil:
    """Go to a key frame far enough before an instant; to the beginning if there is none."""
    cdef int64_t target = avutil.av_rescale_q(begin - SEEK_EARLIER, MICROSECONDS, demuxer.stream(stream).time_base)
    cdef int64_t start = demuxer.stream(stream).start_time
    cdef int code = -1 if from_start else demuxer.seek(stream, target)
    if code < 0 and demuxer.ptr.iformat.flags & avformat.AVFMT_TS_DISCONT:
        code = demuxer.seek_byte(0)
    if code < 0 and start != avutil.AV_NOPTS_VALUE:
        code = demuxer.seek(stream, start)
    if code < 0:
        code = demuxer.seek(stream, FAR_BACK)
    if code < 0:
        code = demuxer.seek_byte(0)
    return min(code, 0)


cdef dict kind_of(const AVCodecParameters *parameters):
    """What must be equal for two streams to follow each other."""
    kind = {"the codec": avcodec.avcodec_get_name(parameters.codec_id).decode()}
    if parameters.codec_type == avutil.AVMEDIA_TYPE_VIDEO:
        kind["the size"] = f"{parameters.width}x{parameters.height}"
        kind["the pixel format"] = parameters.format
    elif parameters.codec_type == avutil.AVMEDIA_TYPE_AUDIO:
        kind["the sample rate"] = parameters.sample_rate
        kind["the number of channels"] = compat_channels(parameters)
    kind["the decoder's header"] = <bytes> parameters.extradata[:parameters.extradata_size] \
        if parameters.extradata != NULL else b""
    return kind


def describe(value):
    """A value of `kind_of` for an error message."""
    return f"one of {len(value)} bytes" if isinstance(value, bytes) else str(value)
