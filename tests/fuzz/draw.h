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

static inline struct id128 draw_id(uint8_t kind, unsigned which)
{
    return (struct id128){{kind, (uint8_t)which, 1}};
}

#endif
