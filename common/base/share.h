/* share - bytes that several hold, and whoever is last frees
 *
 * So a message that is kept to be sent again goes into a socket without being
 * copied. Any thread may let go of it; only who holds it alone may change it.
 */
#ifndef COMMON_BASE_SHARE_H
#define COMMON_BASE_SHARE_H

#include "common/base/bytes.h"

struct share;

/* Takes the bytes over (the buffer is empty then), held once. NULL without
 * memory: the buffer is as it was. */
struct share *share_make(struct buffer *bytes);
/* Holds it once more. */
struct share *share_hold(struct share *share);
/* Lets go of it; NULL: nothing happens. */
void share_drop(struct share *share);

struct span share_span(const struct share *share);
/* Its bytes, to be changed in place; NULL while somebody else holds it. */
struct buffer *share_own(struct share *share);

#endif
