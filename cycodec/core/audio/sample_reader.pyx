# cython: no_gc_clear=True
"""The samples of one audio stream, decoded by libavcodec, as blocks whose positions are known.

When decoding from the first packet, positions are counted: the ffmpeg command does that, so it is
right by definition. When decoding from elsewhere, the index gives the position of the first frame.
Every further frame must then agree with the index; if one does not, the stream is only read from
the start from then on.

Note [Numbered frames]

A FLAC frame holds its own number or that of its first sample (RFC 9639, section 9.1.5), and needs
no other frame. In a .flac file FFmpeg hands that number on as pts. No index is needed there, as
long as the numbers agree with what is counted.
"""

cimport cython
from libc.stdint cimport int64_t

from cycodec.core.audio.codes cimport FROM_THE_START
from cycodec.core.container.codes cimport CONTRADICTION, LOST
from cycodec.core.audio.index cimport AudioIndex, AudioPacket, has_no_anchor
from cycodec.core.audio.packet_decoder cimport PacketDecoder
from cycodec.core.audio.sample_blocks cimport BlockReader
from cycodec.core.compat cimport compat_frame_channels
from cycodec.core.container.demux cimport Demuxer

from cycodec.core.audio.index import index_from_scan, index_from_table
from cycodec.core.audio.walk import index_from_walk
from cycodec.core.error import InvalidDataError

from cycodec.libav cimport avutil
from cycodec.libav.avcodec cimport AVCodecParameters
from cycodec.libav.avformat cimport AVStream


cdef int64_t NOPTS = avutil.AV_NOPTS_VALUE

cdef enum:
    PATIENCE = 8192             # decoding so many samples is faster than a seek


