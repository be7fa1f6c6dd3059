/* Frames of the probe protocol: prefix and checksum. */
#ifndef CHIRPBENCH_WIRE_H
#define CHIRPBENCH_WIRE_H

#include <stddef.h>
#include <stdint.h>

#include "bounds.h"

/* What is wrong with a prefix; CP_PREFIX_GOOD is 0. */
enum { CP_PREFIX_GOOD, CP_PREFIX_MAGIC, CP_PREFIX_HEADER, CP_PREFIX_PAYLOAD };

/* Lengths of header and payload out of the 12 bytes that begin a frame. */
int32_t cp_prefix_read(const uint8_t *prefix, uint32_t *header_bytes, uint32_t *payload_bytes);

/* Writes the 12 bytes that begin a frame; the same codes. */
int32_t cp_prefix_write(uint8_t *prefix, uint32_t header_bytes, uint32_t payload_bytes);

/* CRC-32 as zlib counts it: begin with 0, go on with what the piece before gave. */
uint32_t cp_crc32(uint32_t crc, const void *data, size_t bytes);

#endif
