"""What the headers of coded pictures say, read by libavcodec's parsers without decoding.

Note [Picture parsers]

A container's key flags and timestamps may be wrong; the headers of the pictures are what the
decoder obeys. libavcodec's parsers read parameter sets and slice headers. They know the picture
order count of H.264 and HEVC (ITU-T H.264, 8.2.1; H.265, 8.3.1), which tells the order of display,
and which pictures decoding can begin at. A parser follows the packets of one run from an anchor on.

A parser reads all parameter sets of the stream when it is opened. Therefore it is opened with the
first packet of a run, so that opening a file needs none. It clears memory for each packet that is
as large as the packet. Therefore it gets no more of an H.264 or HEVC packet than the header of the
first slice and what stands before it; it reads no further in any case.
"""

from libc.stdint cimport uint8_t
from libc.string cimport memcpy, memset

from cycodec.core cimport error
from cycodec.core.bitstream.nal cimport header_bytes, take_length, unit_format

from cycodec.libav cimport avcodec, avutil
from cycodec.libav.avcodec cimport AVCodecParserContext, AVPacket


cdef bint has_parser(avcodec.AVCodecID codec_id) noexcept nogil:
    """Return True if the libavcodec in use has a parser for a codec."""
    cdef avcodec.AVCodecParserContext *parser = avcodec.av_parser_init(codec_id)
    avcodec.av_parser_close(parser)
    return parser != NULL


# The codecs whose parsers know order counts.
cdef bint parses_h264 = has_parser(avcodec.AV_CODEC_ID_H264)
cdef bint parses_hevc = has_parser(avcodec.AV_CODEC_ID_HEVC)


cdef class PictureParser:
    """Reads the headers of one stream's packets in decoding order. See `new_picture_parser`."""

    def __dealloc__(self):
        avutil.av_free(self.head)
        avcodec.av_parser_close(self.parser)
        avcodec.avcodec_free_context(&self.context)
        avcodec.avcodec_parameters_free(&self.parameters)

    cdef void abandon(self) noexcept:
        """Forget what is owned without freeing it; see Note [After fork]."""
        self.parser = NULL
        self.context = NULL
        self.parameters = NULL
        self.head = NULL

    cdef void restart(self) noexcept nogil:
        """Forget the packets so far; the next one begins a new run."""
        avcodec.av_parser_close(self.parser)
        avcodec.avcodec_free_context(&self.context)
        self.parser = NULL

    cdef bint open(self) noexcept nogil:
        """Open the parser for a new run; return False if there is none, or no memory for it."""
        if self.is_missing:
            return False
        self.parser = avcodec.av_parser_init(self.parameters.codec_id)
        self.context = avcodec.avcodec_alloc_context3(NULL)
        if self.parser == NULL or self.context == NULL or (
            avcodec.avcodec_parameters_to_context(self.context, self.parameters) < 0
        ):
            self.is_missing = True
            self.restart()
            return False
        self.parser.flags |= avcodec.PARSER_FLAG_COMPLETE_FRAMES
        return True

    cdef void read(self, const AVPacket *packet, PictureHeader *header) noexcept nogil:
        """Read the headers of the next packet of the run."""
        cdef const uint8_t *head
        cdef uint8_t *out
        cdef int size, length
        header.entry = ENTRY_YES if self.is_intra_only else ENTRY_UNKNOWN
        header.is_field = False
        header.type = header.order = 0
        if self.parser == NULL and not self.open():
            return
        self.parser.pict_type = 0
        self.parser.key_frame = -1
        self.parser.picture_structure = avcodec.AV_PICTURE_STRUCTURE_UNKNOWN
        head = packet.data
        length = self.shorten(packet, &head)
        avcodec.av_parser_parse2(
            self.parser, self.context, &out, &size, head, length, packet.pts, packet.dts, packet.pos
        )
        self.describe(self.parser, header)

    cdef void describe(self, const AVCodecParserContext *parser, PictureHeader *header) noexcept nogil:
        """Describe the picture whose headers a parser of this stream has read last."""
        header.is_field = parser.picture_structure in (
            avcodec.AV_PICTURE_STRUCTURE_TOP_FIELD, avcodec.AV_PICTURE_STRUCTURE_BOTTOM_FIELD
        )
        header.type = parser.pict_type
        header.order = parser.output_picture_number
        header.entry = ENTRY_YES if self.is_intra_only else ENTRY_UNKNOWN
        if self.is_intra_only:
            return
        # Some parsers leave the field for key pictures unset, but they all set the picture's type.
        if parser.key_frame >= 0:
            header.entry = ENTRY_YES if parser.key_frame == 1 else ENTRY_NO
        elif parser.pict_type != 0:
            header.entry = ENTRY_YES if parser.pict_type == avutil.AV_PICTURE_TYPE_I else ENTRY_NO

    cdef int shorten(self, const AVPacket *packet, const uint8_t **data) noexcept nogil:
        """Return how many bytes of a packet the parser needs, and where they are.

        Where lengths precede the units, a slice that is shortened is copied with its new length.
        """
        cdef int place, prefix, i
        cdef int length = header_bytes(&self.nal, packet.data, packet.size, &place)
        prefix = place - self.nal.length
        if place < 0 or self.nal.length == 0 or (
            take_length(&self.nal, packet.data, packet.size, &prefix) == length - place
        ):
            return length
        avcodec.av_fast_padded_malloc(&self.head, &self.head_capacity, length)
        if self.head == NULL:
            return packet.size
        memcpy(self.head, packet.data, length)
        memset(self.head + length, 0, avcodec.AV_INPUT_BUFFER_PADDING_SIZE)
        for i in range(self.nal.length):
            self.head[place - 1 - i] = <uint8_t> ((length - place) >> 8 * i)
        data[0] = self.head
        return length


cdef PictureParser new_picture_parser(const avcodec.AVCodecParameters *parameters, str source):
    """Return a parser for a stream that is ready for the first packet.

    Parameters
    ----------
    parameters : const AVCodecParameters *
        A copy is kept.
    source : str
        The name of the source in errors.
    """
    cdef PictureParser parser = PictureParser()
    cdef const avcodec.AVCodecDescriptor *descriptor = avcodec.avcodec_descriptor_get(parameters.codec_id)
    parser.parameters = avcodec.avcodec_parameters_alloc()
    if parser.parameters == NULL:
        raise MemoryError()
    error.check(avcodec.avcodec_parameters_copy(parser.parameters, parameters), "copy codec parameters", source)
    parser.nal = unit_format(parameters)
    parser.reorders = descriptor == NULL or descriptor.props & avcodec.AV_CODEC_PROP_REORDER != 0
    parser.is_intra_only = descriptor != NULL and descriptor.props & avcodec.AV_CODEC_PROP_INTRA_ONLY != 0
    parser.has_order = (parses_h264 and parameters.codec_id == avcodec.AV_CODEC_ID_H264) or (
        parses_hevc and parameters.codec_id == avcodec.AV_CODEC_ID_HEVC
    )
    parser.shows_unreferenced = not parser.reorders or parameters.codec_id in (
        avcodec.AV_CODEC_ID_MPEG1VIDEO, avcodec.AV_CODEC_ID_MPEG2VIDEO, avcodec.AV_CODEC_ID_MPEG4
    )
    # decoders of AV1 leave out no picture, so that one that does not come is lost
    if parameters.codec_id == avcodec.AV_CODEC_ID_AV1:
        parser.shows_unreferenced = False
    return parser
