"""The slice headers of H.264, read against the rules of the specification.

ITU-T H.264, 7.3.2.1.1 and 7.3.2.2 (sets), 7.3.3 (slice headers), 7.4.2 and 7.4.3 (their ranges).
Ordinary frames are enough here: every unusual feature makes a header count as not legal.
"""

from libc.stdint cimport int64_t, uint8_t

from cycodec.core.bitstream.bits cimport Bits, read_bits, read_golomb, read_signed_golomb
from cycodec.core.bitstream.sps cimport MAX_BYTES, has_chroma_format, open_payload, skip_scaling_list


cdef enum:
    MOST_REFERENCES = 16        # of a frame, in each list
    MOST_MARKINGS = 64          # memory management operations of a slice
    USUAL_HEADER = 48           # bytes of a slice that are read first
    LONGEST_HEADER = 256        # bytes of a slice that are read at most
    MOST_DIFFERENCE = 128       # between two quantizers
    DEEPEST = 14                # bits of a sample
    SLICE_P = 0
    SLICE_B = 1
    SLICE_I = 2
    IDR = 5                     # nal_unit_type
    LAST_RATIO = 16             # aspect_ratio_idc (table E-1)
    STATED_RATIO = 255
    MOST_BUFFERS = 32           # of a hypothetical decoder
    MOST_CHROMA_OFFSET = 12     # between the quantizers of luma and chroma


cdef bint read_sequence_set(const uint8_t *data, int size, SliceSets *sets) noexcept nogil:
    """Read what slices need of a sequence parameter set; return False if it is unusual."""
    cdef uint8_t[MAX_BYTES] payload
    cdef Bits bits
    cdef unsigned profile, i
    cdef int64_t columns, rows
    open_payload(&bits, payload, data, size)
    bits.pos = 8
    profile = read_bits(&bits, 8)
    read_bits(&bits, 16)
    sets.sps_id = read_golomb(&bits)
    sets.chroma = 1
    sets.depth_offset = 0
    if has_chroma_format(profile):
        sets.chroma = read_golomb(&bits)
        if sets.chroma > 2:
            return False                # colour planes may have slices of their own
        i = read_golomb(&bits)
        if i > DEEPEST - 8 or read_golomb(&bits) != i:
            return False
        sets.depth_offset = 6 * <int> i
        read_bits(&bits, 1)
        if read_bits(&bits, 1):
            for i in range(8):
                if read_bits(&bits, 1):
                    skip_scaling_list(&bits, 16 if i < 6 else 64)
    sets.frame_num_bits = 4 + <int> min(read_golomb(&bits), 13)
    sets.order_type = read_golomb(&bits)
    sets.order_bits = 0
    if sets.order_type == 0:
        sets.order_bits = 4 + <int> min(read_golomb(&bits), 13)
    elif sets.order_type != 2:
        return False
    if read_golomb(&bits) > MOST_REFERENCES:
        return False
    read_bits(&bits, 1)
    columns = read_golomb(&bits) + 1
    rows = read_golomb(&bits) + 1
    sets.frames_only = read_bits(&bits, 1)
    if not sets.frames_only:
        rows = 2 * rows
        read_bits(&bits, 1)
    read_bits(&bits, 1)
    return sets.frame_num_bits <= 16 and sets.order_bits <= 16 and sets.sps_id < 32 and (
        has_legal_window(&bits, sets, columns, rows) and (not read_bits(&bits, 1) or has_legal_usability(&bits))
        and is_at_end(&bits)
    )


cdef bint has_legal_window(Bits *bits, const SliceSets *sets, int64_t columns, int64_t rows) noexcept nogil:
    """Read the cropping window of a picture of so many macroblocks."""
    cdef int64_t across, down
    if not read_bits(bits, 1):
        return True
    across = <int64_t> read_golomb(bits) + read_golomb(bits)
    down = <int64_t> read_golomb(bits) + read_golomb(bits)
    if sets.chroma == 1 or sets.chroma == 2:
        across *= 2
    down *= (2 if sets.chroma == 1 else 1) * (1 if sets.frames_only else 2)
    return across < 16 * columns and down < 16 * rows


cdef bint has_legal_usability(Bits *bits) noexcept nogil:
    """Read the video usability information (E.1.1)."""
    cdef unsigned ratio
    cdef bint has_buffers = False
    cdef int i, _kind
    if read_bits(bits, 1):
        ratio = read_bits(bits, 8)
        if ratio == STATED_RATIO:
            read_bits(bits, 32)
        elif ratio > LAST_RATIO:
            return False
    if read_bits(bits, 1):
        read_bits(bits, 1)              # overscan
    if read_bits(bits, 1):
        read_bits(bits, 4)
        if read_bits(bits, 1):
            read_bits(bits, 24)         # colours
    if read_bits(bits, 1):
        read_golomb(bits)               # places of chroma samples
        read_golomb(bits)
    if read_bits(bits, 1):
        read_bits(bits, 32)             # the clock
        read_bits(bits, 32)
        read_bits(bits, 1)
    for _kind in range(2):
        if read_bits(bits, 1):
            has_buffers = True
            if not has_legal_buffers(bits):
                return False
    if has_buffers:
        read_bits(bits, 1)
    read_bits(bits, 1)
    if read_bits(bits, 1):
        read_bits(bits, 1)
        for i in range(6):
            # max_num_reorder_frames and max_dec_frame_buffering
            if read_golomb(bits) > MOST_REFERENCES and i >= 4:
                return False
    return not bits.overrun


