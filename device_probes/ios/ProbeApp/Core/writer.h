/*
 * Whole frames as they travel, byte for byte what device_probes.wire.encode_frame makes: ASCII
 * only, no spaces, numbers in the shortest form that reads back. Of one thread.
 */
#ifndef CHIRPBENCH_WRITER_H
#define CHIRPBENCH_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bounds.h"

typedef struct cp_writer cp_writer;

cp_writer *cp_writer_new(void); /* NULL: no memory */
void cp_writer_free(cp_writer *w);

/* Begins a frame of this type; what was written before is forgotten. */
void cp_write_begin(cp_writer *w, const char *type);
/* key = NULL inside a list. Every object and list is ended by cp_write_end, the frame is not. */
void cp_write_object(cp_writer *w, const char *key);
void cp_write_list(cp_writer *w, const char *key);
void cp_write_end(cp_writer *w);
/* UTF-8, cleaned and cut to so many characters. */
void cp_write_text(cp_writer *w, const char *key, const char *text, int32_t most_chars);
void cp_write_integer(cp_writer *w, const char *key, int64_t value);
/* What is not finite is written as null: the system does not say. */
void cp_write_number(cp_writer *w, const char *key, double value);
void cp_write_flag(cp_writer *w, const char *key, bool value);
void cp_write_null(cp_writer *w, const char *key);
/* Bytes left: stop well before 0. */
size_t cp_write_room(const cp_writer *w);

/*
 * The frame up to the payload, which follows it; NULL when it broke a bound. Valid until the next
 * cp_write_begin.
 */
const uint8_t *cp_write_frame(cp_writer *w, uint32_t payload_bytes, size_t *bytes);

/* Whole messages; each is followed by cp_write_frame. */
void cp_write_hello(cp_writer *w, const char *version);
void cp_write_loaded(cp_writer *w, const char *stimulus_id, int32_t rate_hz, uint32_t crc32);
void cp_write_progress(cp_writer *w, const char *stage, double fraction);
/* granted_rate_hz: 0 = none. */
void cp_write_refused(cp_writer *w, const char *code, const char *text, int32_t granted_rate_hz);
void cp_write_error(cp_writer *w, const char *text);
void cp_write_pcm(cp_writer *w, int64_t offset);
void cp_write_done(cp_writer *w, uint32_t crc32);

#endif
