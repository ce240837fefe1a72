"""Whether the packets before an anchor give the frames that the index promises.

Note [Packets before the anchor]

If a packet gives no frame, all later frames have other numbers. An index from the container's
headers has read no packet, and a scan decodes none. So the packets before an anchor are read once:

1. A decoder must accept their headers: Note [Refused packets] in container/header_check.pyx. A scan
   has asked about that.
2. Where damage anywhere in a packet may lead to no picture, a decoder must decode them: Note
   [Pictures that are refused late] in container/decode_check.pyx.
3. Their order of display must be that of the index: Note [Proof of the order] in order_watch.pyx.
   The decoder of H.264 drops pictures that come too late. A scan of a container whose timestamps
   are not relied on has compared the order.

Note [Lost references]

Newer decoders of HEVC give no frame for a picture whose references are missing, and for none that
refers to that one. No header tells which pictures there are, but encoders count them without holes:
between IDR pictures, order counts are multiples of one step. A hole means that a picture is lost,
to which others may refer. Whether one does is not looked for: a hole is enough for a doubt. Scans
do not look for holes, so that packets before an anchor are read in all containers.

Note [AV1 units]

No decoder of AV1 tells about headers without decoding, and decoding takes long. libavcodec's parser
reads the headers whole, as the specification has them, and knows no picture if one of them is
wrong. Besides, a packet must show one frame, and sequence headers must not change, because decoders
refuse some that the parser accepts. Reading takes much longer than other headers, so that
no scan does it; packets before an anchor are read in all containers.

This holds for the first `MOST_CHECKED` packets of a source that is not a URL. Frames behind a wrong
packet are read from the beginning of the stream, where the reader sees which frames come.
"""

from libc.stdint cimport int64_t, uint64_t
from libc.string cimport memset

from cycodec.core.bitstream.av1_units cimport Av1Packet, read_av1_packet
from cycodec.core.bitstream.picture_parser cimport ENTRY_YES, PictureHeader, new_picture_parser
from cycodec.core.bitstream.sequence_headers cimport note_memory
from cycodec.core.compat cimport compat_hevc_needs_references
from cycodec.core.container.decode_check cimport new_decode_check
from cycodec.core.container.demux cimport Demuxer
from cycodec.core.container.header_check cimport new_header_check
from cycodec.core.video.index cimport Anchor
from cycodec.core.video.order_watch cimport new_order_watch

from cycodec.libav cimport avcodec, avutil
from cycodec.libav.avcodec cimport AVCodecParameters, AVPacket


cdef enum:
    # Packets before an anchor, bytes of the source before it, and pixels that a decoder must
    # decode, up to which packets are checked.
    MOST_CHECKED = 300
    MOST_CHECKED_BYTES = 2 << 20
    MOST_DECODED_PIXELS = 1 << 25


cdef class EarlierPackets:
    """Checks packets in their order. See `new_earlier_packets`."""

    cdef void restart(self, int64_t first, int leading) noexcept nogil:
        """Prepare for packets from an anchor on; see `OrderWatch.restart`."""
        self.order.restart(first, leading)
        memset(&self.counts, 0, sizeof(OrderCounts))
        self.counts.is_empty = True
        if self.parser is not None:
            self.parser.restart()

    cdef bint can_check(self, const Anchor *first, const Anchor *last) noexcept nogil:
        """Return True if it costs little to check the packets before an anchor; `first` is the
        anchor of the stream's first packet.
        """
        if last.ordinal > MOST_CHECKED or first.pos < 0 or not 0 <= last.pos - first.pos <= MOST_CHECKED_BYTES:
            return False
        if self.pictures.can_check:
            return last.ordinal * self.pictures.pixels <= MOST_DECODED_PIXELS
        return not self.stamped or self.parser is not None or self.needs_references

    cdef bint refuses(self, const AVPacket *packet, int64_t number, bint is_leading) noexcept nogil:
        """Return True if a packet is not what the index promises.

        `number` is that of its frame; below 0 if it gives none. `is_leading` is True for pictures
        that a decoder leaves out if it begins at the anchor before them.
        """
        cdef PictureHeader header
        cdef bint is_refused = self.pictures.refuses(packet)
        note_memory(&self.memory, self.codec_id, packet.data, packet.size)
        if self.parser is not None:
            is_refused = self.refuses_av1(packet)
        if not self.stamped:
            is_refused = self.headers.refuses(packet) or is_refused
            self.memory.changes = self.memory.changes or self.headers.shape.changes_chroma
            self.order.note_packet(packet, number)
            if self.order.is_wrong:
                return True
        elif self.needs_references:
            self.order.read_header(packet, &header)
        if self.needs_references:
            note_count(&self.counts, self.order.order, self.order.entry == ENTRY_YES)
        return (is_refused and number >= 0 and not is_leading) or self.memory.changes

    cdef bint lacks_pictures(self) noexcept nogil:
        """Return True if the decoder may give fewer frames than there are packets, because pictures
        between them are lost; see Note [Lost references].
        """
        return self.needs_references and has_holes(&self.counts)

    cdef bint refuses_av1(self, const AVPacket *packet) noexcept nogil:
        """Return True if a decoder may not give one frame for a packet; see Note [AV1 units]."""
        cdef PictureHeader header
        cdef Av1Packet units
        cdef bint fits = read_av1_packet(&units, packet.data, packet.size)
        cdef bint is_other = self.has_begun and units.sequence and units.sequence != self.sequence
        if units.sequence:
            self.sequence = units.sequence
        self.has_begun = True
        self.parser.read(packet, &header)
        return not fits or is_other or units.shown != 1 or (
            header.type == avutil.AV_PICTURE_TYPE_NONE and not self.parser.is_missing
        )

    cdef bint refuses_anchor(self, const AVPacket *packet, bint is_last) noexcept nogil:
        """Return True if the packet of the anchor, which comes last, changes what comes before it,
        or if AV1's decoder may give no frame for it.

        `is_last` is True if no pictures follow that are shown before it; otherwise `refuses` gets
        the packet, too.
        """
        cdef PictureHeader header
        if is_last and self.needs_references:
            self.order.read_header(packet, &header)
            note_count(&self.counts, self.order.order, self.order.entry == ENTRY_YES)
        if self.parser is not None and self.refuses_av1(packet):
            return True
        note_memory(&self.memory, self.codec_id, packet.data, packet.size)
        if self.memory.changes:
            return True
        if self.stamped or not self.headers.changes_sequence(packet):
            return False
        self.memory.changes = self.headers.shape.changes_chroma
        return True

    cdef void abandon(self) noexcept:
        """Forget what is owned without freeing it; see Note [After fork]."""
        self.headers.abandon()
        self.pictures.abandon()
        self.order.abandon()
        if self.parser is not None:
            self.parser.abandon()


