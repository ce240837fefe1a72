"""The NAL units of H.264 and HEVC: what they say about a packet without decoding it."""

from libc.stdint cimport int64_t, uint8_t, uint32_t

from cycodec.core.bitstream.bits cimport Bits, open_bits, read_golomb
from cycodec.core.bitstream.sps cimport Sps, read_hevc_sps
from cycodec.core.bitstream.start_codes cimport next_start_code

from cycodec.libav cimport avcodec


cdef enum:
    SEI = 6                     # nal_unit_type of H.264
    RECOVERY_POINT = 6          # payloadType of an SEI message
    HEVC_SPS = 33               # nal_unit_type of HEVC
    LONGEST_SLICE_HEADER = 1024     # bytes of a slice that libavcodec's parsers read at most


cdef NalFormat unit_format(const avcodec.AVCodecParameters *parameters) noexcept nogil:
    """Return how a stream's packets separate their NAL units, without what the parameter sets tell.

    ISO/IEC 14496-15, 5.3.3.1.2 and 8.3.3.1.2, and Annex B define the two forms.
    """
    cdef NalFormat format
    cdef int place = -1
    format.codec_id = parameters.codec_id
    format.length = -1
    format.top_layer = 0
    format.num_sets = 0
    format.width = format.height = 0
    if parameters.codec_id == avcodec.AV_CODEC_ID_H264:
        place = 4
    elif parameters.codec_id == avcodec.AV_CODEC_ID_HEVC:
        place = 21
    if place >= 0:
        format.length = 0
        if parameters.extradata_size > place and parameters.extradata[0] == 1:
            format.length = (parameters.extradata[place] & 3) + 1
    return format


cdef NalFormat nal_format(const avcodec.AVCodecParameters *parameters) noexcept nogil:
    """Return `unit_format` with what the parameter sets in HEVC's extradata tell."""
    cdef NalFormat format = unit_format(parameters)
    if parameters.codec_id == avcodec.AV_CODEC_ID_HEVC:
        format.top_layer = -1
        read_hevc_sets(&format, parameters.extradata, parameters.extradata_size)
    return format


cdef void note_hevc_set(NalFormat *format, const uint8_t *data, int size) noexcept nogil:
    cdef Sps sps
    if read_hevc_sps(data, size, &sps):
        format.top_layer = max(format.top_layer, sps.top_layer)
        format.num_sets += 1
        format.width, format.height = sps.width - sps.left - sps.right, sps.height - sps.top - sps.bottom


cdef void read_hevc_sets(NalFormat *format, const uint8_t *data, int size) noexcept nogil:
    """Read the sequence parameter sets in HEVC's extradata."""
    if size > 0 and data[0] != 1:
        read_sets_of_units(format, data, size)
    else:
        read_sets_of_hvcc(format, data, size)


cdef void read_sets_of_units(NalFormat *format, const uint8_t *data, int size) noexcept nogil:
    """Read the sets of units behind start codes."""
    cdef int position = next_start_code(data, 0, size)
    cdef int end
    while position < size:
        end = next_start_code(data, position, size)
        if (data[position] >> 1) & 63 == HEVC_SPS:
            note_hevc_set(format, data + position, end - position)
        position = end


cdef void read_sets_of_hvcc(NalFormat *format, const uint8_t *data, int size) noexcept nogil:
    """Read the sets of an hvcC box.

    The box holds arrays of units of one type. A length precedes each unit.

    ISO/IEC 14496-15, 8.3.3.1.2.
    """
    cdef int position = 23
    cdef int num_arrays = data[22] if size > 22 else 0
    cdef int num_units, length, _i, _j
    cdef bint has_sets
    for _i in range(num_arrays):
        if position + 3 > size:
            return
        has_sets = data[position] & 63 == HEVC_SPS
        num_units = data[position + 1] << 8 | data[position + 2]
        position += 3
        for _j in range(num_units):
            if position + 2 > size:
                return
            length = data[position] << 8 | data[position + 1]
            position += 2
            if has_sets and position + length <= size:
                note_hevc_set(format, data + position, length)
            position += length


cdef int take_length(const NalFormat *format, const uint8_t *data, int size, int *position) noexcept nogil:
    """Read the length before a unit and advance `position` past it.

    Return 0 if the unit is longer than the packet.

    The packet must still hold the bytes of the length.
    """
    cdef uint32_t length = 0
    cdef int i
    for i in range(format.length):
        length = length << 8 | data[position[0] + i]
    position[0] += format.length
    return <int> length if 0 < <int64_t> length <= size - position[0] else 0


cdef int first_slice(const NalFormat *format, const uint8_t *data, int size) noexcept nogil:
    """Return where the first NAL unit of a picture begins, at its header; -1 if there is none."""
    cdef int position = 0
    cdef int length = 0
    while True:
        if format.length > 0:
            if position + format.length >= size:
                return -1
            length = take_length(format, data, size, &position)
            if not length:
                return -1
        else:
            position = next_start_code(data, position, size)
        if position + 1 >= size:
            return -1
        if format.codec_id == avcodec.AV_CODEC_ID_H264:
            if 1 <= data[position] & 31 <= 5:
                return position
        elif (data[position] >> 1) & 63 < 32:
            return position
        position += length


