/* talk_frame - what fan and a coprocess write to each other
 *
 * docs/coprocess.md is the specification. Pure: bytes to meanings and back.
 */
#ifndef WORKER_TALK_FRAME_H
#define WORKER_TALK_FRAME_H

#include "common/base/bytes.h"

#include <stdbool.h>
#include <stdint.h>

enum framing {
    FRAMING_GREETED, // as its greeting says: not known yet
    FRAMING_NDJSON,
    FRAMING_BINARY,
    FRAMING_LINES,
    FRAMING_PLUGIN, // fan-plugin's: see talk_plugin.h
};

enum {
    FRAME_VERSION = 1,
    FRAME_GREETING_MAX = 4096, // bytes, with its newline
    FRAME_AROUND = 4096,       // of an answer beside its value
};

struct frame_task {
    uint64_t task, seed;
    uint32_t attempt, slot;
    struct id128 key;
    struct span payload; // an encoded wire_command
};

/* Appends a task. Returns 0, -EBADMSG where the payload is malformed, -EILSEQ
 * for a line break that a line cannot hold, -E2BIG, -ENOMEM; then nothing is
 * appended. */
int frame_put_task(struct buffer *out, enum framing framing,
                   const struct frame_task *task);

enum frame_found {
    FRAME_PART,  // not whole yet
    FRAME_FOUND, // `size` bytes of what was given are it
    FRAME_LONG,  // its value is longer than the limit
    FRAME_WRONG, // it is none; `why` says so
};

struct frame_greeting {
    size_t size;
    enum framing framing;
    struct span refused; // a string: why it takes no tasks; fan-plugin's only
    const char *why;
};
enum frame_found frame_get_greeting(struct span bytes,
                                    struct frame_greeting *greeting);

/* What fan-plugin says beside the stdout. */
struct frame_result {
    uint8_t exit;
    bool out_cut, err_cut, no_memory;
    bool progress; // no end: user_us are millionths, the value is a text
    uint64_t user_us, sys_us;
    struct span err;
};

struct frame_answer {
    size_t size;
    bool failed;       // it is an error
    bool named;        // it says to which task it is the answer
    uint64_t task;     // ... to this
    struct span value; // in the bytes given; of an error in NDJSON: a string
    struct frame_result result;
    const char *why;
};
/* `seen` bytes were there at the last call, and held no whole answer. */
enum frame_found frame_get_answer(enum framing framing, struct span bytes,
                                  size_t seen, uint64_t value_max,
                                  struct frame_answer *answer);

#endif