@cython.no_gc_clear
cdef class SampleReader(BlockReader):
    """Reads samples of one audio stream.

    Parameters
    ----------
    open_source : callable
        Returns a new IOContext of the source; see PacketDecoder.
    wanted_stream : int, optional
        Number of the stream; None is FFmpeg's best audio stream.
    exact : bool
        True to only ever decode from the start.
    sample_rate, num_channels : int
        Of the output; 0 takes the stream's own.
    """

    def __cinit__(self, open_source, wanted_stream=None, bint exact=False, **output):
        cdef Demuxer demuxer
        self.decoder = PacketDecoder(open_source, wanted_stream)
        self.source = self.decoder.source
        self.from_start_only = exact
        self.first_pts = NOPTS
        demuxer = self.decoder.demuxer
        self.numbered = (
            demuxer.format_name == "flac" and demuxer.can_seek_bytes and self.decoder.stream().time_base.num == 1
            and self.decoder.stream().time_base.den == self.decoder.parameters().sample_rate
        )
        self.header = demuxer.stream_info(self.decoder.stream_index)
        self.prime()

    def forget(self):
        """Give up all native objects without freeing them: Note [After fork] in core/video/stream.pyx."""
        self.decoder.forget()

    def settle(self):
        """Raise an exception of a file-like source that FFmpeg has passed over."""
        if self.decoder.demuxer is not None:
            self.decoder.demuxer.settle()

    def prime(self):
        """Decode the first block, which says what the samples are like."""
        cdef int code
        with nogil:
            code = self.begin_from_zero()
            if code >= 0:
                code = self.next_input()
        if code == avutil.AVERROR_EOF:
            raise InvalidDataError(
                f"{self.source}: no sample of audio stream {self.decoder.stream_index} can be decoded "
                "(the file may be damaged or cut off; `ffmpeg -i FILE -f null -` says more)",
                source=self.source, operation="decode",
            )
        if code < 0:
            self.check(code)
        code = self.set_native()
        if code < 0:
            self.check(code)
        self.held = True
        self.counted = True
        self.running = True

    cdef int check(self, int code) except -1:
        if self.unconvertible and self.decoder.failure is None:
            return BlockReader.check(self, code)
        return self.decoder.check(code, "read samples")

    # -- facts -----------------------------------------------------------------------------------

    def begin_seconds(self):
        """Time of sample 0 on the stream's own timeline."""
        cdef AVStream *stream = self.decoder.stream()
        cdef int64_t first = self.first_pts if self.first_pts != NOPTS else stream.start_time
        return first * stream.time_base.num / <double> stream.time_base.den if first != NOPTS else 0.0

    def format_info(self):
        """What the first frame says and what was trimmed so far, as in AudioStreamMetadata."""
        cdef avutil.AVSampleFormat sample_format = <avutil.AVSampleFormat> self.native.sample_format
        cdef const char *name = avutil.av_get_sample_fmt_name(sample_format)
        cdef AVCodecParameters *parameters = self.decoder.parameters()
        padding = self.decoder.last_discard or max(parameters.trailing_padding, 0) or None
        return {
            "sample_rate": self.native.rate,
            "num_channels": self.native.channels,
            "sample_format": name.decode() if name != NULL else None,
            "encoder_delay": self.decoder.first_skip or None,
            "encoder_padding": padding if padding is not None or self.total < 0 else 0,
        }

    # -- blocks ----------------------------------------------------------------------------------

    cdef int next_input(self) noexcept nogil:
        cdef avutil.AVFrame *frame = self.decoder.frame
        cdef int code = self.decoder.next_frame()
        if code < 0:
            return code
        self.frames_decoded += 1
        if self.numbered and frame.pts != self.next_position:
            self.numbered = False
            if not self.decoder.from_start:
                return CONTRADICTION
        if self.decoder.from_start:
            self.note_frame()
        code = self.place_frame()
        if code < 0:
            return code
        self.data = frame.extended_data
        self.block_start = self.next_position
        self.block_length = frame.nb_samples
        self.next_position += frame.nb_samples
        self.input.sample_format = frame.format
        self.input.rate = frame.sample_rate
        compat_frame_channels(frame, &self.input.channels, &self.input.mask)
        if self.input.rate <= 0 or self.input.channels <= 0:
            return avutil.AVERROR_INVALIDDATA
        if self.native.channels and (self.input.rate != self.native.rate
                                     or self.input.channels != self.native.channels):
            # after a change of the format, positions follow only from decoding all before it
            if not self.decoder.from_start:
                return CONTRADICTION
            self.from_start_only = True
        return 0

    cdef void note_frame(self) noexcept nogil:
        """Note one of the first frames of a run from the start."""
        if self.noted == NOTED_FRAMES:
            return
        if self.noted == 0 and self.next_position == 0:
            self.first_pts = self.decoder.frame.pts
        if self.index is None or not self.index.aligned:
            self.noted_stamps[self.noted] = self.decoder.stamp
            self.noted_positions[self.noted] = self.next_position
            self.noted_lengths[self.noted] = self.decoder.frame.nb_samples
            self.noted += 1

    cdef int place_frame(self) noexcept nogil:
        """Give a frame its position, or compare its position with the index; 0 or CONTRADICTION."""
        cdef int64_t stamp = self.decoder.stamp
        cdef bint from_start = self.decoder.from_start
        cdef bint finished = self.decoder.finished
        cdef AudioPacket *known
        cdef bint fits
        if self.index is None or not self.index.aligned or stamp < self.index.first_regular:
            return 0
        if stamp >= self.index.count:
            return 0 if from_start or self.index.from_table else CONTRADICTION
        known = &self.index.packets[stamp]
        if not self.placed:
            self.next_position = known.start
            self.placed = stamp >= self.sure_from
            return 0
        fits = known.start == self.next_position
        if fits and stamp < self.index.count - 1 and not finished:
            fits = self.decoder.frame.nb_samples == self.index.samples_out(<int> stamp)
        if fits or (finished and not from_start):
            return 0
        if from_start:
            # the count is right, and the index is wrong
            self.from_start_only = True
            return 0
        return CONTRADICTION

    # -- where to begin --------------------------------------------------------------------------

    cdef int64_t patience(self) noexcept nogil:
        return PATIENCE

    cdef bint can_seek(self) noexcept nogil:
        """True if reading can begin at a packet of the index."""
        return not self.from_start_only and self.index is not None and self.index.aligned

    cdef int begin_from_zero(self) noexcept nogil:
        """Decode from the first packet; FROM_THE_START or AVERROR."""
        cdef int code = self.decoder.rewind()
        if code < 0:
            return code
        self.placed = True
        self.next_position = 0
        self.sure_from = 0
        if self.index is None or not self.index.aligned:
            self.noted = 0
        return FROM_THE_START

    cdef int begin_at(self, int64_t position) noexcept nogil:
        cdef int number, first, code
        if self.numbered and not self.from_start_only and position > PATIENCE:
            return self.begin_at_number(position)
        if position <= 0 or not self.can_seek():
            return self.begin_from_zero()
        number = self.index.number_at(position)
        first = self.index.preroll_start(number)
        if first <= self.index.first_regular:
            return self.begin_from_zero()
        code = self.decoder.seek(first)
        if code == LOST:
            self.from_start_only = True
            return self.begin_from_zero()
        if code < 0:
            return code
        self.placed = False
        self.sure_from = number
        self.next_position = 0
        return 0

    cdef int begin_at_number(self, int64_t position) noexcept nogil:
        """`begin_at` by Note [Numbered frames]."""
        cdef int code = self.decoder.seek_numbered(position)
        if code == LOST:
            self.numbered = False
            self.from_start_only = True
        if code != 0:
            return self.begin_from_zero()
        self.next_position = self.decoder.packet.pts
        self.placed = True
        self.sure_from = 0
        return 0

    # -- the index -------------------------------------------------------------------------------

    def needs_index(self):
        """True if only the lack of an index keeps a window in the middle from being sought."""
        return not self.from_start_only and not self.numbered and self.index is None

    def learn(self):
        """Make the index, so that reading can begin anywhere; see Note [Aligning] in index.pyx."""
        cdef AudioIndex index
        cdef bint aligned
        if not self.needs_index():
            return
        # streams too short to note enough frames gain nothing by a seek
        if not self.note_first_frames() or has_no_anchor(self.decoder.parameters()):
            self.from_start_only = True
            return
        index = self.make_index()
        with nogil:
            aligned = index.align(self.noted_stamps, self.noted_positions, self.noted_lengths, self.noted)
        self.index = self.decoder.index = index
        if not aligned:
            self.from_start_only = True

    cdef bint note_first_frames(self) except -1:
        """Note NOTED_FRAMES frames; return False if the stream ends before."""
        cdef int code = 0
        if self.noted < NOTED_FRAMES:
            with nogil:
                if not self.decoder.from_start:
                    code = self.begin_from_zero()
                while code >= 0 and self.noted < NOTED_FRAMES:
                    code = self.next_input()
        self.stop()
        if code < 0 and code != avutil.AVERROR_EOF:
            self.check(code)
        return code >= 0

    cdef AudioIndex make_index(self):
        """The AudioIndex of the stream, by the cheapest way that works."""
        cdef PacketDecoder decoder = self.decoder
        index = index_from_table(decoder.demuxer, decoder.stream_index)
        for make in (index_from_walk, index_from_scan):
            if index is None:
                decoder.open_demuxer()
                decoder.fresh = False
                index = make(decoder.demuxer, decoder.stream_index)
        return index

    def near_end(self):
        """A position shortly before the end, to count from; 0 if none is known."""
        cdef int64_t position = 0
        if self.numbered and not self.from_start_only:
            position = self.decoder.stream().duration - PATIENCE
        elif self.can_seek() and self.index.count > 0:
            position = self.index.packets[self.index.count - 1].start
        return max(0, position) * self.sample_rate // self.native.rate
