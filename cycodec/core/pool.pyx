"""The memory of batches, which the pool keeps for later batches.

Note [Batch memory]

The first access to the fresh pages of a big batch takes as long as decoding the batch. So the pool
supplies the memory of batches. A block returns to the list of free blocks, not to the system, when
nothing refers to it any more: no tensor, view, NumPy array or DLPack capsule. The list holds at
most `get_cache_capacity()` bytes: 1 GiB, or what the environment variable CYCODEC_POOL_BYTES says;
0 turns the pool off. The block that was freed first leaves the list first, and `empty_cache()`
empties the list. A forked process inherits the list with copies of the blocks.

The list has room for as many blocks as fit into the default capacity: each result of a list of
images is a block of its own. The search for a block begins with the one that was freed last, whose
bytes may still be in the processor's cache, and ends at a block of the wanted size.
"""

import operator
import os
import sys

cimport cython
from cpython.buffer cimport PyBUF_WRITABLE, Py_buffer, PyBuffer_FillInfo
from libc.stdint cimport uint64_t
from libc.string cimport memmove


cdef extern from "<sys/mman.h>" nogil:
    void *mmap(void *address, size_t length, int protection, int flags, int descriptor, long offset)
    int munmap(void *address, size_t length)
    int PROT_READ
    int PROT_WRITE
    int MAP_PRIVATE
    int MAP_ANONYMOUS
    void *MAP_FAILED


cdef enum:
    GRAIN = 1 << 16         # the size of a block is a multiple of this
    MOST_BLOCKS = 4096      # largest number of free blocks

cdef struct FreeBlock:
    void *memory
    size_t size

cdef cython.pymutex lock
cdef FreeBlock[MOST_BLOCKS] free_blocks  # the one that was freed first comes first
cdef int num_free = 0
cdef size_t held_bytes = 0
cdef size_t capacity = 1 << 30
cdef uint64_t hits = 0
cdef uint64_t misses = 0


cdef void *take(size_t size, size_t *got) noexcept:
    """Return a free block of at most twice the size, or new memory; NULL if the system has none."""
    global hits, misses
    cdef int i
    cdef int best = -1
    cdef void *ptr
    with lock:
        for i in range(num_free - 1, -1, -1):
            if size <= free_blocks[i].size <= 2 * size and (
                best < 0 or free_blocks[i].size < free_blocks[best].size
            ):
                best = i
                if free_blocks[i].size == size:
                    break
        if best >= 0:
            ptr = free_blocks[best].memory
            got[0] = free_blocks[best].size
            remove_blocks(best, 1)
            hits += 1
            return ptr
        misses += 1
    got[0] = size
    ptr = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    return NULL if ptr == MAP_FAILED else ptr


cdef void remove_blocks(int first, int count) noexcept:
    """Take free blocks off the list, which keeps its order. The caller holds the lock."""
    global num_free, held_bytes
    cdef int i
    for i in range(first, first + count):
        held_bytes -= free_blocks[i].size
    num_free -= count
    memmove(free_blocks + first, free_blocks + first + count, (num_free - first) * sizeof(FreeBlock))


cdef void evict(size_t kept_bytes) noexcept:
    """Unmap free blocks, oldest first, until the pool holds at most a number of bytes.

    The caller holds the lock.
    """
    cdef int count = 0
    cdef size_t left = held_bytes
    while count < num_free and (left > kept_bytes or num_free - count == MOST_BLOCKS):
        left -= free_blocks[count].size
        munmap(free_blocks[count].memory, free_blocks[count].size)
        count += 1
    remove_blocks(0, count)


cdef void give(void *ptr, size_t size) noexcept:
    """Put a block into the pool, or return it to the system if it is too big."""
    global num_free, held_bytes
    with lock:
        if size > capacity:
            munmap(ptr, size)
            return
        evict(capacity - size)
        free_blocks[num_free].memory = ptr
        free_blocks[num_free].size = size
        num_free += 1
        held_bytes += size


cdef class Block:
    """Writable memory with the buffer protocol; it returns to the pool with its last reference.

    Parameters
    ----------
    length : int
        The size in bytes.
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
            raise MemoryError(f"no memory for a batch of {length} bytes (ask for fewer frames in one call)")

    def __dealloc__(self):
        if self.ptr != NULL:
            give(self.ptr, self.size)

    def __getbuffer__(self, Py_buffer *view, int flags):
        PyBuffer_FillInfo(view, self, self.ptr, self.length, 0, flags | PyBUF_WRITABLE)

    def __len__(self):
        return self.length


def get_cache_capacity():
    """Return how many bytes of freed batches the pool keeps at most: 1 GiB by default."""
    return capacity


def set_cache_capacity(size):
    """Set how many bytes of freed batches the pool keeps at most.

    The pool keeps the memory of frames and batches of 256 KiB or more when nothing refers to it any
    more: no tensor, view, NumPy array or DLPack capsule. Later batches use it, because fresh memory
    costs as much time as decoding. The environment variable CYCODEC_POOL_BYTES sets the initial
    value.

    Parameters
    ----------
    size : int
        The number of bytes; 0 turns the pool off.

    Raises
    ------
    TypeError
        `size` is not an integer. No kind of bool is one.
    ValueError
        `size` is negative, or larger than `sys.maxsize`.
    """
    global capacity
    cdef size_t checked = checked_capacity("size", size)
    with lock:
        capacity = checked
        evict(capacity)


cdef object checked_capacity(str name, size):
    """Return a capacity as an int; `name` is what error texts call it."""
    is_bool = isinstance(size, bool) or str(getattr(size, "dtype", "")).endswith("bool")
    try:
        number = None if is_bool else operator.index(size)
    except TypeError:
        number = None
    if number is None:
        raise TypeError(f"{name} must be an integer (a number of bytes), not {size!r} ({type(size).__name__})")
    if number < 0:
        raise ValueError(f"{name} must be 0 or more, not {number}")
    if number > sys.maxsize:
        raise ValueError(f"{name} must be {sys.maxsize} at most, not {number}")
    return number


def empty_cache():
    """Return the memory of all freed batches to the system. Batches in use do not change."""
    with lock:
        evict(0)


def cache_stats():
    """Return how much memory the pool keeps, and how often batches used it.

    Returns
    -------
    dict
        ``held_bytes`` and ``held_blocks`` are what the pool keeps now. ``hits`` counts the batches
        that used memory of the pool, ``misses`` the batches that needed fresh memory.
    """
    return {"held_bytes": held_bytes, "held_blocks": num_free, "hits": hits, "misses": misses}


cdef object capacity_of_environment(str text):
    """Return the capacity that the environment variable CYCODEC_POOL_BYTES gives."""
    try:
        number = int(text)
    except ValueError:
        raise ValueError(f"CYCODEC_POOL_BYTES must be an integer (a number of bytes), not {text!r}") from None
    return checked_capacity("CYCODEC_POOL_BYTES", number)


if "CYCODEC_POOL_BYTES" in os.environ:
    capacity = capacity_of_environment(os.environ["CYCODEC_POOL_BYTES"])
