#include "convert/chosen_kernels.h"

#include <stdatomic.h>

/* Note [Chosen kernels]: an entry is one number, so that no lock is needed: a trial's key, and the
 * kernel in the lowest bits. An entry that another trial needs is replaced. */
#define KERNEL_BITS 4
#define SLOT_BITS 6

static _Atomic uint64_t chosen[1 << SLOT_BITS];

static _Atomic uint64_t *slot_of(uint64_t key) {
    return &chosen[key * UINT64_C(0x9E3779B97F4A7C15) >> (64 - SLOT_BITS)];
}

/* Append a value to a number; clear `fits` if the value needs more than these bits. */
static uint64_t append(uint64_t number, int value, int bits, int *fits) {
    *fits &= value >= 0 && value < 1 << bits;
    return number << bits | (uint64_t)(value & ((1 << bits) - 1));
}

uint64_t trial_key(const Trial *trial) {
    int fits = 1;
    uint64_t key = 1; /* no key is 0 */
    key = append(key, trial->first, 4, &fits);
    key = append(key, trial->end, 4, &fits);
    key = append(key, trial->format, 12, &fits);
    key = append(key, trial->space, 8, &fits);
    key = append(key, trial->range, 4, &fits);
    key = append(key, trial->level + 1, 4, &fits);
    key = append(key, trial->ragged, 1, &fits);
    key = append(key, trial->is_odd, 1, &fits);
    key = append(key, trial->even, 1, &fits);
    key = append(key, trial->is_float, 1, &fits);
    key = append(key, trial->has_alpha, 1, &fits);
    return fits ? key : 0;
}

int chosen_kernel(uint64_t key) {
    uint64_t entry = atomic_load_explicit(slot_of(key), memory_order_relaxed);
    return key && entry >> KERNEL_BITS == key ? (int)(entry & ((1 << KERNEL_BITS) - 1)) : -1;
}

void remember_kernel(uint64_t key, int kernel) {
    if (key)
        atomic_store_explicit(slot_of(key), key << KERNEL_BITS | (uint64_t)kernel, memory_order_relaxed);
}
