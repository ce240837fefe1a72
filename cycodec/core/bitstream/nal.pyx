"""What the NAL units of H.264 and HEVC say about a packet, without decoding."""

from libc.stdint cimport uint8_t
from libc.string cimport memchr

from cycodec.core.bitstream.sps cimport Bits, Sps, read_golomb, read_hevc_sps

from cycodec.libav cimport avcodec


cdef NalFormat nal_format(const avcodec.AVCodecParameters *parameters) noexcept nogil:
    """How a stream's packets hold NAL units: ISO/IEC 14496-15, 5.3.3.1.2 and 8.3.3.1.2, or Annex B."""
    cdef NalFormat format
    cdef int place = -1
    format.codec_id = parameters.codec_id
    format.length = -1
    format.top_layer = 0
    if parameters.codec_id == avcodec.AV_CODEC_ID_H264:
        place = 4
    elif parameters.codec_id == avcodec.AV_CODEC_ID_HEVC:
        place = 21
    if place >= 0:
        format.length = 0
        if parameters.extradata_size > place and parameters.extradata[0] == 1:
            format.length = (parameters.extradata[place] & 3) + 1
    if parameters.codec_id == avcodec.AV_CODEC_ID_HEVC:
        format.top_layer = find_top_layer(parameters.extradata, parameters.extradata_size)
    return format


cdef int find_top_layer(const uint8_t *data, int size) noexcept nogil:
    """HEVC's highest TemporalId by the parameter sets in a stream's header, hvcC or Annex B; -1: there are none."""
    cdef int position = 23
    cdef int found = -1
    cdef int arrays, count, length, end, _i, _j
    cdef bint wanted
    cdef Sps sps
    if size > 0 and data[0] != 1:
        position = next_start_code(data, 0, size)
        while position < size:
            end = next_start_code(data, position, size)
            if (data[position] >> 1) & 63 == 33 and read_hevc_sps(data + position, end - position, &sps):
                found = max(found, sps.top_layer)
            position = end
        return found
    # ISO/IEC 14496-15, 8.3.3.1.2: arrays of units of one kind, each unit with its length
    arrays = data[22] if size > 22 else 0
    for _i in range(arrays):
        if position + 3 > size:
            return found
        wanted = data[position] & 63 == 33
        count = data[position + 1] << 8 | data[position + 2]
        position += 3
        for _j in range(count):
            if position + 2 > size:
                return found
            length = data[position] << 8 | data[position + 1]
            position += 2
            if wanted and position + length <= size and read_hevc_sps(data + position, length, &sps):
                found = max(found, sps.top_layer)
            position += length
    return found


cdef int take_length(const NalFormat *format, const uint8_t *data, int size, int *position) noexcept nogil:
    """Read the length before a unit and step behind it; 0 where it does not fit. There must be room for it."""
    cdef int length = 0
    cdef int i
    for i in range(format.length):
        length = length << 8 | data[position[0] + i]
    position[0] += format.length
    return length if 0 < length <= size - position[0] else 0


cdef bint is_in_top_layer(const NalFormat *format, const uint8_t *data, int size) noexcept nogil:
    """Whether a picture belongs to the highest temporal sub-layer; True for other codecs than HEVC.

    Pictures of higher sub-layers may refer to what HEVC calls a sub-layer non-reference picture (ITU-T H.265, clause 3).
    """
    cdef int position = 0
    cdef int length = 0
    if format.top_layer == 0:
        return True
    if format.top_layer < 0:
        return False
    while True:
        if format.length > 0:
            if position + format.length >= size:
                return False
            length = take_length(format, data, size, &position)
            if not length:
                return False
        else:
            position = next_start_code(data, position, size)
        if position + 1 >= size:
            return False
        if (data[position] >> 1) & 63 < 32:
            return (data[position + 1] & 7) - 1 == format.top_layer
        position += length


