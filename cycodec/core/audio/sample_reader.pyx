# cython: no_gc_clear=True
"""One audio stream, decoded by libavcodec, as blocks whose positions are known.

Decoding from the first packet, positions are counted: that is what the ffmpeg command does, and it is right
by definition. Decoding from elsewhere, the position of the first frame comes from the index; every further
frame must then agree with it, and where one does not, the stream is read from the start ever after.

Note [Stamps]

Every packet's dts is overwritten with its ordinal, which libavcodec hands on to the frame: so a frame is
known by its packet even where timestamps are rounded, estimated, or missing. It is shifted to the left,
because libavcodec adds to it what it trims from the frame.

Note [Frames that say where they are]

A FLAC frame holds its own number or that of its first sample (RFC 9639, section 9.1.5), and needs no other frame. In a
.flac file FFmpeg hands that number on as pts and bisects by it: no index is needed there, as long as what frames say
agrees with what is counted. FFmpeg's bisection reads ten frames at every step, to be sure of each; ours reads headers, and
is sure when the frame that it found decodes with that number.
"""

cimport cython
from libc.errno cimport EAGAIN, ENOMEM
from libc.stdint cimport int64_t, uint32_t
from libc.string cimport memcpy

from cycodec.core cimport error
from cycodec.core.audio.index cimport AudioIndex, AudioPacket, has_no_anchor
from cycodec.core.compat cimport compat_frame_channels, compat_packet_set_skip, compat_packet_skip
from cycodec.core.container.demux cimport Demuxer
from cycodec.core.bitstream.flac cimport FLAC_FORM_BYTES, FlacFrame, flac_locate, flac_samples, same_flac_form
from cycodec.core.audio.sample_blocks cimport CONTRADICTION, FROM_THE_START, BlockReader

from cycodec.core.audio.index import index_from_scan, index_from_table
from cycodec.core.audio.walk import index_from_walk
from cycodec.core.error import CodecNotFoundError, InvalidDataError

from cycodec.libav cimport avcodec, avutil
from cycodec.libav.avcodec cimport AVCodecParameters


cdef int64_t NOPTS = avutil.AV_NOPTS_VALUE

cdef enum:
    STAMP_SHIFT = 32
    LOST = -0x70000001          # the packet sought did not come
    MAX_TRIES = 3
    MAX_STRANGERS = 600         # packets after a seek until one is known
    MAX_DRAIN_ERRORS = 64
    PATIENCE = 8192             # samples that are sooner decoded than sought past

# Containers in which frames are found by their place: they have no timestamps, or none that a seek gives
# back.
PLACED = {"mp3", "aac", "ac3", "eac3", "dts", "amr", "amrnb", "amrwb", "loas"}