cdef bint has_legal_buffers(Bits *bits) noexcept nogil:
    """Read the parameters of a hypothetical decoder (E.1.2)."""
    cdef unsigned count = read_golomb(bits) + 1
    cdef unsigned _i
    if count > MOST_BUFFERS:
        return False
    read_bits(bits, 8)
    for _i in range(count):
        read_golomb(bits)
        read_golomb(bits)
        read_bits(bits, 1)
    read_bits(bits, 20)
    return True


cdef bint is_at_end(Bits *bits) noexcept nogil:
    """Return True if nothing but the stop bit of a set and zeros follow (7.3.2.11).

    After a wrong bit, fields are read at wrong places, and hardly end there.
    """
    if not read_bits(bits, 1):
        return False
    while bits.pos < bits.size:
        if read_bits(bits, 1):
            return False
    return not bits.overrun


cdef bint read_picture_set(const uint8_t *data, int size, SliceSets *sets) noexcept nogil:
    """Read what slices need of a picture parameter set; return False if it is unusual."""
    cdef uint8_t[MAX_BYTES] payload
    cdef Bits bits
    open_payload(&bits, payload, data, size)
    bits.pos = 8
    sets.pps_id = read_golomb(&bits)
    if read_golomb(&bits) != sets.sps_id:
        return False
    sets.has_cabac = read_bits(&bits, 1)
    sets.has_bottom_order = read_bits(&bits, 1)
    if read_golomb(&bits) != 0:
        return False                    # slice groups
    sets.references[0] = read_golomb(&bits) + 1
    sets.references[1] = read_golomb(&bits) + 1
    sets.weighs_p = read_bits(&bits, 1)
    sets.weighs_b = read_bits(&bits, 2)
    sets.quantizer = read_signed_golomb(&bits)
    if not -MOST_DIFFERENCE <= sets.quantizer <= MOST_DIFFERENCE:
        return False
    sets.quantizer += 26 + sets.depth_offset
    read_signed_golomb(&bits)
    if not -MOST_CHROMA_OFFSET <= read_signed_golomb(&bits) <= MOST_CHROMA_OFFSET:
        return False
    sets.has_deblocking = read_bits(&bits, 1)
    read_bits(&bits, 1)
    sets.has_redundancy = read_bits(&bits, 1)
    return not bits.overrun and sets.weighs_b < 3 and sets.pps_id < 256


cdef bint read_slice_sets(
    const uint8_t *sps, int sps_size, const uint8_t *pps, int pps_size, SliceSets *sets
) noexcept nogil:
    """Read what slice headers need of two sets, which are NAL units with their header bytes.

    Return False if a set is not valid, or allows features that `is_legal_slice` does not know.
    """
    return read_sequence_set(sps, sps_size, sets) and read_picture_set(pps, pps_size, sets)


cdef bint is_legal_slice(
    const SliceSets *sets, const uint8_t *unit, int size, SliceOrder *order
) noexcept nogil:
    """Return True if a NAL unit begins with the header of a frame's first slice, whose fields all
    have values that the specification allows. Read what the header says about the order, too.
    """
    cdef uint8_t[MAX_BYTES] payload
    cdef Bits bits
    cdef bint is_legal
    order.is_idr = size > 0 and unit[0] & 31 == IDR
    order.is_reference = size > 0 and unit[0] & 0x60
    if size < 2 or unit[0] & 0x80 or (order.is_idr and not order.is_reference):
        return False
    open_payload(&bits, payload, unit, min(size, USUAL_HEADER))
    is_legal = has_legal_fields(&bits, sets, order)
    if bits.overrun and size > USUAL_HEADER:
        open_payload(&bits, payload, unit, min(size, LONGEST_HEADER))
        is_legal = has_legal_fields(&bits, sets, order)
    return is_legal and not bits.overrun


cdef bint has_legal_fields(Bits *bits, const SliceSets *sets, SliceOrder *order) noexcept nogil:
    """Read the header of a slice behind its first byte; return False for a wrong value."""
    cdef unsigned kind
    bits.pos = 8
    if read_golomb(bits) != 0:              # first_mb_in_slice
        return False
    kind = read_golomb(bits)
    if kind > 9 or kind % 5 > SLICE_I or (order.is_idr and kind % 5 != SLICE_I):
        return False
    kind %= 5
    if read_golomb(bits) != sets.pps_id:
        return False
    order.frame_num = <int> read_bits(bits, sets.frame_num_bits)
    if not sets.frames_only and read_bits(bits, 1):
        return False                        # a field
    if order.is_idr and read_golomb(bits) > 65535:
        return False
    order.order_lsb = order.bottom = 0
    if sets.order_type == 0:
        order.order_lsb = <int> read_bits(bits, sets.order_bits)
        if sets.has_bottom_order:
            order.bottom = read_signed_golomb(bits)
    if sets.has_redundancy and read_golomb(bits) != 0:
        return False
    if kind != SLICE_I and not has_legal_references(bits, sets, kind):
        return False
    if order.is_reference and not has_legal_markings(bits, order.is_idr):
        return False
    return has_legal_end(bits, sets, kind)


