"""Memory of batches, kept for the next batch.

Note [Batch memory]

Touching the fresh pages of a big batch for the first time costs as much as decoding it.
So a batch's memory comes from here, and when nobody holds the tensor, a view, a NumPy array or a DLPack capsule of it
any more, its block goes back to a list of free blocks instead of to the system. The list holds at most
`get_cache_capacity()` bytes (1 GiB, or the environment variable CYCODEC_POOL_BYTES; 0 switches the pool off), the least
recently used block leaves first, and `empty_cache()` returns all of it. A forked process inherits the list, and with it
copies of the blocks.
"""

import os

cimport cython
from cpython.buffer cimport PyBUF_WRITABLE, Py_buffer, PyBuffer_FillInfo
from libc.stdint cimport uint64_t


cdef extern from "<sys/mman.h>" nogil:
    void *mmap(void *address, size_t length, int protection, int flags, int descriptor, long offset)
    int munmap(void *address, size_t length)
    int PROT_READ
    int PROT_WRITE
    int MAP_PRIVATE
    int MAP_ANONYMOUS
    void *MAP_FAILED


cdef enum:
    GRAIN = 1 << 16         # blocks are whole multiples of this
    SLOTS = 64              # free blocks at most

cdef struct Free:
    void *ptr
    size_t size
    uint64_t stamp

cdef cython.pymutex lock
cdef Free[SLOTS] free_blocks
cdef int num_free = 0
cdef size_t held = 0
cdef size_t limit = 1 << 30
cdef uint64_t ticks = 0
cdef uint64_t hits = 0
cdef uint64_t misses = 0


cdef void *take(size_t size, size_t *got) noexcept:
    """A free block that fits without wasting more than half of itself, or new memory; NULL where there is none."""
    global num_free, held, hits, misses
    cdef int i
    cdef int best = -1
    cdef void *ptr
    with lock:
        for i in range(num_free):
            if size <= free_blocks[i].size <= 2 * size and (
                best < 0 or free_blocks[i].size < free_blocks[best].size
            ):
                best = i
        if best >= 0:
            ptr = free_blocks[best].ptr
            got[0] = free_blocks[best].size
            num_free -= 1
            free_blocks[best] = free_blocks[num_free]
            held -= got[0]
            hits += 1
            return ptr
        misses += 1
    got[0] = size
    ptr = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    return NULL if ptr == MAP_FAILED else ptr


cdef void evict(size_t room) noexcept:
    """Unmap free blocks, oldest first, until the pool holds at most `room` bytes. The lock is held."""
    global num_free, held
    cdef int i, oldest
    while num_free and (held > room or num_free == SLOTS):
        oldest = 0
        for i in range(1, num_free):
            if free_blocks[i].stamp < free_blocks[oldest].stamp:
                oldest = i
        held -= free_blocks[oldest].size
        munmap(free_blocks[oldest].ptr, free_blocks[oldest].size)
        num_free -= 1
        free_blocks[oldest] = free_blocks[num_free]


cdef void give(void *ptr, size_t size) noexcept:
    global num_free, held, ticks
    with lock:
        if size > limit:
            munmap(ptr, size)
            return
        evict(limit - size)
        ticks += 1
        free_blocks[num_free].ptr = ptr
        free_blocks[num_free].size = size
        free_blocks[num_free].stamp = ticks
        num_free += 1
        held += size


cdef class Block:
    """Writable memory with the buffer protocol; goes back to the pool when it is dropped.

    Parameters
    ----------
    length : int
        Bytes.
    """

    cdef void *ptr
    cdef size_t size
    cdef readonly Py_ssize_t length

    def __cinit__(self, Py_ssize_t length):
        if length <= 0:
            raise ValueError(f"length must be positive, not {length}")
        self.length = length
        self.ptr = take((<size_t> length + GRAIN - 1) // GRAIN * GRAIN, &self.size)
        if self.ptr == NULL:
            raise MemoryError(f"no memory for a batch of {length} bytes (ask for fewer frames at once)")

    def __dealloc__(self):
        if self.ptr != NULL:
            give(self.ptr, self.size)

    def __getbuffer__(self, Py_buffer *view, int flags):
        PyBuffer_FillInfo(view, self, self.ptr, self.length, 0, flags | PyBUF_WRITABLE)

    def __len__(self):
        return self.length


def get_cache_capacity():
    """How many bytes of freed batches are kept for the next ones: 1 GiB, unless that was changed."""
    return limit


def set_cache_capacity(size):
    """Keep at most so many bytes of freed batches for the next ones.

    The memory of frames and batches of 256 KiB or more is kept when nobody holds the tensor, a view, a NumPy array or a
    DLPack capsule of it any more, because touching fresh memory costs as much as decoding into it. The environment
    variable CYCODEC_POOL_BYTES says the same from the start.

    Parameters
    ----------
    size : int
        Bytes; 0 keeps nothing.

    Raises
    ------
    ValueError
        It is negative.
    """
    global limit
    if size < 0:
        raise ValueError(f"size must be 0 or more, not {size}")
    with lock:
        limit = size
        evict(limit)


def empty_cache():
    """Return the memory of all freed batches to the system. Batches that somebody holds stay as they are."""
    with lock:
        evict(0)


def cache_stats():
    """What is kept of freed batches, and how often it served.

    Returns
    -------
    dict
        ``held_bytes`` and ``held_blocks``: what is kept now; ``hits`` and ``misses``: batches that got such memory, and
        batches that needed fresh memory.
    """
    return {"held_bytes": held, "held_blocks": num_free, "hits": hits, "misses": misses}


if "CYCODEC_POOL_BYTES" in os.environ:
    set_cache_capacity(int(os.environ["CYCODEC_POOL_BYTES"]))