@cython.no_gc_clear
cdef class SampleReader(BlockReader):
    """Reads samples of one audio stream.

    Parameters
    ----------
    demuxer : Demuxer
        Of which nothing was read yet.
    stream_index : int
    opener : callable
        Gives another such demuxer, and the stream's number; called after the one in use was dropped.
    exact : bool
        Only ever decode from the start.
    sample_rate, num_channels : int
        Of the output; 0 takes the stream's own.
    """

    def __cinit__(self, Demuxer demuxer not None, int stream_index, opener, bint exact=False, **output):
        self.demuxer = demuxer
        self.source = demuxer.io.name
        self.stream_index = stream_index
        self.opener = opener
        self.linear = exact
        self.fresh = True
        self.by_pos = demuxer.can_seek_bytes and demuxer.format_name in PLACED
        self.telling = (
            demuxer.format_name == "flac" and demuxer.can_seek_bytes and demuxer.stream(stream_index).time_base.num == 1
            and demuxer.stream(stream_index).time_base.den == demuxer.stream(stream_index).codecpar.sample_rate
        )
        self.first_pts = NOPTS
        self.packet = avcodec.av_packet_alloc()
        self.frame = avutil.av_frame_alloc()
        if self.packet == NULL or self.frame == NULL:
            raise MemoryError()
        self.open_decoder()
        self.prime()

    def __dealloc__(self):
        avcodec.avcodec_free_context(&self.ctx)
        avcodec.av_packet_free(&self.packet)
        avutil.av_frame_free(&self.frame)

    def forget(self):
        """Own nothing any more, and free nothing: Note [After fork] in stream.pyx."""
        self.ctx = NULL
        self.packet = NULL
        self.frame = NULL
        if self.demuxer is not None:
            self.demuxer.abandon()

    # -- opening ---------------------------------------------------------------------------------------------

    cdef int open_decoder(self) except -1:
        """A decoder that has seen nothing yet."""
        cdef avcodec.AVCodecContext *ctx = NULL
        cdef AVCodecParameters *parameters = self.demuxer.stream(self.stream_index).codecpar
        cdef const avcodec.AVCodec *codec = avcodec.avcodec_find_decoder(parameters.codec_id)
        cdef int code
        avcodec.avcodec_free_context(&self.ctx)
        if parameters.codec_id == avcodec.AV_CODEC_ID_NONE:
            raise CodecNotFoundError(
                f"{self.source}: what audio stream {self.stream_index} is encoded with is not known to the FFmpeg in use "
                "(the file may be damaged; `ffprobe` on it says more)",
                source=self.source, operation="open decoder",
            )
        if codec == NULL:
            name = avcodec.avcodec_get_name(parameters.codec_id).decode()
            raise CodecNotFoundError(
                f"{self.source}: the FFmpeg in use has no decoder for {name} "
                "(use an FFmpeg built with it; `cycodec doctor` lists what this one has)",
                source=self.source, operation="open decoder",
            )
        ctx = avcodec.avcodec_alloc_context3(codec)
        if ctx == NULL:
            raise MemoryError()
        self.ctx = ctx
        error.check(
            avcodec.avcodec_parameters_to_context(ctx, parameters), "set decoder parameters", self.source
        )
        ctx.pkt_timebase = self.demuxer.stream(self.stream_index).time_base
        ctx.thread_count = 1
        # AC-3 decoders make up noise: of each packet's own, and not of a generator that ran since the start of the stream
        avutil.av_opt_set_int(ctx, b"cons_noisegen", 1, avutil.AV_OPT_SEARCH_CHILDREN)
        with nogil:
            code = avcodec.avcodec_open2(ctx, codec, NULL)
        error.check(code, "open decoder", self.source)
        return 0

    cdef int reopen(self) except -1:
        self.demuxer = None     # first: a file-like source serves one demuxer at a time
        self.demuxer, _ = self.opener()
        self.fresh = True
        return 0

    def prime(self):
        """Decode the first block: it says what the samples are like."""
        cdef int code
        with nogil:
            code = self.from_zero()
            if code >= 0:
                code = self.next_input()
        if code == avutil.AVERROR_EOF:
            raise InvalidDataError(
                f"{self.source}: no sample of audio stream {self.stream_index} can be decoded "
                "(the file may be damaged or cut off; `ffmpeg -i FILE -f null -` says more)",
                source=self.source, operation="decode",
            )
        if code < 0:
            self.finish(code)
        code = self.set_native()
        if code < 0:
            self.finish(code)
        self.held = True
        self.anchored = True
        self.running = True

    cdef int finish(self, int code) except -1:
        if self.failure is not None:
            failure, self.failure = self.failure, None
            raise failure
        if self.unconvertible or self.demuxer is None:
            return BlockReader.finish(self, code)
        return self.demuxer.check(code, "read samples")

    # -- facts -----------------------------------------------------------------------------------------------

    def begin_seconds(self):
        """Time of sample 0 on the stream's own timeline."""
        cdef avutil.AVRational base = self.demuxer.stream(self.stream_index).time_base
        cdef int64_t start = self.demuxer.stream(self.stream_index).start_time
        if self.first_pts != NOPTS:
            return self.first_pts * base.num / <double> base.den
        return start * base.num / <double> base.den if start != NOPTS else 0.0

    def format_info(self):
        """What the first frame says, and what was trimmed so far, under the names of AudioStreamMetadata."""
        cdef avutil.AVSampleFormat sample_format = <avutil.AVSampleFormat> self.native.sample_format
        cdef const char *name = avutil.av_get_sample_fmt_name(sample_format)
        cdef AVCodecParameters *parameters = self.demuxer.stream(self.stream_index).codecpar
        padding = self.last_discard or max(parameters.trailing_padding, 0) or None
        return {
            "sample_rate": self.native.rate,
            "num_channels": self.native.channels,
            "sample_format": name.decode() if name != NULL else None,
            "encoder_delay": self.first_skip or None,
            "encoder_padding": padding if padding is not None or self.total < 0 else 0,
        }

    # -- blocks ----------------------------------------------------------------------------------------------

    cdef int next_input(self) noexcept nogil:
        cdef int code
        code = self.next_frame()
        if code < 0:
            return code
        self.frames_decoded += 1
        code = self.check_place()
        if code < 0:
            return code
        self.data = self.frame.extended_data
        self.position = self.next_position
        self.length = self.frame.nb_samples
        self.next_position += self.length
        self.input.sample_format = self.frame.format
        self.input.rate = self.frame.sample_rate
        compat_frame_channels(self.frame, &self.input.channels, &self.input.mask)
        if self.input.rate <= 0 or self.input.channels <= 0:
            return avutil.AVERROR_INVALIDDATA
        if self.native.channels and (self.input.rate != self.native.rate
                                     or self.input.channels != self.native.channels):
            # positions after a change cannot be told without decoding all before it
            if not self.from_start:
                return CONTRADICTION
            self.linear = True
        return 0

    cdef int check_place(self) noexcept nogil:
        """Count a frame in: note it, give it its place, or find that the index is wrong."""
        cdef AudioPacket *known
        cdef bint fits
        if self.telling and self.frame.pts != self.next_position:
            self.telling = False
            if not self.from_start:
                return CONTRADICTION
        if self.from_start and self.noted < NOTED_FRAMES:
            if self.noted == 0 and self.next_position == 0:
                self.first_pts = self.frame.pts
            if self.index is None or not self.index.aligned:
                self.noted_stamps[self.noted] = self.stamp
                self.noted_positions[self.noted] = self.next_position
                self.noted_lengths[self.noted] = self.frame.nb_samples
                self.noted += 1
        if self.index is None or not self.index.aligned or self.stamp < self.index.first_regular:
            return 0
        if self.stamp >= self.index.count:
            return 0 if self.from_start or self.index.from_table else CONTRADICTION
        known = &self.index.packets[self.stamp]
        if not self.placed:
            self.next_position = known.start
            self.placed = self.stamp >= self.sure_from
            return 0
        fits = known.start == self.next_position
        if fits and self.stamp < self.index.count - 1 and not self.finished:
            fits = self.frame.nb_samples == self.index.expected(<int> self.stamp)
        if fits or (self.finished and not self.from_start):
            return 0
        if self.from_start:
            # what is counted is right, and the index is not
            self.linear = True
            return 0
        return CONTRADICTION

    cdef int next_frame(self) noexcept nogil:
        """Decode the next frame; AVERROR_EOF after the last one.

        What the decoder cannot make sense of is passed over, as the ffmpeg command does it.
        """
        cdef int code
        while True:
            avutil.av_frame_unref(self.frame)
            code = avcodec.avcodec_receive_frame(self.ctx, self.frame)
            if code == 0:
                if self.frame.pkt_dts != NOPTS:
                    self.stamp = self.frame.pkt_dts >> STAMP_SHIFT
                if self.frame.nb_samples > 0:
                    return 0
                continue
            if code == avutil.AVERROR_EOF or code == avutil.AVERROR(ENOMEM):
                return code
            if code != avutil.AVERROR(EAGAIN):
                self.errors += 1
                self.drain_errors += self.finished
                if self.drain_errors > MAX_DRAIN_ERRORS:
                    return avutil.AVERROR_EOF
            elif self.finished:
                return avutil.AVERROR_EOF
            if self.finished:
                continue
            code = self.send_next()
            if code < 0:
                return code

    cdef int send_next(self) noexcept nogil:
        """Give the decoder one packet, or tell it that there are no more."""
        cdef AudioPacket *known
        cdef uint32_t skip = 0
        cdef uint32_t discard = 0
        cdef int code
        if not self.has_packet:
            self.fresh = False
            code = self.demuxer.read(self.packet, self.stream_index)
            if code == avutil.AVERROR_EOF or code == avutil.AVERROR_INVALIDDATA:
                # damaged data ends the stream, as it does for the ffmpeg command
                self.finished = True
                return avcodec.avcodec_send_packet(self.ctx, NULL)
            if code < 0:
                return code
            self.packets_read += 1
        self.has_packet = False
        compat_packet_skip(self.packet, &skip, &discard)
        if self.from_start:
            if self.ordinal == 0:
                self.first_skip = skip
                if self.telling and self.packet.size > FLAC_FORM_BYTES:
                    memcpy(self.form, self.packet.data, FLAC_FORM_BYTES)
                    self.first_position = self.packet.pos
                    self.first_samples = flac_samples(self.packet.data, self.packet.size)
        elif self.index is None:
            pass                # frames that say where they are have nothing to skip
        elif self.index.from_table:
            # the demuxer asks for a pre-roll of its own after a seek
            compat_packet_set_skip(self.packet, 0, discard)
        elif self.ordinal < self.index.count:
            known = &self.index.packets[self.ordinal]
            discard = known.discard
            compat_packet_set_skip(self.packet, known.skip, discard)
            self.packet.flags = known.flags
        self.last_discard = discard
        self.packet.dts = self.ordinal << STAMP_SHIFT
        self.ordinal += 1
        code = 0
        if self.packet.size > 0:
            code = avcodec.avcodec_send_packet(self.ctx, self.packet)
        avcodec.av_packet_unref(self.packet)
        if code == avutil.AVERROR(ENOMEM):
            return code
        if code < 0:
            self.errors += 1
        return 0

    # -- where to begin --------------------------------------------------------------------------------------

    cdef int64_t patience(self) noexcept nogil:
        return PATIENCE

    cdef int from_zero(self) noexcept nogil:
        """Decode from the first packet, with a decoder that has seen nothing."""
        avcodec.av_packet_unref(self.packet)
        avutil.av_frame_unref(self.frame)
        with gil:
            try:
                if not self.fresh:
                    self.reopen()
                    self.open_decoder()
            except BaseException as exception:
                self.failure = exception
                return avutil.AVERROR_EXTERNAL
        self.has_packet = False
        self.finished = False
        self.drain_errors = 0
        self.ordinal = 0
        self.stamp = -1
        self.from_start = True
        self.placed = True
        self.next_position = 0
        self.sure_from = 0
        if self.index is None or not self.index.aligned:
            self.noted = 0
        return FROM_THE_START

    cdef int begin_at(self, int64_t position) noexcept nogil:
        cdef int number, first, code
        if self.telling and not self.linear and position > PATIENCE:
            return self.begin_by_pts(position)
        if self.linear or position <= 0 or self.index is None or not self.index.aligned:
            return self.from_zero()
        number = self.index.at(position)
        first = self.index.begin_of(number)
        if first <= self.index.first_regular:
            return self.from_zero()
        avutil.av_frame_unref(self.frame)
        code = self.find_packet(first)
        if code == LOST:
            self.linear = True
            return self.from_zero()
        if code < 0:
            return code
        with gil:
            try:
                # what a decoder keeps through a flush (noise generators, for one) must not reach the next
                # window
                self.open_decoder()
            except BaseException as exception:
                self.failure = exception
                return avutil.AVERROR_EXTERNAL
        self.finished = False
        self.drain_errors = 0
        self.ordinal = first
        self.stamp = -1
        self.from_start = False
        self.placed = False
        self.sure_from = number
        self.next_position = 0
        return 0

    cdef int begin_by_pts(self, int64_t position) noexcept nogil:
        """`begin_at` by Note [Frames that say where they are]."""
        cdef FlacFrame frame
        cdef int64_t total = self.demuxer.stream(self.stream_index).duration
        cdef int _
        cdef bint seen = False
        cdef int code = LOST
        if flac_locate(self.demuxer, self.form, self.first_position, self.first_samples, total, position, &frame):
            code = self.demuxer.seek_byte(frame.position)
            if code >= 0:
                avcodec.av_packet_unref(self.packet)
                code = self.demuxer.read(self.packet, self.stream_index)
            if code >= 0 and self.packet.pts != frame.number:
                code = LOST
        if code < 0:
            code = self.demuxer.seek(self.stream_index, position)
            if code >= 0:
                avcodec.av_packet_unref(self.packet)
                code = self.demuxer.read(self.packet, self.stream_index)
        self.fresh = False
        self.has_packet = False
        avutil.av_frame_unref(self.frame)
        for _ in range(MAX_STRANGERS):
            if code == avutil.AVERROR_EOF:
                if seen:
                    break       # the position is behind the end
                return self.from_zero()
            if (
                code < 0 or self.packet.pts == NOPTS or self.packet.pts > position or self.packet.size < FLAC_FORM_BYTES
                or not same_flac_form(self.packet.data, self.form)
            ):
                self.telling = False
                self.linear = True
                return self.from_zero()
            seen = True
            self.packets_read += 1
            if self.packet.pts + self.packet.duration > position:
                self.has_packet = True
                break
            avcodec.av_packet_unref(self.packet)
            code = self.demuxer.read(self.packet, self.stream_index)
        self.next_position = self.packet.pts
        avcodec.avcodec_flush_buffers(self.ctx)
        self.finished = False
        self.drain_errors = 0
        self.ordinal = 0
        self.stamp = -1
        self.from_start = False
        self.placed = True
        self.sure_from = 0
        return 0

    cdef int find_packet(self, int number) noexcept nogil:
        """Seek, and hold the packet of that number; LOST where it does not come."""
        cdef int target = number
        cdef int step = 32
        cdef int _, strangers, found, code
        self.fresh = False
        self.has_packet = False
        if not (self.index.rising_pos if self.by_pos else self.index.rising_pts):
            return LOST
        for _ in range(MAX_TRIES + 1):
            if self.by_pos:
                code = self.demuxer.seek_byte(self.index.packets[target].pos)
            else:
                code = self.demuxer.seek(self.stream_index, self.index.packets[target].pts)
            if code < 0:
                return LOST
            found = -1
            strangers = 0
            while found < number and strangers < MAX_STRANGERS:
                avcodec.av_packet_unref(self.packet)
                code = self.demuxer.read(self.packet, self.stream_index)
                if code == avutil.AVERROR_EOF or code == avutil.AVERROR_INVALIDDATA:
                    break
                if code < 0:
                    return code
                self.packets_read += 1
                if found >= 0:
                    found += 1
                elif self.packet.pos >= self.index.untimed:
                    break
                else:
                    found = self.index.identify(self.packet, self.by_pos)
                    strangers += found < 0
            if found == number:
                self.has_packet = True
                return 0
            avcodec.av_packet_unref(self.packet)
            if target == 0:
                return LOST
            target = max(0, target - step)
            step *= 8
        return LOST

    def notes(self):
        """(packet, position, length) of the first frames; for tests."""
        return [
            (self.noted_stamps[i], self.noted_positions[i], self.noted_lengths[i]) for i in range(self.noted)
        ]

    def needs_index(self):
        """Whether a window that begins in the middle would have to be decoded from the start for want of
        an index.
        """
        return not self.linear and not self.telling and self.index is None

    def learn(self):
        """Make the index, so that reading can begin anywhere; see Note [Aligning] in audioindex.pyx."""
        cdef int code = 0
        cdef AudioIndex index
        if not self.needs_index():
            return
        if self.noted < NOTED_FRAMES:
            with nogil:
                if not self.from_start:
                    code = self.from_zero()
                while code >= 0 and self.noted < NOTED_FRAMES:
                    code = self.next_input()
            self.stop()
            if code == avutil.AVERROR_EOF:
                self.linear = True      # so short that nothing is won by a seek
                return
            if code < 0:
                self.finish(code)
        self.stop()
        if has_no_anchor(self.demuxer.stream(self.stream_index).codecpar):
            self.linear = True
            return
        index = index_from_table(self.demuxer, self.stream_index)
        if index is None:
            self.reopen()
            self.fresh = False
            index = index_from_walk(self.demuxer, self.stream_index)
        if index is None:
            self.reopen()
            self.fresh = False
            index = index_from_scan(self.demuxer, self.stream_index)
        with nogil:
            code = index.align(self.noted_stamps, self.noted_positions, self.noted_lengths, self.noted)
        self.index = index
        if not code:
            self.linear = True

    def end_hint(self):
        """A position shortly before the end, to count from; 0 where nothing is known."""
        cdef AudioPacket *last
        if self.telling and not self.linear:
            return max(0, self.demuxer.stream(self.stream_index).duration - PATIENCE) * self.sample_rate // self.native.rate
        if self.linear or self.index is None or not self.index.aligned or self.index.count == 0:
            return 0
        last = &self.index.packets[self.index.count - 1]
        return max(0, last.start) * self.sample_rate // self.native.rate
