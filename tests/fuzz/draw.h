/* draw - a fuzzer's bytes as a row of choices; all zero once they are used up
 */
#ifndef TESTS_FUZZ_DRAW_H
#define TESTS_FUZZ_DRAW_H

#include "common/base/bytes.h"

/* A number below `below`, which is at most 256. */
static inline unsigned draw(struct reader *bytes, unsigned below)
{
    return read_u8(bytes) % below;
}

/* True about once in `times`; false at the end of the bytes. */
static inline bool draw_rare(struct reader *bytes, unsigned times)
{
    return read_u8(bytes) % times == times - 1;
}

/* They differ in their last byte alone: what finds them by less has to look. */
static inline struct id128 draw_id(uint8_t kind, unsigned which)
{
    struct id128 id = {{kind, 1}};
    id.byte[sizeof id.byte - 1] = (uint8_t)which;
    return id;
}

static inline unsigned drawn_which(const struct id128 *id)
{
    return id->byte[sizeof id->byte - 1];
}

#endif
