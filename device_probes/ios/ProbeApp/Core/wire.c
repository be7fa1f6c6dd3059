#include "wire.h"

#include <string.h>

static const uint8_t MAGIC[4] = {0x43, 0x48, 0x52, 0x50}; /* "CHRP" */

static int32_t check(uint32_t header_bytes, uint32_t payload_bytes)
{
    if (header_bytes < 2 || header_bytes > CP_MAX_HEADER_BYTES) {
        return CP_PREFIX_HEADER;
    }
    return payload_bytes > CP_MAX_PAYLOAD_BYTES ? CP_PREFIX_PAYLOAD : CP_PREFIX_GOOD;
}

static uint32_t read_uint32(const uint8_t *at)
{
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static void write_uint32(uint8_t *at, uint32_t value)
{
    for (int i = 0; i < 4; i++) {
        at[i] = (uint8_t)(value >> 8 * i);
    }
}

int32_t cp_prefix_read(const uint8_t *prefix, uint32_t *header_bytes, uint32_t *payload_bytes)
{
    *header_bytes = read_uint32(prefix + 4);
    *payload_bytes = read_uint32(prefix + 8);
    if (memcmp(prefix, MAGIC, sizeof MAGIC) != 0) {
        return CP_PREFIX_MAGIC;
    }
    return check(*header_bytes, *payload_bytes);
}

int32_t cp_prefix_write(uint8_t *prefix, uint32_t header_bytes, uint32_t payload_bytes)
{
    memcpy(prefix, MAGIC, sizeof MAGIC);
    write_uint32(prefix + 4, header_bytes);
    write_uint32(prefix + 8, payload_bytes);
    return check(header_bytes, payload_bytes);
}

/* Four bits at a time: a table of 16 words needs no start-up and no lock. */
uint32_t cp_crc32(uint32_t crc, const void *data, size_t bytes)
{
    static const uint32_t nibbles[16] = {
        0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4, 0x4db26158,
        0x5005713c, 0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c, 0x9b64c2b0, 0x86d3d2d4,
        0xa00ae278, 0xbdbdf21c,
    };
    const uint8_t *at = data;
    crc = ~crc;
    for (size_t i = 0; i < bytes; i++) {
        crc ^= at[i];
        crc = crc >> 4 ^ nibbles[crc & 15];
        crc = crc >> 4 ^ nibbles[crc & 15];
    }
    return ~crc;
}
