# cython: no_gc_clear=True
"""Packets of a source that go into another container, with encoded ones in place of some."""

cimport cython
from cpython.exc cimport PyErr_CheckSignals
from libc.stdint cimport INT64_MAX, int64_t
from libc.stdlib cimport calloc, free

from cycodec.core.compat cimport compat_matroska_drops
from cycodec.core.container.demux cimport Demuxer
from cycodec.core.encode.copier cimport MICROSECONDS, PacketCopier, go_before
from cycodec.core.encode.recode cimport Packet
from cycodec.core.encode.stream_headers cimport StreamHeaders

from cycodec.core.error import InvalidDataError

from cycodec.libav cimport avcodec, avformat, avutil
from cycodec.libav.avcodec cimport AVCodecParameters, AVPacket
from cycodec.libav.avutil cimport AVRational

cdef enum:
    STORED_LATER = 3000000      # sound may be stored so many microseconds behind its video

# Tags of MP4 for streams whose packets bring parameter sets of their own.
cdef dict IN_BAND_TAGS = {avcodec.AV_CODEC_ID_H264: b"avc3", avcodec.AV_CODEC_ID_HEVC: b"hev1"}

# Containers whose packets have start codes.
WITH_START_CODES = ("mpegts", "h264", "hevc")


cdef class Splice:
    """What becomes of one video stream.

    Parameters
    ----------
    first : Packet
        Packet 0, the first one after the seek.
    head, tail : list of Packet
        Encoded packets before and behind those that are copied, in the time base of the stream.
    begin, end : int
        Numbers of the packets that are copied, half-open.
    floor : int
        Copied packets of earlier times are left out.
    headers : StreamHeaders, optional
        What copied key packets need.
    """

    def __cinit__(self, Packet first not None, list head not None, int64_t begin, int64_t end, int64_t floor,
                  list tail not None, StreamHeaders headers=None):
        self.first, self.head, self.tail, self.headers = first, head, tail, headers
        self.begin, self.end, self.floor = begin, end, floor


