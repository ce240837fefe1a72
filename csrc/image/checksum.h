/* The CRC of PNG chunks. */
#ifndef CYCODEC_CHECKSUM_H
#define CYCODEC_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

#ifdef CYCODEC_WITH_ZLIB
#include <zlib.h>
#endif

/* Return the CRC continued from `crc`; 0 begins. */
static inline uint32_t chunk_crc(uint32_t crc, const uint8_t *data, size_t size) {
#ifdef CYCODEC_WITH_ZLIB
    return (uint32_t)crc32_z(crc, data, size);
#else
    (void)data, (void)size;
    return crc;
#endif
}

#endif
