# cython: no_gc_clear=True
"""The packets of one audio stream, decoded by libavcodec.

Note [Stamps]

Every packet's dts is overwritten with its ordinal, which libavcodec hands on to the frame. So a
frame is known by its packet even where timestamps are rounded, estimated, or missing. The ordinal
is shifted to the left, because libavcodec adds the samples that it trims from the frame.

Note [Lost packets]

A packet that the decoder refuses keeps its place: the decoder counts the samples that it should
give. Tags between joined files are no audio and count none.

Some decoders refuse packets without an error: those of MLP and TrueHD, for one, until parameters
come again. Where each packet gives a frame, a packet that gives none is therefore lost, too. That
is known once a later packet gives its frame. The packets before the first frame let the decoder
begin, and are not lost.
"""

cimport cython
from libc.errno cimport EAGAIN, ENOMEM
from libc.stdint cimport int64_t, uint32_t

from cycodec.core cimport error
from cycodec.core.audio.codec_traits cimport (
    gives_frame_per_packet, has_checksums, has_fixed_length, has_overlaps, is_found_by_place, is_tag,
)
from cycodec.core.audio.codes cimport FROM_THE_START
from cycodec.core.container.codes cimport CONTRADICTION, LOST
from cycodec.core.audio.flac_seek cimport (
    cut_joined_flac, flac_number, has_flac_form, has_numbered_packets, note_flac_start, read_flac_at,
)
from cycodec.core.audio.index cimport AudioPacket
from cycodec.core.audio.timeline cimport longest_hole
from cycodec.core.audio.losses cimport Losses
from cycodec.core.audio.mp3_run cimport Mp3Run
from cycodec.core.audio.ogg_pages cimport PAGE_DAMAGED, PAGE_JOINED, PAGE_UNSURE, chain_of
from cycodec.core.bitstream.flac cimport FLAC_LONGEST_HEADER, FlacHeader, read_flac_header
from cycodec.core.bitstream.sound cimport Mp3Frame, amr_nb_is_silent, is_no_mp3, read_mp3_header
from cycodec.core.compat cimport compat_packet_set_skip, compat_packet_skip
from cycodec.core.container.decoder_context cimport allocate_decoder, open_decoder, set_options
from cycodec.core.container.demux cimport Demuxer
from cycodec.core.error import CodecNotFoundError

from cycodec.libav cimport avcodec, avutil
from cycodec.libav.avcodec cimport AVCodecParameters
from cycodec.libav.avformat cimport AVStream


cdef int64_t NOPTS = avutil.AV_NOPTS_VALUE

cdef enum:
    STAMP_SHIFT = 32
    CHECKED = 1 | 8             # AV_EF_CRCCHECK and AV_EF_EXPLODE
    MAX_SEEKS = 4               # until one finds the packet
    FIRST_STEP = 32             # packets that the second seek goes back; later ones go further
    MAX_STRANGERS = 600         # packets after a seek until one is known
    MAX_DRAIN_ERRORS = 64


