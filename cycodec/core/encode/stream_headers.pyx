"""The headers of a stream inside its packets, where packets of another encoder come before.

A decoder that has read the packets of two encoders must learn which headers hold from here on. So
each key packet brings its own, also in containers that store the headers once.
"""

from cpython.bytes cimport PyBytes_AsString
from libc.stdint cimport uint8_t
from libc.string cimport memcpy

from cycodec.core.bitstream.nal cimport nal_format, take_length
from cycodec.core.bitstream.sequence_headers cimport SequenceHeaders, read_sequence_headers
from cycodec.core.bitstream.start_codes cimport next_start_code
from cycodec.core.container.demux cimport Demuxer
from cycodec.libav cimport avcodec, avutil
from cycodec.libav.avcodec cimport AVCodecParameters, AVPacket


cdef enum:
    START_BYTES = 4
    H264_DELIMITER = 9          # nal_unit_type
    HEVC_BLA_N_LP = 18
    HEVC_CRA = 21
    HEVC_DELIMITER = 35
    SEQUENCE_START = 0xB3       # start code of MPEG-1 and MPEG-2
    AV1_SEQUENCE_HEADER = 1     # obu_type
    AV1_DELIMITER = 2

cdef bytes START = b"\0\0\0\1"
# Codecs whose headers stand in the packets, or can.
cdef set WITH_HEADERS = {
    avcodec.AV_CODEC_ID_H264, avcodec.AV_CODEC_ID_HEVC, avcodec.AV_CODEC_ID_MPEG4, avcodec.AV_CODEC_ID_MPEG1VIDEO,
    avcodec.AV_CODEC_ID_MPEG2VIDEO, avcodec.AV_CODEC_ID_AV1,
}
# Codecs that need no headers beside the packets.
cdef set WITHOUT_HEADERS = {
    avcodec.AV_CODEC_ID_VP8, avcodec.AV_CODEC_ID_VP9, avcodec.AV_CODEC_ID_H263, avcodec.AV_CODEC_ID_H263P,
    avcodec.AV_CODEC_ID_FLV1, avcodec.AV_CODEC_ID_MSMPEG4V2, avcodec.AV_CODEC_ID_MSMPEG4V3,
    avcodec.AV_CODEC_ID_WMV1, avcodec.AV_CODEC_ID_MJPEG,
}