cdef void note_count(OrderCounts *counts, int order, bint is_entry) noexcept nogil:
    """Add the order count of a picture, which begins again at IDR pictures."""
    if counts.is_empty or (is_entry and order <= counts.most):
        counts.first = counts.least = counts.most = order
        counts.is_empty = False
        return
    counts.distances += 1
    if order < counts.least:
        counts.span += <int64_t> counts.least - order
        counts.least = order
    if order > counts.most:
        counts.span += <int64_t> order - counts.most
        counts.most = order
    counts.step = common_divisor(counts.step, (<int64_t> order) - counts.first)


cdef int64_t common_divisor(int64_t a, int64_t b) noexcept nogil:
    while b:
        a, b = b, a % b
    return a if a >= 0 else -a


cdef bint has_holes(const OrderCounts *counts) noexcept nogil:
    """Return True if order counts are missing, or there twice."""
    return counts.span != counts.step * counts.distances


cdef uint64_t av1_sequence_of(const AVCodecParameters *parameters) noexcept:
    """Return the hash of the sequence header in AV1's extradata; 0 if there is none."""
    cdef Av1Packet units
    # av1C has four bytes of its own, and its first bit is set (AV1 in ISOBMFF, 2.3.3)
    cdef int begin = 4 if parameters.extradata_size > 4 and parameters.extradata[0] & 0x80 else 0
    read_av1_packet(&units, parameters.extradata + begin, parameters.extradata_size - begin)
    return units.sequence


cdef EarlierPackets new_earlier_packets(Demuxer demuxer, int stream_index, bint stamped, bint allows_fields):
    """Return a check for a stream.

    Parameters
    ----------
    demuxer : Demuxer
    stream_index : int
    stamped : bool
        True if a scan of all packets has checked headers and order.
    allows_fields : bool
        True if a decoder has confirmed that two packets may hold the fields of one frame.
    """
    cdef EarlierPackets earlier = EarlierPackets()
    earlier.stamped = stamped
    earlier.codec_id = demuxer.stream(stream_index).codecpar.codec_id
    earlier.headers = new_header_check(demuxer, stream_index)
    earlier.pictures = new_decode_check(demuxer, stream_index)
    earlier.order = new_order_watch(
        new_picture_parser(demuxer.stream(stream_index).codecpar, demuxer.io.name), not stamped
    )
    earlier.order.allows_fields = allows_fields
    earlier.needs_references = (
        demuxer.stream(stream_index).codecpar.codec_id == avcodec.AV_CODEC_ID_HEVC
        and earlier.order.parser.has_order and compat_hevc_needs_references()
    )
    if demuxer.stream(stream_index).codecpar.codec_id == avcodec.AV_CODEC_ID_AV1:
        earlier.parser = new_picture_parser(demuxer.stream(stream_index).codecpar, demuxer.io.name)
        earlier.sequence = av1_sequence_of(demuxer.stream(stream_index).codecpar)
    return earlier