cdef bint holds_picture(const NalFormat *format, const uint8_t *data, int size) noexcept nogil:
    """Whether a packet's NAL units have lengths that fit, and one of them is part of a picture.

    Only asked of units with lengths: start codes would have to be searched for. True for other codecs.
    """
    cdef int position = 0
    cdef int length
    cdef bint found = False
    if format.length <= 0:
        return True
    while position + format.length < size:
        length = take_length(format, data, size, &position)
        if not length:
            return False
        if format.codec_id == avcodec.AV_CODEC_ID_H264:
            found = found or 1 <= data[position] & 31 <= 5
        else:
            found = found or (data[position] >> 1) & 63 < 32
        position += length
    return found


cdef int next_start_code(const uint8_t *data, int position, int size) noexcept nogil:
    """Where the bytes behind the next start code (0, 0, 1) begin; `size` where there is none."""
    cdef const uint8_t *found
    position += 2
    while position < size:
        found = <const uint8_t *> memchr(data + position, 1, size - position)
        if found == NULL:
            return size
        position = <int> (found - data) + 1
        if found[-1] == 0 and found[-2] == 0:
            return position
    return size


cdef int count_pictures(int codec_id, const uint8_t *data, int size, bint *begins_anew) noexcept nogil:
    """How many pictures of H.264 or HEVC begin in a packet with start codes; -1 where that is not sure.

    A picture begins with the slice that holds its first macroblock (ITU-T H.264, 7.4.3; H.265, 7.4.7.1). `begins_anew`:
    whether decoding can begin here with nothing missing: an IDR picture, or HEVC's other random access pictures.
    """
    cdef int position = 0
    cdef int found = 0
    cdef int kind, header
    begins_anew[0] = False
    header = 1 if codec_id == avcodec.AV_CODEC_ID_H264 else 2
    while True:
        position = next_start_code(data, position, size)
        if position + header >= size:
            return found
        if codec_id == avcodec.AV_CODEC_ID_H264:
            kind = data[position] & 31
            if 2 <= kind <= 4:
                return -1               # data partitions
            if kind != 1 and kind != 5:
                continue
            begins_anew[0] = begins_anew[0] or kind == 5
        else:
            kind = (data[position] >> 1) & 63
            if kind >= 32:
                continue
            begins_anew[0] = begins_anew[0] or 16 <= kind <= 23
        found += data[position + header] >> 7       # first_mb_in_slice is 0, first_slice_segment_in_pic_flag is 1


cdef bint recovers_at_once(const NalFormat *format, const uint8_t *data, int size) noexcept nogil:
    """Whether decoding can begin at a packet and the first picture is right, as far as H.264 says so; else True.

    A recovery point (ITU-T H.264, D.2.8) may lie some frames before the first right picture: intra refresh.
    """
    cdef int position = 0
    cdef int nal_length = format.length
    cdef int end, length
    if format.codec_id != avcodec.AV_CODEC_ID_H264:
        return True
    while position + nal_length < size:
        if nal_length:
            length = take_length(format, data, size, &position)
            end = position + length if length else size
        else:
            position = next_start_code(data, position, size)
            end = size
        if position >= size or data[position] & 31 in (1, 5):
            return True                 # a slice: no recovery point before it
        if data[position] & 31 == 6 and recovery_frames(data + position + 1, end - position - 1) > 0:
            return False
        position = end if nal_length else position + 1
    return True


cdef int recovery_frames(const uint8_t *data, int size) noexcept nogil:
    """recovery_frame_cnt of an SEI NAL unit's payload; -1 where it holds no recovery point."""
    cdef int position = 0
    cdef int kind, length
    cdef Bits bits
    while position + 2 < size:
        kind = length = 0
        while position < size and data[position] == 255:
            kind += 255
            position += 1
        kind += data[position] if position < size else 0
        position += 1
        while position < size and data[position] == 255:
            length += 255
            position += 1
        length += data[position] if position < size else 0
        position += 1
        if kind == 6 and position < size:
            bits.data = data + position
            bits.size = 8 * min(length, size - position)
            bits.pos = 0
            bits.overrun = False
            return <int> read_golomb(&bits)
        if kind > 255 or length > size:
            return -1
        position += length
    return -1
