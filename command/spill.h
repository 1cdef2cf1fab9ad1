/* spill - bytes put aside in an unlinked temporary file until asked for
 *
 * Once nothing is held any more the file is cut, so it grows with what is
 * held, not with what has passed.
 */
#ifndef COMMAND_SPILL_H
#define COMMAND_SPILL_H

#include "common/base/bytes.h"

#include <stdint.h>

struct spill {
    int fd; /* -1 until the first put */
    uint64_t end;
    uint64_t held; /* pieces */
};
struct spill_piece {
    uint64_t offset;
    size_t size;
};

void spill_init(struct spill *spill);
void spill_clear(struct spill *spill);
/* Puts `bytes` aside. Returns 0 or -errno. */
int spill_put(struct spill *spill, struct span bytes,
              struct spill_piece *piece);
/* Appends the piece to `out`; it stays held. Returns 0 or -errno. */
int spill_get(const struct spill *spill, struct spill_piece piece,
              struct buffer *out);
/* Lets one piece go. */
void spill_drop(struct spill *spill);

#endif
