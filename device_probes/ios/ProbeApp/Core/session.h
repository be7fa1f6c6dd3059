/*
 * The probe's side of one session, without sockets and without threads: what arrives goes in, what
 * is to be done comes out. One thread takes; the trial's own thread says when it is over.
 */
#ifndef CHIRPBENCH_SESSION_H
#define CHIRPBENCH_SESSION_H

#include "message.h"
#include "samples.h"

typedef struct cp_session cp_session;

enum {
    CP_DO_NOTHING,
    CP_DO_SEND,           /* the answer */
    CP_DO_SEND_AND_CLOSE, /* the answer, then hang up */
    CP_DO_CLOSE,
    CP_DO_FACTS, /* send the facts */
    CP_DO_RUN,   /* run the message's request on another thread */
    CP_DO_CANCEL,
    CP_DO_ACT,
};

/* NULL: no memory. "" = no token. */
cp_session *cp_session_new(const char *version, const char *token);
/* No trial may run any more. */
void cp_session_free(cp_session *s);

/* A frame that arrived; gives CP_DO_…. Bounds were checked by cp_prefix_read. */
int32_t cp_session_take(cp_session *s, const uint8_t *header, uint32_t header_bytes,
                        const uint8_t *payload, uint32_t payload_bytes);
/* What arrived is no frame (CP_PREFIX_…). */
int32_t cp_session_refuse_prefix(cp_session *s, int32_t code);

/* Until the next take. */
const uint8_t *cp_session_answer(cp_session *s, size_t *bytes);
const cp_message *cp_session_message(const cp_session *s);
/* The plays of CP_DO_RUN with their samples, valid while the trial runs; gives their number. */
int32_t cp_session_sounds(const cp_session *s, cp_sound *sounds);
bool cp_session_has_begun(const cp_session *s); /* both hellos were said */

/*
 * The trial's last word is about to be sent: from now on the host may ask the next thing. From the
 * trial's thread.
 */
void cp_session_over(cp_session *s);

#endif
