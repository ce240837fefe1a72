# cython: no_gc_clear=True
"""The samples of one audio stream, decoded by libavcodec, as blocks whose positions are known.

When decoding from the first packet, positions are counted: the ffmpeg command does that, so it is
right by definition. When decoding from elsewhere, the index gives the position of the first frame.
Every further frame must then agree with the index; if one does not, the stream is only read from
the start from then on.

Note [Numbered frames]

A FLAC frame holds its own number or that of its first sample (RFC 9639, section 9.1.5), and needs
no other frame. In a .flac file FFmpeg hands that number on as pts. No index is needed there, as
long as the numbers agree with what is counted. Holes count in the numbers: without `fill_holes`,
the index tells whether there are any.

Note [Silence]

Packets that are missing from the stream leave a hole in its timestamps (Note [Holes] in
timeline.pyx), and packets that the decoder refuses are counted (Note [Lost packets] in
packet_decoder.pyx). Blocks of silence take the place of both, so that later samples keep theirs.
Without `fill_holes`, only the latter are filled.

Note [Broken frames]

Where frames overlap or need bits of those before them, the frame after lost packets is not right.
Silence replaces it: what is returned as valid is what a whole file would have given.
"""

cimport cython
from libc.stdint cimport int64_t
from libc.string cimport memset

from cycodec.core.audio.codec_traits cimport has_overlaps, stores_timestamps
from cycodec.core.audio.codes cimport FROM_THE_START
from cycodec.core.audio.flac_seek cimport is_one_flac
from cycodec.core.audio.index cimport AudioIndex, AudioPacket, has_loose_timestamps, has_no_anchor
from cycodec.core.audio.losses cimport Loss
from cycodec.core.audio.ogg_pages cimport PAGE_DAMAGED
from cycodec.core.audio.packet_decoder cimport PacketDecoder
from cycodec.core.audio.sample_blocks cimport BlockReader, most_samples
from cycodec.core.audio.silence cimport SILENCE_SAMPLES, Silence
from cycodec.core.audio.timeline cimport place_samples, start_timeline
from cycodec.core.compat cimport compat_frame_channels, compat_frame_mix
from cycodec.core.container.codes cimport CONTRADICTION, LOST
from cycodec.core.container.demux cimport Demuxer

from cycodec.core.audio.index import index_from_scan, index_from_table
from cycodec.core.audio.walk import index_from_walk
from cycodec.core.error import InvalidDataError

from cycodec.libav cimport avutil
from cycodec.libav.avformat cimport AVStream


cdef int64_t NOPTS = avutil.AV_NOPTS_VALUE

