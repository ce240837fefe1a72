"""Binary search: the one implementation for every sorted list in the compiled code."""

from libc.stdint cimport int64_t


# True if the element with this number lies before the place that is sought.
ctypedef bint (*IsBefore)(const void *context, int number) noexcept nogil


cdef struct SortedColumn:
    const char *first
    size_t stride               # bytes from one value to the next
    int64_t value               # what is sought


cdef inline int partition_point(int low, int high, IsBefore is_before, const void *context) noexcept nogil:
    """Return the first number in [low, high) for which `is_before` is False, else `high`."""
    cdef int middle
    while low < high:
        middle = low + ((high - low) >> 1)
        if is_before(context, middle):
            low = middle + 1
        else:
            high = middle
    return low


cdef inline bint is_below(const void *context, int number) noexcept nogil:
    cdef const SortedColumn *column = <const SortedColumn *> context
    return (<const int64_t *> (column.first + number * column.stride))[0] < column.value


cdef inline bint is_not_above(const void *context, int number) noexcept nogil:
    cdef const SortedColumn *column = <const SortedColumn *> context
    return (<const int64_t *> (column.first + number * column.stride))[0] <= column.value


cdef inline int first_at_least(const int64_t *values, size_t stride, int count, int64_t value) noexcept nogil:
    """Return the number of the first sorted value that is at least `value`, else `count`.

    The values may be one field of an array of structs; `stride` is the size of the struct.
    """
    cdef SortedColumn column
    column.first = <const char *> values
    column.stride = stride
    column.value = value
    return partition_point(0, count, is_below, &column)


cdef inline int first_above(const int64_t *values, size_t stride, int count, int64_t value) noexcept nogil:
    """Return the number of the first sorted value above `value`; `count` if there is none."""
    cdef SortedColumn column
    column.first = <const char *> values
    column.stride = stride
    column.value = value
    return partition_point(0, count, is_not_above, &column)