@cython.no_gc_clear
cdef class PacketDecoder:
    """Decodes the packets of one audio stream in order.

    Parameters
    ----------
    open_source : callable
        Returns a new IOContext of the source. It is called again to read from the start; the
        IOContext in use is dropped before.
    wanted_stream : int or None
        Number of the stream; None is FFmpeg's best audio stream.
    """

    def __cinit__(self, open_source, wanted_stream):
        self.open_source = open_source
        self.wanted_stream = wanted_stream
        self.losses = Losses()
        self.packet = avcodec.av_packet_alloc()
        self.frame = avutil.av_frame_alloc()
        if self.packet == NULL or self.frame == NULL:
            raise MemoryError()
        self.open_demuxer()
        self.source = self.demuxer.io.name
        self.by_pos = self.demuxer.can_seek_bytes and is_found_by_place(self.demuxer.format_name)
        self.open_codec()

    def __dealloc__(self):
        avcodec.avcodec_free_context(&self.context)
        avcodec.av_packet_free(&self.packet)
        avutil.av_frame_free(&self.frame)

    cdef void forget(self) noexcept:
        """Give up all native objects: Note [After fork] in core/video/stream.pyx."""
        self.context = NULL
        self.packet = NULL
        self.frame = NULL
        if self.demuxer is not None:
            self.demuxer.abandon()

    cdef int check(self, int code, str operation) except -1:
        """Raise the exception that a code stands for; one of a callback wins over FFmpeg's code."""
        if self.failure is not None:
            failure, self.failure = self.failure, None
            raise failure
        if self.demuxer is None:
            return error.check(code, operation, self.source)
        return self.demuxer.check(code, operation)

    cdef AVStream *stream(self) noexcept nogil:
        return self.demuxer.stream(self.stream_index)

    cdef AVCodecParameters *parameters(self) noexcept nogil:
        return self.stream().codecpar

    # -- opening ---------------------------------------------------------------------------------

    cdef int open_demuxer(self) except -1:
        """Open the container, or open it again, so that no packet of it has been read."""
        if self.demuxer is not None:
            self.demuxer.settle()   # an exception of the source must not be lost with its demuxer
        self.demuxer = None     # first: a file-like source serves one demuxer at a time
        self.from_start = False
        demuxer = Demuxer(self.open_source())
        self.stream_index = demuxer.select_audio(self.wanted_stream)
        self.is_numbered = has_numbered_packets(demuxer, self.stream_index)
        self.pages = chain_of(demuxer, self.stream_index)
        self.demuxer = demuxer
        self.fresh = True
        return 0

    cdef int open_codec(self) except -1:
        """Open a decoder that has seen nothing yet."""
        cdef AVCodecParameters *parameters = self.parameters()
        cdef const avcodec.AVCodec *codec = avcodec.avcodec_find_decoder(parameters.codec_id)
        avcodec.avcodec_free_context(&self.context)
        if parameters.codec_id == avcodec.AV_CODEC_ID_NONE:
            raise CodecNotFoundError(
                f"{self.source}: the FFmpeg in use does not know the codec of audio stream {self.stream_index} "
                "(the file may be damaged; `ffprobe` on it says more)",
                source=self.source, operation="open decoder",
            )
        self.context = allocate_decoder(
            codec, parameters, self.stream().time_base, 1, self.demuxer.io.access.max_pixels, self.source
        )
        if has_checksums(parameters.codec_id):
            # without it, libavcodec returns what a wrong checksum shows to be damaged
            avutil.av_opt_set_int(self.context, b"err_detect", CHECKED, 0)
        if parameters.codec_id == avcodec.AV_CODEC_ID_MP3 and self.demuxer.format_name == "mp3" and self.mp3 is None:
            self.mp3 = Mp3Run()
        # AC-3 decoders make noise up: let them seed it by each packet, not by all packets before it
        avutil.av_opt_set_int(self.context, b"cons_noisegen", 1, avutil.AV_OPT_SEARCH_CHILDREN)
        set_options(self.context, self.demuxer.codec_options, self.source)
        open_decoder(self.context, self.source)
        return 0

    cdef int renew(self, bint whole) noexcept nogil:
        """Open the codec anew, and the container as well if `whole`; 0 or AVERROR_EXTERNAL."""
        with gil:
            try:
                if whole:
                    self.open_demuxer()
                self.open_codec()
            except BaseException as exception:
                self.failure = exception
                avcodec.avcodec_free_context(&self.context)     # which may be there and not open
                return avutil.AVERROR_EXTERNAL
        return 0

    cdef int restore(self) noexcept nogil:
        """Open what could not be opened again during an earlier read; 0 or AVERROR_EXTERNAL."""
        if self.demuxer is not None and self.context != NULL:
            return 0
        avcodec.av_packet_unref(self.packet)
        self.has_packet = False
        return self.renew(self.demuxer is None)

    # -- where to begin --------------------------------------------------------------------------

    cdef void begin(self, int64_t ordinal, bint from_start) noexcept nogil:
        """Take the packet to come for that with an ordinal."""
        self.ordinal = ordinal
        self.from_start = from_start
        self.stamp = -1
        self.finished = False
        self.drain_errors = 0
        self.losses.clear()
        self.sent_samples = 0
        self.given_samples = 0
        self.lost_stamp = -2
        self.lost_end = NOPTS
        self.cut_from = -1
        self.cut_end = -1
        self.is_cut = False
        self.page_loss = 0
        self.is_sought = not from_start
        self.is_broken = False

    cdef int rewind(self) noexcept nogil:
        """Decode from the first packet, with a decoder that has seen nothing; 0 or AVERROR."""
        cdef int code
        avcodec.av_packet_unref(self.packet)
        avutil.av_frame_unref(self.frame)
        if not self.fresh:
            code = self.renew(True)
            if code < 0:
                return code
        self.has_packet = False
        self.begin(0, True)
        if self.mp3 is not None:
            self.mp3.restart()
        return 0

    cdef int seek(self, int number) noexcept nogil:
        """Decode from a packet of the index, with a decoder that has seen nothing.

        Return 0, AVERROR, or LOST if no seek finds the packet.
        """
        cdef int target = number
        cdef int step = FIRST_STEP
        cdef int code = LOST
        cdef int _
        avutil.av_frame_unref(self.frame)
        self.fresh = False
        self.has_packet = False
        if not (self.index.rising_pos if self.by_pos else self.index.rising_pts):
            return LOST
        for _ in range(MAX_SEEKS):
            if self.by_pos:
                code = self.demuxer.seek_byte(self.index.packets[target].pos)
            else:
                code = self.demuxer.seek(self.stream_index, self.index.packets[target].pts)
            if code < 0:
                return LOST
            if self.pages is not None:
                self.pages.restart()
            code = self.read_up_to(number)
            if code != LOST or target == 0:
                break
            target = max(0, target - step)
            step *= 8
        if code == 0:
            # A flush is not enough: noise generators, for one, run on and would change this window.
            code = self.renew(False)
        if code == 0:
            self.begin(number, False)
        return code

    cdef int read_up_to(self, int number) noexcept nogil:
        """After a seek, read on until `packet` is that with a number.

        Return 0, AVERROR, or LOST if the packet does not come.
        """
        cdef int strangers = 0
        cdef int found = -1
        cdef int code
        while found < number and strangers < MAX_STRANGERS:
            code = self.read_packet()
            if code == avutil.AVERROR_EOF or code == avutil.AVERROR_INVALIDDATA:
                break
            if code < 0:
                return code
            if found >= 0:
                found += 1
            elif self.packet.pos >= self.index.untimed_from:
                break
            else:
                found = self.index.number_of(self.packet, self.by_pos)
                strangers += found < 0
        self.has_packet = found == number
        if self.has_packet:
            return 0
        avcodec.av_packet_unref(self.packet)
        return LOST

    cdef int seek_numbered(self, int64_t position) noexcept nogil:
        """Decode from the packet of a .flac file that holds a sample: Note [Numbered frames].

        Return 0, FROM_THE_START if the seek led nowhere, or LOST if packets' numbers are of no use.
        Nothing is decoded if the position is behind the end.
        """
        cdef int code = self.read_numbered(position)
        if code == 0:
            avcodec.avcodec_flush_buffers(self.context)
            self.begin(0, False)
        return code

    cdef int read_numbered(self, int64_t position) noexcept nogil:
        """Read as a part of `seek_numbered`: make `packet` the one that holds a sample.
        """
        cdef bint seen = False
        cdef int code, _
        avutil.av_frame_unref(self.frame)
        self.fresh = False
        self.has_packet = False
        code = read_flac_at(self.demuxer, self.stream_index, &self.flac_start, position, self.packet)
        for _ in range(MAX_STRANGERS):
            if code == avutil.AVERROR_EOF:
                return 0 if seen else FROM_THE_START
            if code < 0 or self.packet.pts == NOPTS or self.packet.pts > position:
                return LOST
            if not has_flac_form(self.packet, &self.flac_start):
                return LOST
            seen = True
            self.packets_read += 1
            if self.packet.pts + self.packet.duration > position:
                self.has_packet = True
                return 0
            if cut_joined_flac(self.packet, &self.flac_start, self.packet.pts):
                continue
            avcodec.av_packet_unref(self.packet)
            code = self.demuxer.read(self.packet, self.stream_index)
        return LOST

    # -- frames ----------------------------------------------------------------------------------

    cdef int next_frame(self) noexcept nogil:
        """Decode the next frame; AVERROR_EOF after the last one.

        Packets that the decoder refuses are skipped, as the ffmpeg command does it, and counted.
        """
        cdef int64_t last
        cdef int code
        while True:
            avutil.av_frame_unref(self.frame)
            code = avcodec.avcodec_receive_frame(self.context, self.frame)
            if code == 0:
                last = self.stamp
                if self.frame.pkt_dts != NOPTS:
                    self.stamp = self.frame.pkt_dts >> STAMP_SHIFT
                if self.stamp == self.lost_stamp:
                    continue        # from what is left of a packet that counts as lost
                if self.frame.nb_samples > 0:
                    if last < 0 or self.stamp != self.ordinal - 1:
                        self.losses.drop_mute()
                    code = self.is_short()
                    if code < 0:
                        return code
                    if code > 0:
                        self.note_lost()
                        continue
                    self.usual_samples = self.frame.nb_samples
                    self.usual_rate = self.frame.sample_rate
                    self.given_samples += self.frame.nb_samples
                    return 0
                continue
            if code == avutil.AVERROR_EOF or code == avutil.AVERROR(ENOMEM):
                return code
            if self.finished:
                if code == avutil.AVERROR(EAGAIN) or self.drain_errors == MAX_DRAIN_ERRORS:
                    return avutil.AVERROR_EOF
                self.drain_errors += 1
                continue
            if code != avutil.AVERROR(EAGAIN):
                self.note_lost()
            self.note_mute()
            code = self.send_next()
            if code < 0:
                return code

    cdef int send_next(self) noexcept nogil:
        """Give the decoder one packet, or tell it that there are no more."""
        cdef int code
        if not self.has_packet:
            code = self.read_packet()
            if code == avutil.AVERROR_EOF or code == avutil.AVERROR_INVALIDDATA:
                if self.pages is not None and not self.from_start and self.ordinal < self.index.count:
                    return CONTRADICTION        # after a seek, FFmpeg may give up at junk
                # damaged data end the stream, as they do for the ffmpeg command
                self.finished = True
                return avcodec.avcodec_send_packet(self.context, NULL)
            if code < 0:
                return code
        self.has_packet = False
        if not self.from_start and self.index is not None and not self.index.fits(self.ordinal, self.packet):
            return CONTRADICTION
        self.trim()
        if (self.lost_end != NOPTS or self.cut_end >= 0) and not self.pass_numbered():
            avcodec.av_packet_unref(self.packet)
            return 0
        self.packet.dts = self.ordinal << STAMP_SHIFT
        self.ordinal += 1
        code = self.pass_mp3() if self.mp3 is not None and self.from_start else 0
        if code < 0:
            return code
        if self.pages is not None:
            code = self.pass_page()
            if code < 0:
                return code
        if self.packet.size > 0:
            self.sent_samples = self.expected_samples()
            # the numbers of FLAC frames tell by themselves what was lost
            self.sent_pts = NOPTS if self.is_numbered else self.packet.pts
            self.given_samples = 0
            code = avcodec.avcodec_send_packet(self.context, self.packet)
            if code < 0 and code != avutil.AVERROR(EAGAIN) and code != avutil.AVERROR(ENOMEM):
                self.note_lost()
        if not self.is_numbered:
            avcodec.av_packet_unref(self.packet)    # else note_lost may cut it
        return code if code == avutil.AVERROR(ENOMEM) else 0

    cdef int pass_page(self) noexcept nogil:
        """Note what is wrong with `packet` of an Ogg stream; 0, or CONTRADICTION of the index."""
        cdef int loss = self.pages.loss
        if not self.from_start and self.index is not None and self.ordinal - 1 < self.index.count:
            loss = self.index.packets[self.ordinal - 1].loss
            if self.pages.loss != loss and not self.is_sought:
                return CONTRADICTION
        self.is_sought = False
        self.page_loss |= loss
        self.is_broken = loss & (PAGE_JOINED | PAGE_UNSURE) or (
            loss & PAGE_DAMAGED and has_overlaps(self.context.codec_id)
        )
        return 0

    cdef int64_t frame_pts(self) noexcept nogil:
        """Return the timestamp of `frame`."""
        if (
            self.from_start and self.page_loss and self.frame.pts != NOPTS
            and self.context.codec_id == avcodec.AV_CODEC_ID_VORBIS
        ):
            # the decoder gives fewer samples if blocks on both sides of a loss differ in size
            return self.frame.pts + self.pages.samples - self.frame.nb_samples
        return self.frame.pts

    cdef int pass_mp3(self) noexcept nogil:
        """Count what `packet` holds of an MP3 stream, and what was lost before it; 0 or AVERROR."""
        cdef Mp3Frame frame
        cdef int64_t lost
        self.is_broken = False
        if self.packet.size == 0:
            return 0
        if is_no_mp3(self.packet.data, self.packet.size):
            return self.mp3.add(self.packet)
        lost = self.mp3.pass_frame(self.packet)
        if read_mp3_header(self.packet.data, &frame):
            self.losses.add(self.ordinal - 1, NOPTS, lost * frame.samples, False)
        self.has_lost_frames |= lost > 0
        self.is_broken = self.mp3.is_damaged(self.packet)
        return self.trim_mp3() if self.has_lost_frames else 0

    cdef int trim_mp3(self) noexcept nogil:
        """Trim the padding of `packet`, which FFmpeg looks for elsewhere after lost frames."""
        cdef Mp3Frame frame
        cdef uint32_t skip = 0
        if not read_mp3_header(self.packet.data, &frame):
            return 0
        if not self.mp3.knows_padding:
            with gil:
                try:
                    self.mp3.read_padding(self.demuxer, self.first_pos, frame.samples)
                except BaseException as exception:
                    self.failure = exception
                    return avutil.AVERROR_EXTERNAL
        compat_packet_skip(self.packet, &skip, &self.last_discard)
        self.last_discard = self.mp3.padding_in(frame.samples)
        compat_packet_set_skip(self.packet, skip, self.last_discard)
        return 0

    cdef void note_lost(self) noexcept nogil:
        """Count the samples of a packet that the decoder refused: Note [Lost packets]."""
        if self.sent_samples > 0:
            self.losses.add(self.ordinal - 1, self.sent_pts, self.sent_samples, False)
            self.lost_stamp = self.ordinal - 1
            if self.is_numbered:
                self.cut_lost()
        self.sent_samples = 0

    cdef void note_mute(self) noexcept nogil:
        """Note the packet sent last if it gave nothing: Note [Lost packets]."""
        if self.sent_samples > 0 and self.given_samples == 0 and not self.is_trimmed:
            if gives_frame_per_packet(self.context.codec_id):
                self.losses.add(self.ordinal - 1, self.sent_pts, self.sent_samples, True)
        self.sent_samples = 0

    cdef int is_short(self) noexcept nogil:
        """Return 1 if `frame` lacks samples and is not the last one; 0, or AVERROR."""
        cdef int code
        if (
            not has_fixed_length(self.context.codec_id) or self.frame.sample_rate != self.usual_rate
            or self.stamp != self.ordinal - 1 or self.is_trimmed or self.finished
            or not 0 < self.frame.nb_samples < self.usual_samples
        ):
            return 0
        if not self.has_packet:
            code = self.read_packet()
            if code == avutil.AVERROR_EOF or code == avutil.AVERROR_INVALIDDATA:
                return 0
            if code < 0:
                return code
            self.has_packet = True
        return 1

    cdef void cut_lost(self) noexcept nogil:
        """Go on inside the packet that the decoder refused: Note [Joined frames]."""
        cdef int64_t number = flac_number(self.packet, &self.flac_start)
        self.lost_end = NOPTS
        if number < 0:
            return
        if self.cut_end < 0:
            self.cut_from = number
        self.lost_end = number + self.given_samples + self.sent_samples
        self.is_cut = cut_joined_flac(self.packet, &self.flac_start, number + self.given_samples)
        self.has_packet = self.is_cut

    cdef bint pass_numbered(self) noexcept nogil:
        """Count what was lost between a refused packet and `packet`: Note [Joined frames].

        Return False if `packet` was decoded already.
        """
        cdef int64_t number = flac_number(self.packet, &self.flac_start)
        cdef int64_t more = number - self.lost_end
        if self.is_cut:
            self.cut_end = number + self.packet.duration
        elif self.cut_from <= number < self.cut_end:
            return False
        elif number >= 0:
            self.cut_end = -1
        self.is_cut = False
        if number >= 0 and self.lost_end != NOPTS:
            self.packet.pts = number        # the parser may have guessed
            if -self.flac_start.samples <= more <= longest_hole(self.context.sample_rate):
                self.losses.add(self.ordinal, NOPTS, more, False)
        self.lost_end = NOPTS
        return True

    cdef int64_t expected_samples(self) noexcept nogil:
        """Return the expected samples of `packet` at the decoder's rate; 0 if it is no audio."""
        cdef AVStream *stream = self.stream()
        cdef int rate = self.context.sample_rate
        cdef FlacHeader header
        cdef int64_t count
        if self.packet.size >= 3 and is_tag(self.packet.data):
            return 0
        if self.context.codec_id == avcodec.AV_CODEC_ID_AMR_NB and amr_nb_is_silent(self.packet.data[0]):
            return 0        # libavcodec does not know comfort noise
        if self.context.codec_id == avcodec.AV_CODEC_ID_MP3 and is_no_mp3(self.packet.data, self.packet.size):
            return 0
        if self.index is not None and self.index.aligned and 0 <= self.ordinal < self.index.count:
            return self.index.samples_out(<int> self.ordinal)
        if self.packet.flags & avcodec.AV_PKT_FLAG_DISCARD:
            return 0
        if self.context.codec_id == avcodec.AV_CODEC_ID_FLAC and self.flac_start.samples > 0:
            if self.packet.size >= FLAC_LONGEST_HEADER and read_flac_header(
                self.packet.data, self.flac_start.form, self.flac_start.samples, &header
            ):
                return header.samples
            return self.flac_start.samples
        if self.usual_samples > 0 and self.context.frame_size > 0:
            return self.usual_samples
        if self.packet.duration > 0 and rate > 0 and stream.time_base.den > 0:
            count = avutil.av_rescale(
                self.packet.duration, <int64_t> stream.time_base.num * rate, stream.time_base.den
            )
            # a container may state any duration
            return count if 0 <= count <= longest_hole(rate) else self.usual_samples
        return self.usual_samples

    cdef int read_packet(self) noexcept nogil:
        """Read the next packet of the stream; 0 or AVERROR."""
        cdef int code
        self.fresh = False
        avcodec.av_packet_unref(self.packet)
        code = self.demuxer.read(self.packet, self.stream_index)
        self.packets_read += code >= 0
        if code >= 0 and self.pages is not None:
            self.pages.follow(self.demuxer.ptr.pb, self.packet)
        return code

    cdef void trim(self) noexcept nogil:
        """Let the decoder trim the packet as it does when it decodes from the start."""
        cdef AudioPacket *known
        cdef uint32_t skip = 0
        cdef uint32_t discard = 0
        compat_packet_skip(self.packet, &skip, &discard)
        if self.from_start:
            if self.ordinal == 0:
                self.first_skip = skip
                self.first_pos = self.packet.pos
                note_flac_start(&self.flac_start, self.packet)
        elif self.index is None:
            pass                # numbered FLAC frames have nothing to trim
        elif self.index.from_table:
            # after a seek the demuxer asks for a pre-roll of its own
            compat_packet_set_skip(self.packet, 0, discard)
        elif self.ordinal < self.index.count:
            known = &self.index.packets[self.ordinal]
            discard = known.discard
            compat_packet_set_skip(self.packet, known.skip, discard)
            self.packet.flags = known.flags
        self.last_discard = discard
        self.is_trimmed = skip > 0 or discard > 0