@cython.no_gc_clear
cdef class PacketSplicer(PacketCopier):
    """Copies packets into a muxer, with encoded packets in place of some video packets.

    Parameters
    ----------
    muxer : Muxer
        It must not have been started.
    """

    def add_headers(self, Demuxer demuxer not None, list streams not None, dict splices not None):
        """Announce that packets of spliced streams bring headers of their own.

        MP4 has tags for that. Where packets have start codes, FFmpeg's filter would put the headers
        of the source in front of every picture that may be the first; so it gets such packets.
        """
        cdef bytes tag
        cdef unsigned int code
        cdef Splice splice
        for place, number in enumerate(streams):
            splice = splices.get(number)
            tag = IN_BAND_TAGS.get(demuxer.stream(number).codecpar.codec_id)
            if splice is None or tag is None or splice.headers is None:
                continue
            if self.muxer.format_name in WITH_START_CODES and splice.headers.format.length > 0:
                splice.has_start_codes = True
                splice.headers.use_start_codes(self.muxer.context.streams[<int> place].codecpar)
            if not self.muxer.is_mov:
                continue
            code = tag[0] | tag[1] << 8 | tag[2] << 16 | tag[3] << 24
            if avformat.av_codec_get_id(self.muxer.context.oformat.codec_tag, code) == \
                    demuxer.stream(number).codecpar.codec_id:
                self.muxer.context.streams[<int> place].codecpar.codec_tag = code

    def splice(self, Demuxer demuxer not None, list streams not None, int guide, seek, int64_t first, stop,
               dict splices not None):
        """Copy a part.

        Parameters
        ----------
        demuxer : Demuxer
        streams : list of int
            The source's streams in the order of the muxer's.
        guide : int
            The stream that was used to seek.
        seek : int or None
            Where to seek, in microseconds; None reads from the beginning.
        first : int
            The time in the source at which the new file begins, in microseconds.
        stop : int or None
            Where the part ends, in microseconds.
        splices : dict of int to Splice
            What becomes of the video streams.
        """
        cdef AVPacket *packet = avcodec.av_packet_alloc()
        cdef bint *passed = <bint *> calloc(max(<int> demuxer.ptr.nb_streams, 1), sizeof(bint))
        cdef int64_t before = first if seek is None else seek
        cdef int64_t time
        cdef bint from_start = seek is None
        cdef int code = 0, waiting
        if packet == NULL or passed == NULL:
            raise MemoryError()
        try:
            self.place(demuxer, streams)
            self.guide, self.first, self.offset, self.splices = guide, first, -first, splices
            self.until = INT64_MAX if stop is None else stop
            self.can_trim = self.muxer.is_mov
            self.is_matroska = self.muxer.format_name in ("matroska", "webm")
            with nogil:
                code = go_before(demuxer, guide, before, from_start)
            demuxer.check(code, "seek")
            self.muxer.start()
            waiting = sum(demuxer.media_type(number) != "subtitle" for number in streams)
            while waiting > 0:
                with nogil:
                    demuxer.begin()
                    code = avformat.av_read_frame(demuxer.ptr, packet)
                if code < 0:
                    break
                time = self.decoded_at(demuxer, packet)
                self.take(demuxer, packet)
                if time >= self.until and packet.stream_index < self.num_places and \
                        self.places[packet.stream_index] >= 0 and not passed[packet.stream_index]:
                    passed[packet.stream_index] = True
                    waiting -= demuxer.media_type(packet.stream_index) != "subtitle"
                if packet.stream_index == guide and time - STORED_LATER >= self.until:
                    break
                avcodec.av_packet_unref(packet)
                PyErr_CheckSignals()
            if code < 0 and (code != avutil.AVERROR_EOF or demuxer.io.failed):
                demuxer.check(code, "read packets")
            for stream in splices:
                self.write_made(demuxer, stream, splices[stream], INT64_MAX)
        finally:
            avcodec.av_packet_free(&packet)
            free(passed)

    cdef int64_t decoded_at(self, Demuxer demuxer, AVPacket *packet) noexcept nogil:
        """Return when a packet is decoded, in microseconds; 0 if it says no time."""
        cdef int64_t time = packet.dts if packet.dts != avutil.AV_NOPTS_VALUE else packet.pts
        if time == avutil.AV_NOPTS_VALUE:
            return 0
        return avutil.av_rescale_q(time, demuxer.stream(packet.stream_index).time_base, MICROSECONDS)

    cdef int take(self, Demuxer demuxer, AVPacket *packet) except -1:
        """Decide about one packet."""
        cdef int64_t time = self.decoded_at(demuxer, packet)
        cdef int code = 0
        if packet.stream_index >= self.num_places or self.places[packet.stream_index] < 0:
            return 0
        for stream in self.splices:
            self.write_made(demuxer, stream, self.splices[stream], time)
        splice = self.splices.get(packet.stream_index)
        if splice is not None:
            return self.take_spliced(demuxer, packet, splice)
        with nogil:
            if self.fits(demuxer, packet):
                code = self.write(demuxer, packet)
        self.check(demuxer, code)
        return 0

    cdef int take_spliced(self, Demuxer demuxer, AVPacket *packet, Splice splice) except -1:
        """Copy a packet of a spliced stream, or leave it out."""
        cdef int64_t number = splice.seen
        cdef bint is_join
        cdef int code = 0
        cdef AVPacket *first = splice.first.ptr
        if number == 0 and (packet.pts != first.pts or packet.dts != first.dts or packet.size != first.size):
            raise InvalidDataError(
                f"{demuxer.io.name}: it gives other packets when it is read again (copy it to a file that does not "
                "change)", source=demuxer.io.name, operation="cut",
            )
        if number == splice.begin:
            self.write_made(demuxer, packet.stream_index, splice, INT64_MAX)
        splice.seen += 1
        if not splice.begin <= number < splice.end or packet.pts < splice.floor:
            return 0
        is_join = number == splice.begin and bool(splice.head)
        with nogil:
            if splice.headers is not None and packet.flags & avcodec.AV_PKT_FLAG_KEY:
                code = splice.headers.complete(packet)
                if code >= 0 and is_join:
                    code = avcodec.av_packet_make_writable(packet)
                    if code >= 0:
                        splice.headers.break_link(packet.data, packet.size)
            if code >= 0 and splice.has_start_codes:
                code = splice.headers.write_start_codes(packet)
            if code >= 0:
                code = self.write(demuxer, packet)
        self.check(demuxer, code)
        return 0

    cdef int write_made(self, Demuxer demuxer, int stream, Splice splice, int64_t until) except -1:
        """Write the encoded packets that are due before a time in microseconds."""
        cdef AVRational base = demuxer.stream(stream).time_base
        cdef AVPacket *packet
        cdef Packet made
        cdef int code
        while True:
            if splice.num_head < len(splice.head):
                made = splice.head[splice.num_head]
            elif splice.seen >= splice.end and splice.num_tail < len(splice.tail):
                made = splice.tail[splice.num_tail]
            else:
                return 0
            if until != INT64_MAX and avutil.av_rescale_q(made.ptr.dts, base, MICROSECONDS) > until:
                return 0
            if splice.num_head < len(splice.head):
                splice.num_head += 1
            else:
                splice.num_tail += 1
            packet = avcodec.av_packet_clone(made.ptr)
            if packet == NULL:
                raise MemoryError()
            packet.stream_index = stream
            with nogil:
                code = splice.headers.write_start_codes(packet) if splice.has_start_codes else 0
                if code >= 0:
                    code = self.write(demuxer, packet)
                avcodec.av_packet_free(&packet)
            self.check(demuxer, code)

    cdef int64_t dropped_at_begin(self, const AVCodecParameters *parameters) noexcept nogil:
        """Return how many microseconds of a stream readers of the file will drop at its begin."""
        if not self.is_matroska or parameters.sample_rate <= 0:
            return 0
        return avutil.av_rescale(compat_matroska_drops(parameters), 1000000, parameters.sample_rate)

    cdef bint fits(self, Demuxer demuxer, AVPacket *packet) noexcept nogil:
        """Return True if a packet of sound or subtitles belongs to the part.

        A container that can leave samples out gets the packet in which the part begins, and the one
        before, which decoders need. Matroska may tell readers to drop as many samples as the source
        has priming: the first packet begins that much earlier. Subtitles begin no earlier than the
        part.
        """
        cdef AVRational base = demuxer.stream(packet.stream_index).time_base
        cdef bint is_sound = demuxer.stream(packet.stream_index).codecpar.codec_type == avutil.AVMEDIA_TYPE_AUDIO
        cdef int64_t pts = packet.pts if packet.pts != avutil.AV_NOPTS_VALUE else packet.dts
        cdef int64_t begin, end, length
        if pts == avutil.AV_NOPTS_VALUE:
            return False
        begin = avutil.av_rescale_q(pts, base, MICROSECONDS)
        end = avutil.av_rescale_q(pts + packet.duration, base, MICROSECONDS)
        length = end - begin
        if begin >= self.until:
            return False
        if is_sound and self.can_trim:
            return end > self.first - length
        if is_sound:
            return begin + self.dropped_at_begin(demuxer.stream(packet.stream_index).codecpar) >= self.first
        if begin < self.first and end > self.first:
            packet.pts = packet.dts = avutil.av_rescale_q(self.first, MICROSECONDS, base)
            packet.duration = avutil.av_rescale_q(end - self.first, MICROSECONDS, base)
            return True
        return begin >= self.first