cdef enum:
    PATIENCE = 8192             # decoding so many samples is faster than a seek
    BEGUN_ANEW = 1              # decoding began elsewhere, and no frame was decoded


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
    fill_holes : bool
        True to fill holes in the timestamps with silence.
    sample_rate, num_channels : int
        Of the output; 0 takes the stream's own.
    """

    def __cinit__(self, open_source, wanted_stream=None, bint exact=False, bint fill_holes=True,
                  **output):
        cdef Demuxer demuxer
        self.decoder = PacketDecoder(open_source, wanted_stream)
        self.source = self.decoder.source
        self.from_start_only = exact
        self.fill_holes = fill_holes
        self.zeros = Silence()
        self.damage = []
        self.holes = []
        self.first_pts = NOPTS
        demuxer = self.decoder.demuxer
        self.numbered = self.decoder.is_numbered and demuxer.can_seek_bytes and fill_holes
        self.restarts = demuxer.format_name == "flac"
        self.has_times = stores_timestamps(demuxer.format_name)
        self.header = demuxer.stream_info(self.decoder.stream_index)
        self.stated_padding = max(self.decoder.parameters().trailing_padding, 0)
        self.prime()

    def forget(self):
        """Give up all native objects unfreed: Note [After fork] in core/video/stream.pyx."""
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
        if code >= 0:
            code = self.set_native()
        if code < 0:
            self.check(code)
        self.held = True
        self.counted = True
        self.running = True

    cdef int check(self, int code) except -1:
        if not self.unconvertible or self.decoder.failure is not None:
            return self.decoder.check(code, "read samples")
        return BlockReader.check(self, code)

    # -- facts -----------------------------------------------------------------------------------

    def begin_seconds(self):
        """Time of sample 0 on the stream's own timeline."""
        cdef AVStream *stream = self.decoder.stream()
        cdef int64_t first = self.first_pts if self.first_pts != NOPTS else stream.start_time
        return first * stream.time_base.num / <double> stream.time_base.den if first != NOPTS else 0.0

    def format_info(self):
        """Return the facts of the first frame and what was trimmed, as in AudioStreamMetadata."""
        cdef avutil.AVSampleFormat sample_format = <avutil.AVSampleFormat> self.native.sample_format
        cdef const char *name = avutil.av_get_sample_fmt_name(sample_format)
        padding = self.decoder.last_discard or self.stated_padding or None
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
        cdef int code
        if not self.pending and not self.ended:
            code = self.next_decoded()
            if code < 0:
                return code
        if self.silence > 0:
            return self.give_silence()
        if self.ended:
            return avutil.AVERROR_EOF
        self.pending = False
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
        self.describe_frame()
        if self.input.rate <= 0 or self.input.channels <= 0:
            return avutil.AVERROR_INVALIDDATA
        if self.native.channels and (self.input.rate != self.native.rate
                                     or self.input.channels != self.native.channels):
            # after a change of the format, positions follow only from decoding all before it
            if not self.decoder.from_start:
                return CONTRADICTION
            self.from_start_only = True
        return 0

    cdef void describe_frame(self) noexcept nogil:
        """Make the format of the decoder's frame that of the next block."""
        cdef avutil.AVFrame *frame = self.decoder.frame
        self.input.sample_format = frame.format
        self.input.rate = frame.sample_rate
        compat_frame_channels(frame, &self.input.channels, &self.input.mask)
        if self.num_channels > 0 and self.num_channels != self.input.channels:
            self.input.mix = compat_frame_mix(frame, self.num_channels)

    # -- holes and damage ------------------------------------------------------------------------

    cdef int next_decoded(self) noexcept nogil:
        """Decode the next frame, and set how much silence comes before it; 0 or AVERROR."""
        cdef avutil.AVFrame *frame = self.decoder.frame
        cdef bint is_lossy, is_good = False
        cdef int code = 0
        self.silence = 0
        self.hole = 0
        while not is_good:
            code = self.decoder.next_frame()
            if code < 0 and code != avutil.AVERROR_EOF:
                return code
            self.ended = code == avutil.AVERROR_EOF
            if self.ended:
                self.decoder.losses.drop_mute()
                self.decoder.losses.drop_last()     # a packet that is cut off is no loss
            is_lossy = self.decoder.losses.count > 0
            code = self.take_losses()
            if code == BEGUN_ANEW:
                continue
            if code < 0:
                return code
            if self.decoder.is_broken and not self.ended and not self.placed:
                self.place_after_loss()
            is_good = self.ended or not self.placed or not (
                self.decoder.is_broken or (is_lossy and has_overlaps(self.decoder.context.codec_id))
            )
            if not is_good and self.decoder.pages is not None and self.noted < NOTED_FRAMES:
                self.from_start_only = True     # the first frames do not tell where packets belong
            if not is_good and self.knows_format():     # Note [Broken frames]
                code = self.lose(self.decoder.stamp, self.decoder.frame_pts(), frame.nb_samples)
                if code < 0:
                    return code
        self.pending = not self.ended
        if self.ended:
            return 0
        self.frames_decoded += 1
        return self.leave_hole(self.hole_before_frame())

    cdef bint knows_format(self) noexcept nogil:
        """Return True if the stream has a format; if it has none so far, take that of the frame."""
        if self.decoder.from_start:
            self.begin_timeline()
        if self.native.channels == 0:
            self.describe_frame()
            if self.input.rate > 0 and self.input.channels > 0:
                self.native = self.input
        return self.native.channels > 0

    cdef int take_losses(self) noexcept nogil:
        """Put silence in the place of lost packets before the frame; 0, BEGUN_ANEW or AVERROR."""
        cdef const Loss *loss
        cdef int code = 0
        cdef int i
        if self.decoder.losses.count > 0 and not self.placed:
            code = self.settle_before_loss()
            if code == 0:
                self.place_after_loss()
        # the stream begins with its first frame
        if code == 0 and self.placed and not (self.decoder.from_start and self.timeline.rate == 0):
            for i in range(self.decoder.losses.count):
                loss = &self.decoder.losses.items[i]
                if self.decoder.from_start or loss.ordinal >= self.sure_from:
                    code = self.lose(loss.ordinal, loss.pts, loss.samples)
                if code < 0:
                    return code
        self.decoder.losses.clear()
        return code

    cdef int lose(self, int64_t ordinal, int64_t pts, int64_t samples) noexcept nogil:
        """Put silence in the place of a packet; 0 or AVERROR."""
        cdef int64_t hole = 0
        cdef int code
        if self.decoder.from_start:
            self.timeline.is_certain = self.decoder.page_loss != 0
            hole = place_samples(&self.timeline, pts, samples)
        elif self.index is not None and self.index.aligned and 0 < ordinal < self.index.count:
            hole = self.index.hole_before(<int> ordinal)
        code = self.leave_hole(hole)
        if code == 0:
            code = self.note_range(True, self.next_position + self.silence, samples)
            self.silence += samples
        return code

    cdef int leave_hole(self, int64_t hole) noexcept nogil:
        """Leave a hole in the timestamps before what comes next; 0 or AVERROR.

        Where pages were refused, it is damage as well, of no length if holes are not filled.
        """
        cdef int code = 0
        cdef bint is_damage = self.placed and self.decoder.page_loss & PAGE_DAMAGED
        self.decoder.page_loss = 0
        self.hole += hole
        if hole > 0 and self.decoder.from_start:
            code = self.note_range(False, self.next_position + self.silence, hole)
        if is_damage and code == 0:
            code = self.note_range(True, self.next_position + self.silence, hole if self.fill_holes else 0)
        if self.fill_holes:
            self.silence += hole
        return code

    cdef int settle_before_loss(self) noexcept nogil:
        """Begin anew, by Note [Loss before a window] in losses.pyx; 0 if that was done, BEGUN_ANEW
        or AVERROR.
        """
        cdef int first, code
        cdef int64_t lost = self.decoder.losses.items[0].ordinal
        if self.ended or self.index is None or not self.index.aligned:
            return CONTRADICTION
        if lost >= self.known_lost:
            return 0
        first = self.index.preroll_start(<int> lost)
        if self.earlier_starts == MOST_EARLIER_STARTS or first <= self.index.first_regular:
            return CONTRADICTION
        self.earlier_starts += 1
        self.known_lost = lost
        code = self.decoder.seek(first)
        if code == LOST:
            return CONTRADICTION
        self.forget_silence()
        return BEGUN_ANEW if code == 0 else code

    cdef void place_after_loss(self) noexcept nogil:
        """Place a sought run whose first packets were lost, if its current frame is certain."""
        cdef int sure = <int> self.sure_from
        if self.decoder.stamp >= sure:
            self.placed = True
            self.next_position = self.index.packets[sure].start
            if self.fill_holes:
                self.next_position -= self.index.hole_before(sure)

    cdef void begin_timeline(self) noexcept nogil:
        """Begin the timeline of a run from the start with its first frame."""
        if self.timeline.rate != 0:
            return
        start_timeline(&self.timeline, self.decoder.stream(), self.decoder.frame.sample_rate,
                       self.has_times and not self.decoder.by_pos)
        self.timeline.loose = has_loose_timestamps(self.decoder.parameters())
        self.timeline.restarts = self.restarts
        if self.next_position + self.silence == 0:
            self.first_pts = self.decoder.frame_pts()

    cdef int64_t hole_before_frame(self) noexcept nogil:
        """Return the length of the hole in the timestamps before the current frame."""
        cdef avutil.AVFrame *frame = self.decoder.frame
        cdef int64_t stamp = self.decoder.stamp
        cdef int64_t pts, hole = 0
        if self.decoder.from_start:
            self.begin_timeline()
            if frame.sample_rate != self.timeline.rate:
                self.timeline.den = 0       # a stream that changes its rate has no timeline
            pts = self.decoder.frame_pts() if stamp != self.frame_stamp else NOPTS
            self.timeline.is_certain = self.decoder.page_loss != 0
            hole = place_samples(&self.timeline, pts, frame.nb_samples)
            self.frame_stamp = stamp
        elif self.index is not None:
            if self.placed and self.index.aligned and 0 < stamp < self.index.count:
                hole = self.index.hole_before(<int> stamp)
        elif self.numbered and frame.pts != NOPTS:
            hole = frame.pts - self.next_position - self.silence
            hole = hole if hole > frame.nb_samples // 2 else 0
        return hole

    cdef int note_range(self, bint lost, int64_t position, int64_t samples) noexcept nogil:
        """Note damage or a hole; 0 or AVERROR."""
        with gil:
            try:
                if not lost:
                    self.holes.append((position, samples))
                elif (position, position + samples) not in self.damage:
                    self.damage.append((position, position + samples))
            except BaseException as exception:
                self.decoder.failure = exception
                return avutil.AVERROR_EXTERNAL
        return 0

    cdef int give_silence(self) noexcept nogil:
        """Make the next block one of silence, in the stream's first format; return 0 or AVERROR."""
        cdef int code = self.zeros.prepare(self.native.sample_format, self.native.channels)
        if code < 0:
            return code
        self.input = self.native
        self.data = self.zeros.planes
        self.block_start = self.next_position
        self.block_length = min(self.silence, SILENCE_SAMPLES)
        self.silence -= self.block_length
        self.next_position += self.block_length
        return 0

    cdef void note_frame(self) noexcept nogil:
        """Note one of the first frames of a run from the start."""
        if self.noted == NOTED_FRAMES:
            return
        if self.index is None or not self.index.aligned:
            self.noted_stamps[self.noted] = self.decoder.stamp
            self.noted_positions[self.noted] = self.next_position
            self.noted_lengths[self.noted] = self.decoder.frame.nb_samples
            self.noted += 1
            self.noted_timeline = self.timeline
            self.noted_holes[self.noted - 1] = self.hole

    cdef int place_frame(self) noexcept nogil:
        """Give a frame its position, or compare its position with the index; 0 or CONTRADICTION."""
        cdef int64_t stamp = self.decoder.stamp
        cdef bint from_start = self.decoder.from_start, finished = self.decoder.finished
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
        """Return True if reading can begin at a packet of the index."""
        return not self.from_start_only and self.index is not None and self.index.aligned

    cdef int begin_from_zero(self) noexcept nogil:
        """Decode from the first packet; FROM_THE_START or AVERROR."""
        cdef int code = self.decoder.rewind()
        if code < 0:
            return code
        self.forget_silence()
        memset(&self.timeline, 0, sizeof(self.timeline))
        with gil:
            self.holes.clear()
            self.damage.clear()
        self.placed = True
        self.next_position = 0
        self.sure_from = 0
        if self.index is None or not self.index.aligned:
            self.noted = 0
        return FROM_THE_START

    cdef int begin_at(self, int64_t position) noexcept nogil:
        cdef int number, first
        cdef int code = self.decoder.restore()
        if code < 0:
            return code
        if position > PATIENCE and not self.from_start_only and self.has_numbers():
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
        self.forget_silence()
        self.placed = False
        self.sure_from = number
        self.known_lost = self.index.count
        self.earlier_starts = 0
        self.next_position = 0
        return 0

    cdef bint has_numbers(self) noexcept nogil:
        """Return True if the numbers of FLAC frames name their places: Note [Numbered frames]."""
        if self.numbered and not self.numbers_checked:
            self.numbers_checked = True
            self.numbered = is_one_flac(
                self.decoder.demuxer, self.decoder.stream_index, &self.decoder.flac_start
            )
        return self.numbered

    cdef void forget_silence(self) noexcept nogil:
        """Forget what was about to come, before reading begins anew."""
        self.pending = False
        self.ended = False
        self.silence = 0
        self.frame_stamp = -1

    cdef int begin_at_number(self, int64_t position) noexcept nogil:
        """`begin_at` by Note [Numbered frames]."""
        cdef int code = self.decoder.seek_numbered(position)
        if code == LOST:
            self.numbered = False
            self.from_start_only = True
        if code != 0:
            return self.begin_from_zero()
        self.forget_silence()
        self.next_position = self.decoder.packet.pts
        self.placed = True
        self.sure_from = 0
        return 0

    # -- the index -------------------------------------------------------------------------------

    def needs_index(self):
        """Return True if only the lack of an index keeps a later window from being sought."""
        cdef int code = self.decoder.restore()
        if code < 0:
            self.check(code)
        return not self.from_start_only and not self.has_numbers() and self.index is None

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
            aligned = index.align(
                self.noted_stamps, self.noted_positions, self.noted_lengths, self.noted, &self.noted_timeline,
                self.fill_holes,
            )
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
        """Return the AudioIndex of the stream, by the cheapest way that works."""
        cdef PacketDecoder decoder = self.decoder
        index = index_from_table(decoder.demuxer, decoder.stream_index)
        for make in (index_from_walk, index_from_scan):
            if index is None:
                decoder.open_demuxer()
                decoder.fresh = False
                index = make(decoder.demuxer, decoder.stream_index)
        return index

    def near_end(self):
        """Return a position shortly before the end, to count from; 0 if none is known."""
        cdef int64_t position = 0
        if not self.from_start_only and self.has_numbers():
            position = max(self.decoder.stream().duration, 0) - PATIENCE    # unknown: negative
        elif self.can_seek() and self.index.count > 0:
            position = self.index.packets[self.index.count - 1].start
        return <object> max(0, position) * self.sample_rate // self.native.rate

    def known_holes(self):
        """Return the holes of the whole stream as (position, samples), at the decoder's rate.

        The caller must have called `learn`; a stream without a usable index is read to its end.
        """
        if not self.can_seek():
            self.read_from_start()
        return self.passed_holes()

    def passed_holes(self):
        """Return those of the `known_holes` that are known without reading."""
        if not self.can_seek():
            return list(self.holes)
        found = [
            (self.noted_positions[i] - (self.noted_holes[i] if self.fill_holes else 0), self.noted_holes[i])
            for i in range(self.noted) if self.noted_holes[i] > 0
        ]
        return found + self.index.describe_holes(self.noted_stamps[self.noted - 1])

    def read_from_start(self):
        """Decode the whole stream from its first packet, and count it."""
        self.stop()
        self.from_start_only = True
        self.read_into(0, most_samples(), 0, 0)