cdef class StreamHeaders:
    """The headers of a stream.

    Parameters
    ----------
    demuxer : Demuxer
    stream : int
        A video stream of it.
    """

    def __cinit__(self, Demuxer demuxer not None, int stream):
        cdef AVCodecParameters *parameters = demuxer.stream(stream).codecpar
        cdef bytes extradata = b""
        if parameters.extradata != NULL:
            extradata = <bytes> parameters.extradata[:parameters.extradata_size]
        self.format = nal_format(parameters)
        self.can_differ = parameters.codec_id in WITH_HEADERS or parameters.codec_id in WITHOUT_HEADERS
        self.sets = b""
        if parameters.codec_id == avcodec.AV_CODEC_ID_AV1:
            self.sets = extradata[4:] if extradata[:1] == b"\x81" else extradata
        elif self.format.length > 0:
            units = avcc_units(extradata) if parameters.codec_id == avcodec.AV_CODEC_ID_H264 else hvcc_units(extradata)
            self.sets = self.framed(units)
        elif parameters.codec_id in WITH_HEADERS:
            self.sets = extradata

    @property
    def has_units(self):
        """True if packets are made of NAL units."""
        return self.format.length >= 0

    def units(self, bytes data not None):
        """Return the NAL units of a packet of this stream."""
        cdef int position = 0
        cdef int length
        if self.format.length <= 0:
            return split_units(data)
        found = []
        while position + self.format.length < len(data):
            length = take_length(&self.format, data, <int> len(data), &position)
            if not length:
                break
            found.append(data[position:position + length])
            position += length
        return found

    def framed(self, list units not None):
        """Return a packet of this stream that is made of NAL units."""
        if self.format.length == 0:
            return b"".join(START + unit for unit in units)
        return b"".join(len(unit).to_bytes(self.format.length, "big") + unit for unit in units)

    def with_broken_link(self, bytes data not None):
        """Return a key packet as `break_link` makes it."""
        changed = bytearray(data)
        cdef uint8_t *begin = changed
        self.break_link(begin, <int> len(changed))
        return bytes(changed)

    cdef void break_link(self, uint8_t *data, int size) noexcept nogil:
        """Say in a key packet of HEVC that its picture follows other ones than it did.

        A clean random access (CRA) picture becomes a broken link access (BLA) picture without
        leading pictures. ITU-T H.265, 7.4.2.2.
        """
        cdef int position = 0
        cdef int length = 0
        if self.format.codec_id != avcodec.AV_CODEC_ID_HEVC:
            return
        while True:
            if self.format.length > 0:
                if position + self.format.length >= size:
                    return
                length = take_length(&self.format, data, size, &position)
                if not length:
                    return
            else:
                position = next_start_code(data, position, size)
                if position >= size:
                    return
            if (data[position] >> 1) & 63 == HEVC_CRA:
                data[position] = (data[position] & 0x81) | HEVC_BLA_N_LP << 1
            position += length

    def completed(self, bytes data not None):
        """Return a key packet with the headers of the stream before it, unless it has headers."""
        cdef const uint8_t *begin = data
        cdef int size = <int> len(data)
        if not self.sets or self.has_sets(begin, size):
            return data
        place = self.behind_delimiter(begin, size)
        return data[:place] + self.sets + data[place:]

    cdef int use_start_codes(self, AVCodecParameters *parameters) except -1:
        """Put the headers into a stream's parameters as packets with start codes hold them."""
        cdef bytes sets = b"".join(START + unit for unit in self.units(self.sets))
        cdef size_t size = len(sets)
        avutil.av_freep(&parameters.extradata)
        parameters.extradata_size = 0
        parameters.extradata = <uint8_t *> avutil.av_mallocz(size + avcodec.AV_INPUT_BUFFER_PADDING_SIZE)
        if parameters.extradata == NULL:
            raise MemoryError()
        memcpy(parameters.extradata, PyBytes_AsString(sets), size)
        parameters.extradata_size = <int> size
        return 0

    cdef int write_start_codes(self, AVPacket *packet) noexcept nogil:
        """Put start codes in place of the lengths before NAL units; 0 or AVERROR."""
        cdef AVPacket *made = NULL
        cdef int position = 0, size = 0
        cdef int length, code
        while position + self.format.length < packet.size:
            length = take_length(&self.format, packet.data, packet.size, &position)
            if not length:
                break
            position += length
            size += START_BYTES + length
        made = avcodec.av_packet_alloc()
        code = avcodec.av_new_packet(made, size) if made != NULL else -1
        position = size = 0
        while code >= 0 and size < made.size:
            length = take_length(&self.format, packet.data, packet.size, &position)
            memcpy(made.data + size, b"\0\0\0\1", START_BYTES)
            memcpy(made.data + size + START_BYTES, packet.data + position, length)
            position += length
            size += START_BYTES + length
        if code >= 0:
            code = avcodec.av_packet_copy_props(made, packet)
        if code >= 0:
            avcodec.av_packet_unref(packet)
            avcodec.av_packet_move_ref(packet, made)
        avcodec.av_packet_free(&made)
        return code

    cdef int complete(self, AVPacket *packet) noexcept nogil:
        """Put the stream's headers before a key packet, unless it has headers; 0 or AVERROR."""
        cdef AVPacket *made
        cdef const uint8_t *sets
        cdef int code, place, more
        if self.has_sets(packet.data, packet.size):
            return 0
        with gil:
            more = <int> len(self.sets)
            sets = self.sets
        if more == 0:
            return 0
        made = avcodec.av_packet_alloc()
        code = avcodec.av_new_packet(made, packet.size + more) if made != NULL else -1
        if code >= 0:
            place = self.behind_delimiter(packet.data, packet.size)
            memcpy(made.data, packet.data, place)
            memcpy(made.data + place, sets, more)
            memcpy(made.data + place + more, packet.data + place, packet.size - place)
            code = avcodec.av_packet_copy_props(made, packet)
        if code >= 0:
            avcodec.av_packet_unref(packet)
            avcodec.av_packet_move_ref(packet, made)
        avcodec.av_packet_free(&made)
        return code

    cdef bint has_sets(self, const uint8_t *data, int size) noexcept nogil:
        """Return True if a packet brings headers."""
        cdef SequenceHeaders headers
        cdef int position
        if self.format.codec_id == avcodec.AV_CODEC_ID_AV1:
            return av1_unit_at(data, size, AV1_SEQUENCE_HEADER) >= 0
        if self.format.codec_id == avcodec.AV_CODEC_ID_MPEG1VIDEO:
            position = next_start_code(data, 0, size)
            return position < size and data[position] == SEQUENCE_START
        read_sequence_headers(&self.format, data, size, &headers)
        return headers.has_sets

    cdef int behind_delimiter(self, const uint8_t *data, int size) noexcept nogil:
        """Return where headers go: to the beginning, or behind an access unit delimiter."""
        cdef int position, kind
        if self.format.codec_id == avcodec.AV_CODEC_ID_AV1:
            return max(av1_unit_at(data, size, AV1_DELIMITER), 0)
        if self.format.length != 0:
            return 0
        position = next_start_code(data, 0, size)
        if position >= size:
            return 0
        kind = data[position] & 31
        if self.format.codec_id == avcodec.AV_CODEC_ID_HEVC:
            kind = (data[position] >> 1) & 63
            if kind != HEVC_DELIMITER:
                return 0
        elif kind != H264_DELIMITER:
            return 0
        position = next_start_code(data, position, size)
        if position >= size:
            return 0
        # a start code has three bytes or four
        return position - 4 if data[position - 4] == 0 else position - 3


