"""The slice headers of H.264, read against the rules of the specification."""

from libc.stdint cimport int64_t, uint8_t


cdef struct SliceSets:
    # What a slice header depends on in its sequence and picture parameter sets.
    unsigned sps_id
    unsigned pps_id
    unsigned chroma         # chroma_format_idc
    int depth_offset        # QpBdOffset of luma
    int frame_num_bits
    unsigned order_type     # pic_order_cnt_type
    int order_bits
    bint frames_only
    bint has_cabac
    bint has_bottom_order   # bottom_field_pic_order_in_frame_present_flag
    unsigned references[2]  # the number of references in both lists, unless a slice has its own
    bint weighs_p
    unsigned weighs_b       # weighted_bipred_idc
    int quantizer
    bint has_deblocking
    bint has_redundancy


cdef struct SliceOrder:
    # What a slice header says about the position of its picture in the order of display.
    bint is_idr
    bint is_reference
    int frame_num
    int order_lsb           # pic_order_cnt_lsb
    int bottom              # delta_pic_order_cnt_bottom


cdef struct OrderCount:
    # What the picture order count of the next picture depends on (ITU-T H.264, 8.2.1).
    int64_t msb             # of the last picture that others refer to
    int lsb
    int frame_num           # of the last picture
    int64_t offset          # FrameNumOffset


cdef bint read_slice_sets(
    const uint8_t *sps, int sps_size, const uint8_t *pps, int pps_size, SliceSets *sets
) noexcept nogil
cdef bint is_legal_slice(
    const SliceSets *sets, const uint8_t *unit, int size, SliceOrder *order
) noexcept nogil
cdef int count_order(OrderCount *count, const SliceSets *sets, const SliceOrder *order) noexcept nogil
