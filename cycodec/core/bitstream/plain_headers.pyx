"""Packets whose headers are so ordinary that every decoder accepts them.

Note [Plain headers]

Asking a decoder about each packet took a fifth of the instructions of opening H.264 in AVI, an
eighth in FLV and MPEG transport streams, a quarter with MPEG-4, and a twentieth with MPEG-2. Most
packets repeat known parameter sets, or have none, and hold the header of one frame whose fields all
have legal values. No decoder refuses these. A packet with anything else is not plain, and a decoder
must tell. No later packet is plain then, so that the decoder sees all of them. The caller has to
know that the decoder accepts the sets in the extradata. It knows only that some picture was
decoded. FFmpeg takes extradata from the first sets that it meets, and the picture may have had
later ones. Therefore a sequence set of H.264 must be legal up to its last bit.
"""

from libc.stdint cimport uint8_t
from libc.string cimport memcmp

from cycodec.core.bitstream.mpeg cimport begins_with_plain_frame, holds_one_mpeg4_picture
from cycodec.core.bitstream.nal cimport take_length, unit_format
from cycodec.core.bitstream.bits cimport Bits, read_bits
from cycodec.core.bitstream.slice_header cimport SliceOrder, count_order, is_legal_slice, read_slice_sets
from cycodec.core.bitstream.sps cimport MAX_BYTES, open_payload
from cycodec.core.bitstream.start_codes cimport next_start_code
from cycodec.core.bitstream.vop_header cimport LONGEST_PLANE_HEADERS, is_legal_plane, read_video_layer

from cycodec.libav cimport avcodec
from cycodec.libav.avcodec cimport AVCodecParameters


cdef enum:
    MPEG_REACH = 1024           # bytes of a picture's data that are searched for wrong slices
    # nal_unit_type of H.264 (ITU-T H.264, table 7-1)
    SLICE = 1
    IDR_SLICE = 5
    SEI = 6
    SPS = 7
    PPS = 8
    DELIMITER = 9
    FILLER = 12
    RECOVERY_POINT = 6          # a payloadType of SEI (ITU-T H.264, table D-1)


# Tags of MPEG-4, in upper case, for which libavcodec has no workaround that changes how it reads
# headers. The second one is the stream type of MPEG-TS.
cdef set MPEG4_TAGS = {bytes(4), b"\x10\0\0\0", b"FMP4", b"XVID", b"DIVX", b"DX50", b"MP4V"}


cdef class PlainHeaders:
    """Knows the parameter sets of one stream. See `new_plain_headers`."""

    cdef bint accepts(self, const uint8_t *data, int size) noexcept nogil:
        """Return True if a packet is plain. The packets must come in the stream's order."""
        if not self.is_known:
            return False
        if self.nal.length >= 0:
            self.is_known = self.accepts_h264(data, size)
        elif self.nal.codec_id == avcodec.AV_CODEC_ID_MPEG4:
            self.is_known = self.accepts_mpeg4(data, size)
        else:
            self.is_known = self.accepts_mpeg2(data, size)
        self.has_accepted = self.has_accepted or self.is_known
        return self.is_known

    cdef bint accepts_h264(self, const uint8_t *data, int size) noexcept nogil:
        cdef SliceOrder order
        cdef int position = 0
        cdef int length = 0
        cdef int kind
        self.has_recovery = False
        while True:
            if self.nal.length > 0:
                if position + self.nal.length >= size:
                    return False
                length = take_length(&self.nal, data, size, &position)
                if not length:
                    return False
            else:
                position = next_start_code(data, position, size)
            if position >= size:
                return False
            kind = data[position] & 31
            if kind == SLICE or kind == IDR_SLICE:
                if self.nal.length == 0:
                    length = size - position
                if not is_legal_slice(&self.sets, data + position, length, &order):
                    return False
                self.order = count_order(&self.count, &self.sets, &order)
                self.is_idr = order.is_idr
                return True
            if self.nal.length == 0:
                length = end_of_unit(data, position, size) - position
            if kind == SPS or kind == PPS:
                if not self.repeats(data + position, length):
                    return False
            elif kind == SEI:
                self.has_recovery = self.has_recovery or may_have_recovery_point(data + position, length)
            elif kind != DELIMITER and kind != FILLER:
                return False
            if self.nal.length > 0:
                position += length

    cdef bint accepts_mpeg2(self, const uint8_t *data, int size) noexcept nogil:
        cdef const HeaderBytes *known = &self.known[0]
        cdef int position = 0
        if size > known.size + 3 and memcmp(data, known.data, 4) == 0:
            position = known.size
            if memcmp(data, known.data, position) != 0 or (
                data[position] or data[position + 1] or data[position + 2] != 1
            ):
                return False
        return begins_with_plain_frame(data + position, size - position, self.rows, MPEG_REACH)

    cdef bint accepts_mpeg4(self, const uint8_t *data, int size) noexcept nogil:
        cdef int begin = self.known[0].size
        if size <= begin or memcmp(data, self.known[0].data, begin) != 0:
            begin = 0
        return is_legal_plane(&self.layer, &self.clock, data + begin, size - begin)

    cdef int reach(self) noexcept nogil:
        """Return how many bytes of an MPEG-4 packet `accepts` looks at, however long it is."""
        return self.known[0].size + LONGEST_PLANE_HEADERS

    cdef bint needs_earlier(self, const uint8_t *data, int size) noexcept nogil:
        """Return True if a decoder that has not seen the plain packets could not judge a packet.

        It would skip a B-VOP, because it does not know the times of the pictures around it.
        """
        cdef bint is_entry
        cdef bint is_b = False
        if self.has_accepted and self.nal.codec_id == avcodec.AV_CODEC_ID_MPEG4:
            holds_one_mpeg4_picture(data, size, &is_entry, &is_b)
        return is_b

    cdef int keep(self, list units) except -1:
        """Know one or two units, which packets may repeat."""
        cdef int i
        cdef bytes unit
        self.units = units
        for i, unit in enumerate(units[:2]):
            self.known[i].data = <const uint8_t *> <const char *> unit
            self.known[i].size = <int> len(unit)
        return 0

    cdef bint repeats(self, const uint8_t *data, int size) noexcept nogil:
        """Return True if a NAL unit is one of the known parameter sets."""
        cdef int i
        for i in range(2):
            if size == self.known[i].size and memcmp(data, self.known[i].data, size) == 0:
                return True
        return False


