"""PacketDecoder: the packets of one audio stream, decoded in order from wherever a reader wants."""

from libc.stdint cimport int64_t, uint32_t

from cycodec.core.audio.flac_seek cimport FlacStart
from cycodec.core.audio.index cimport AudioIndex
from cycodec.core.audio.losses cimport Losses
from cycodec.core.audio.mp3_run cimport Mp3Run
from cycodec.core.audio.ogg_pages cimport OggChain
from cycodec.core.container.demux cimport Demuxer
from cycodec.libav.avcodec cimport AVCodecContext, AVCodecParameters, AVPacket
from cycodec.libav.avformat cimport AVStream
from cycodec.libav.avutil cimport AVFrame


cdef class PacketDecoder:
    cdef readonly Demuxer demuxer
    cdef readonly int stream_index
    cdef readonly str source        # how errors call the source
    cdef readonly int64_t packets_read
    cdef AudioIndex index           # None: not made yet
    cdef bint by_pos                # True if packets are known by their place in the file
    cdef bint fresh                 # True if nothing was read from the demuxer yet
    cdef object open_source         # a callable that opens the source again
    cdef object wanted_stream       # the stream's number as the user gave it, or None
    cdef object failure             # an exception raised inside nogil code, for `check` to raise

    cdef AVCodecContext *context
    cdef AVPacket *packet
    cdef AVFrame *frame             # the frame decoded last
    cdef int64_t stamp              # ordinal of the packet that `frame` came from
    cdef int64_t ordinal            # of the next packet
    cdef bint has_packet            # True if `packet` is that next one
    cdef bint from_start            # True if decoding began with the first packet
    cdef bint finished              # True once the decoder knows that there are no more packets
    cdef int drain_errors           # of the decoder since then

    # Packets that the decoder refused since the last frame: Note [Lost packets].
    cdef Losses losses
    cdef int64_t lost_stamp         # ordinal of that packet; -2: none
    cdef int64_t lost_end           # number of the sample behind that packet; NOPTS: unknown
    cdef bint is_numbered           # True if packets may be cut: Note [Joined frames]
    cdef bint is_cut                # True if `packet` is the rest of one that was refused
    cdef int64_t cut_from           # number of the first sample of that one
    cdef int64_t cut_end            # number of the sample behind the last rest; -1: none was cut
    cdef int64_t given_samples      # that the decoder gave of the packet sent last
    cdef int64_t sent_samples       # that the packet given to the decoder last should give
    cdef int64_t sent_pts           # of that packet
    cdef int64_t usual_samples      # of the last frame
    cdef int usual_rate             # samples per second of the last frame
    cdef bint is_trimmed            # True if samples of the packet sent last are trimmed

    cdef Mp3Run mp3                 # of MP3 streams, or None
    cdef bint has_lost_frames       # True if MP3 frames were lost since the first packet
    cdef int64_t first_pos          # of the first packet, in bytes
    cdef OggChain pages             # of Ogg streams, or None
    cdef int page_loss              # PageLoss of the packets since the last frame
    cdef bint is_sought             # True if no packet was given to the decoder since a seek
    cdef bint is_broken             # True if the packet given to the decoder last needs lost ones

    cdef FlacStart flac_start       # of FLAC streams, once their first packet was decoded
    cdef uint32_t first_skip        # samples trimmed from the first packet
    cdef uint32_t last_discard      # samples trimmed from the last packet that was read

    cdef AVStream *stream(self) noexcept nogil
    cdef AVCodecParameters *parameters(self) noexcept nogil
    cdef int open_demuxer(self) except -1
    cdef int open_codec(self) except -1
    cdef int renew(self, bint whole) noexcept nogil
    cdef int restore(self) noexcept nogil
    cdef void begin(self, int64_t ordinal, bint from_start) noexcept nogil
    cdef int rewind(self) noexcept nogil
    cdef int seek(self, int number) noexcept nogil
    cdef int read_up_to(self, int number) noexcept nogil
    cdef int seek_numbered(self, int64_t position) noexcept nogil
    cdef int read_numbered(self, int64_t position) noexcept nogil
    cdef int next_frame(self) noexcept nogil
    cdef int send_next(self) noexcept nogil
    cdef int read_packet(self) noexcept nogil
    cdef void note_lost(self) noexcept nogil
    cdef void note_mute(self) noexcept nogil
    cdef int is_short(self) noexcept nogil
    cdef void cut_lost(self) noexcept nogil
    cdef bint pass_numbered(self) noexcept nogil
    cdef int64_t expected_samples(self) noexcept nogil
    cdef int pass_page(self) noexcept nogil
    cdef int64_t frame_pts(self) noexcept nogil
    cdef int pass_mp3(self) noexcept nogil
    cdef int trim_mp3(self) noexcept nogil
    cdef void trim(self) noexcept nogil
    cdef int check(self, int code, str operation) except -1
    cdef void forget(self) noexcept