cdef int header_bytes(const NalFormat *format, const uint8_t *data, int size, int *place) noexcept nogil:
    """Return how many of a packet's bytes hold everything up to the header of its first slice.

    `place` becomes where that slice begins. The result is `size`, and `place` -1, if the packet has
    no slice or one of an unusual kind, and for other codecs.
    """
    cdef int kind, prefix
    cdef int length = LONGEST_SLICE_HEADER
    place[0] = first_slice(format, data, size) if format.length >= 0 else -1
    if place[0] < 0:
        return size
    if format.codec_id == avcodec.AV_CODEC_ID_H264:
        if data[place[0]] & 31 not in (1, 5):
            place[0] = -1
    else:
        kind = (data[place[0]] >> 1) & 63
        if 10 <= kind <= 15 or kind > 21:
            place[0] = -1
    if place[0] < 0:
        return size
    if format.length > 0:
        prefix = place[0] - format.length
        length = min(length, take_length(format, data, size, &prefix))
    return min(size, place[0] + length)


cdef bint is_in_top_layer(const NalFormat *format, const uint8_t *data, int size) noexcept nogil:
    """Return True if a picture belongs to HEVC's highest temporal sub-layer.

    Return True for other codecs.

    Pictures of higher sub-layers may refer to what HEVC calls a sub-layer non-reference picture
    (ITU-T H.265, clause 3).
    """
    cdef int position
    if format.top_layer == 0:
        return True
    if format.top_layer < 0:
        return False
    position = first_slice(format, data, size)
    return position >= 0 and (data[position + 1] & 7) - 1 == format.top_layer


cdef bint is_unreferenced(const NalFormat *format, const uint8_t *data, int size) noexcept nogil:
    """Return True if no other picture of the same sub-layer refers to a packet's picture.

    nal_ref_idc tells it in H.264 (7.4.1), the type of the NAL unit in HEVC (7.4.2.2). Return True
    for other codecs.
    """
    cdef int position
    if format.length < 0:
        return True
    position = first_slice(format, data, size)
    if position < 0:
        return False
    if format.codec_id == avcodec.AV_CODEC_ID_H264:
        return data[position] & 0x60 == 0
    return (data[position] >> 1) & 63 < 16 and data[position] & 2 == 0


cdef bint holds_picture(const NalFormat *format, const uint8_t *data, int size) noexcept nogil:
    """Return whether the lengths of a packet's NAL units fit, and one of them is part of a picture.

    The result is True for units with start codes, which would take a search, and for other codecs.
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


cdef int count_pictures(
    const NalFormat *format, const uint8_t *data, int size, bint is_split, bint *is_entry
) noexcept nogil:
    """Return how many H.264 or HEVC pictures begin in a packet; -1 if uncertain.

    A picture begins with the slice that holds its first macroblock (ITU-T H.264, 7.4.3; H.265,
    7.4.7.1). `is_entry` becomes True if decoding may begin here with nothing missing, at an IDR
    picture or another random access picture of HEVC. `is_split` is True if a parser has split the
    stream into pictures, so that no other one can follow the first slice.
    """
    cdef int position = 0
    cdef int length = 0
    cdef int found = 0
    cdef bint is_h264 = format.codec_id == avcodec.AV_CODEC_ID_H264
    cdef int header = 1 if is_h264 else 2
    cdef int kind
    is_entry[0] = False
    while True:
        position += length
        if format.length > 0:
            if position + format.length >= size:
                return found if position == size else -1
            length = take_length(format, data, size, &position)
            if not length:
                return -1
        else:
            position = next_start_code(data, position, size)
        if position + header >= size:
            return found
        kind = data[position] & 31 if is_h264 else (data[position] >> 1) & 63
        if is_h264 and 2 <= kind <= 4:
            return -1               # data partitions
        if (is_h264 and kind != 1 and kind != 5) or (not is_h264 and kind >= 32):
            continue
        is_entry[0] = is_entry[0] or (kind == 5 if is_h264 else 16 <= kind <= 23)
        # The bit is 1 if first_mb_in_slice is 0, or if first_slice_segment_in_pic_flag is 1.
        found += data[position + header] >> 7
        if is_split:
            return found


cdef bint begins_at_entry(const NalFormat *format, const uint8_t *data, int size) noexcept nogil:
    """Return True if the first slice of a packet is one of an IDR picture of H.264, or of a random
    access picture of HEVC.
    """
    cdef int position = first_slice(format, data, size)
    if position < 0:
        return False
    if format.codec_id == avcodec.AV_CODEC_ID_H264:
        return data[position] & 31 == 5
    return 16 <= (data[position] >> 1) & 63 <= 23


cdef bint is_exact_entry(const NalFormat *format, const uint8_t *data, int size) noexcept nogil:
    """Return True if the first picture is right when decoding begins at an H.264 packet.

    Return True for other codecs.

    A recovery point (ITU-T H.264, D.2.8) may lie some frames before the first right picture (intra
    refresh).
    """
    cdef int position = 0
    cdef int nal_length = format.length
    cdef int end, length
    if format.codec_id != avcodec.AV_CODEC_ID_H264:
        return True
    while position + nal_length < size:
        end = size
        if nal_length:
            length = take_length(format, data, size, &position)
            end = position + length if length else size
        else:
            position = next_start_code(data, position, size)
        if position >= size or data[position] & 31 in (1, 5):
            return True                 # a slice comes first, and no recovery point before it
        if not nal_length:
            end = next_start_code(data, position, size)
            end -= 3 if end < size else 0       # the unit ends before the start code
        if data[position] & 31 == SEI and recovery_frames(data + position + 1, end - position - 1) > 0:
            return False
        position = end
    return True


cdef int recovery_frames(const uint8_t *data, int size) noexcept nogil:
    """Return recovery_frame_cnt of an SEI NAL unit's payload; -1 if it holds no recovery point."""
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
        if kind == RECOVERY_POINT and position < size:
            open_bits(&bits, data + position, min(length, size - position))
            return <int> read_golomb(&bits)
        if kind > 255 or length > size:
            return -1
        position += length
    return -1