cdef int end_of_unit(const uint8_t *data, int position, int size) noexcept nogil:
    """Return where a NAL unit ends that stands between start codes, without zeros behind it."""
    cdef int end = next_start_code(data, position, size)
    if end < size:
        end -= 3
    while end > position and data[end - 1] == 0:
        end -= 1
    return end


cdef bint may_have_recovery_point(const uint8_t *unit, int size) noexcept nogil:
    """Return False if an SEI unit certainly has no recovery point (ITU-T H.264, 7.3.2.3.1)."""
    cdef uint8_t[MAX_BYTES] payload
    cdef Bits bits
    cdef int[2] numbers         # payloadType and payloadSize
    cdef unsigned byte
    cdef int i
    open_payload(&bits, payload, unit, size)
    bits.pos = 8
    while bits.pos + 16 <= bits.size:
        for i in range(2):
            numbers[i] = 0
            byte = 0xFF
            while byte == 0xFF:
                byte = read_bits(&bits, 8)
                numbers[i] += <int> byte
        if numbers[0] == RECOVERY_POINT or bits.overrun:
            return True
        # the rest of a long unit is not known
        if bits.pos + 8 * numbers[1] > bits.size:
            return True
        bits.pos += 8 * numbers[1]
    return bits.size == 8 * MAX_BYTES


cdef PlainHeaders new_plain_headers(const AVCodecParameters *parameters):
    """Return the PlainHeaders of a stream; `accepts` is always False where nothing is known.

    The extradata must hold one sequence and one picture parameter set of H.264, the sequence header
    of MPEG-2, or one video object layer of MPEG-4.
    """
    cdef PlainHeaders plain = PlainHeaders()
    plain.nal = unit_format(parameters)
    extradata = (<const char *> parameters.extradata)[:max(parameters.extradata_size, 0)]
    if parameters.codec_id == avcodec.AV_CODEC_ID_H264:
        units = [unit for unit in units_of_extradata(extradata) if unit[0] & 31 in (SPS, PPS)]
        if [unit[0] & 31 for unit in units] == [SPS, PPS]:
            plain.keep(units)
            plain.is_known = read_slice_sets(
                plain.known[0].data, plain.known[0].size, plain.known[1].data, plain.known[1].size, &plain.sets
            )
    elif parameters.codec_id == avcodec.AV_CODEC_ID_MPEG2VIDEO and extradata.startswith(b"\0\0\1\xb3"):
        plain.keep([extradata])
        plain.rows = ((extradata[5] & 15) << 8 | extradata[6]) + 15 >> 4 if len(extradata) > 6 else 0
        plain.is_known = {unit[:1] for unit in extradata.split(b"\0\0\1")[2:]} == {b"\xb5"}
    elif parameters.codec_id == avcodec.AV_CODEC_ID_MPEG4:
        plain.keep([extradata])
        plain.is_known = int(parameters.codec_tag).to_bytes(4, "little").upper() in MPEG4_TAGS and (
            read_video_layer(plain.known[0].data, plain.known[0].size, &plain.layer)
        )
    return plain


cdef list units_of_extradata(bytes extradata):
    """Return the NAL units in H.264's extradata, avcC (ISO/IEC 14496-15, 5.3.3.1.2) or Annex B."""
    if extradata[:1] != b"\1":
        return [unit.rstrip(b"\0") for unit in extradata.split(b"\0\0\1") if unit.rstrip(b"\0")]
    units = []
    position = 5
    for mask in (31, 255):
        count = extradata[position] & mask if position < len(extradata) else 0
        position += 1
        for _ in range(count):
            length = int.from_bytes(extradata[position:position + 2], "big")
            units.append(extradata[position + 2:position + 2 + length])
            position += 2 + length
    return [unit for unit in units if unit]