cdef int count_order(OrderCount *count, const SliceSets *sets, const SliceOrder *order) noexcept nogil:
    """Return the picture order count of the next picture, a frame (ITU-T H.264, 8.2.1).

    No slice may reset the counts (memory_management_control_operation 5).
    """
    cdef int largest = 1 << sets.order_bits
    cdef int64_t msb
    if order.is_idr:
        count.msb = count.offset = 0
        count.lsb = count.frame_num = 0
    if order.frame_num < count.frame_num:
        count.offset += 1 << sets.frame_num_bits
    count.frame_num = order.frame_num
    if sets.order_type != 0:
        return <int> (2 * (count.offset + order.frame_num) - (not order.is_reference))
    msb = count.msb
    if order.order_lsb < count.lsb and count.lsb - order.order_lsb >= largest >> 1:
        msb += largest
    elif order.order_lsb > count.lsb and order.order_lsb - count.lsb > largest >> 1:
        msb -= largest
    if order.is_reference:
        count.msb, count.lsb = msb, order.order_lsb
    return <int> (msb + order.order_lsb + min(order.bottom, 0))


cdef bint has_legal_references(Bits *bits, const SliceSets *sets, unsigned kind) noexcept nogil:
    """Read the numbers, the order and the weights of references; return False for a wrong value."""
    cdef unsigned[2] counts
    cdef unsigned operation, count
    cdef int i
    cdef int lists = 2 if kind == SLICE_B else 1
    counts[0], counts[1] = sets.references[0], sets.references[1]
    if kind == SLICE_B:
        read_bits(bits, 1)
    if read_bits(bits, 1):
        for i in range(lists):
            counts[i] = read_golomb(bits) + 1
    for i in range(lists):
        if not 1 <= counts[i] <= MOST_REFERENCES:
            return False
    for i in range(lists):
        count = 0
        if not read_bits(bits, 1):
            continue
        while True:
            operation = read_golomb(bits)
            if operation == 3:
                break
            if operation > 2 or count >= counts[i] or bits.overrun:
                return False
            read_golomb(bits)
            count += 1
    if (sets.weighs_p and kind == SLICE_P) or (sets.weighs_b == 1 and kind == SLICE_B):
        return has_legal_weights(bits, sets, counts, lists)
    return True


cdef bint has_legal_weights(Bits *bits, const SliceSets *sets, const unsigned *counts, int lists) noexcept nogil:
    """Read a table of weights; return False for a wrong value."""
    cdef unsigned _n
    cdef int i, _k
    if read_golomb(bits) > 7 or (sets.chroma and read_golomb(bits) > 7):
        return False
    for i in range(lists):
        for _n in range(counts[i]):
            if read_bits(bits, 1):
                for _k in range(2):
                    if not -128 <= read_signed_golomb(bits) <= 127:
                        return False
            if sets.chroma and read_bits(bits, 1):
                for _k in range(4):
                    if not -128 <= read_signed_golomb(bits) <= 127:
                        return False
    return True


cdef bint has_legal_markings(Bits *bits, bint is_idr) noexcept nogil:
    """Read which references stay in the decoder; return False for a wrong value."""
    cdef unsigned operation, argument
    cdef int _i
    if is_idr:
        read_bits(bits, 2)
        return True
    if not read_bits(bits, 1):
        return True
    for _i in range(MOST_MARKINGS):
        operation = read_golomb(bits)
        if operation == 0:
            return not bits.overrun
        # the fifth one resets the order of pictures
        if operation > 6 or operation == 5:
            return False
        if operation == 1 or operation == 3:
            read_golomb(bits)
        if operation == 2 or operation == 3 or operation == 4 or operation == 6:
            argument = read_golomb(bits)
            if argument > MOST_REFERENCES - (operation != 4):
                return False
    return False


cdef bint has_legal_end(Bits *bits, const SliceSets *sets, unsigned kind) noexcept nogil:
    """Read the fields from cabac_init_idc on; return False for a wrong value."""
    cdef int quantizer
    cdef unsigned filtering
    if sets.has_cabac and kind != SLICE_I and read_golomb(bits) > 2:
        return False
    quantizer = read_signed_golomb(bits)
    if not -MOST_DIFFERENCE <= quantizer <= MOST_DIFFERENCE or (
        not 0 <= quantizer + sets.quantizer <= 51 + sets.depth_offset
    ):
        return False
    if not sets.has_deblocking:
        return True
    filtering = read_golomb(bits)
    if filtering > 2:
        return False
    if filtering == 1:
        return True
    return -6 <= read_signed_golomb(bits) <= 6 and -6 <= read_signed_golomb(bits) <= 6