cdef int av1_unit_at(const uint8_t *data, int size, int wanted) noexcept nogil:
    """Return where the bytes behind the first OBU of a type begin; -1 if there is none.

    AV1 Bitstream & Decoding Process Specification, 5.3.
    """
    cdef int position = 0
    cdef int kind, head, length, shift
    while position < size:
        kind = (data[position] >> 3) & 15
        head = 2 if data[position] & 4 else 1
        if not data[position] & 2 or position + head >= size:
            return size if kind == wanted else -1
        position += head
        length = shift = 0
        while position < size:
            length |= (data[position] & 127) << shift
            shift += 7
            position += 1
            if not data[position - 1] & 128 or shift > 21:
                break
        position += length
        if kind == wanted:
            return min(position, size)
    return -1


def split_units(bytes data not None):
    """Return the NAL units of a packet with start codes."""
    cdef const uint8_t *begin = data
    cdef int size = <int> len(data)
    cdef int position = next_start_code(begin, 0, size)
    cdef int following, end
    found = []
    while position < size:
        following = next_start_code(begin, position, size)
        end = following if following == size else following - 3
        while end > position and begin[end - 1] == 0:
            end -= 1
        found.append(data[position:end])
        position = following
    return found


cdef list avcc_units(bytes extradata):
    """Return the parameter sets of an avcC box. ISO/IEC 14496-15, 5.3.3.1.2."""
    found = []
    position = 5
    for mask in (31, 255):
        if position >= len(extradata):
            return found
        count = extradata[position] & mask
        position += 1
        for _ in range(count):
            length = int.from_bytes(extradata[position:position + 2], "big")
            found.append(extradata[position + 2:position + 2 + length])
            position += 2 + length
    return found


cdef list hvcc_units(bytes extradata):
    """Return the parameter sets and messages of an hvcC box. ISO/IEC 14496-15, 8.3.3.1.2."""
    found = []
    position = 23
    for _ in range(extradata[22] if len(extradata) > 22 else 0):
        count = int.from_bytes(extradata[position + 1:position + 3], "big")
        position += 3
        for _ in range(count):
            length = int.from_bytes(extradata[position:position + 2], "big")
            found.append(extradata[position + 2:position + 2 + length])
            position += 2 + length
    return found
