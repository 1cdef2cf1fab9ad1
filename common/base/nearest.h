/* nearest - the word that somebody may have meant, of those there are */
#ifndef COMMON_BASE_NEAREST_H
#define COMMON_BASE_NEAREST_H

#include "common/base/bytes.h"

enum { NEAREST_MAX = 40 }; /* bytes of a word that is compared */

struct nearest {
    struct span typed;
    const char *word; /* the closest so far, borrowed; NULL: none is close */
    size_t far;       /* letters that differ; the next must have fewer */
};
/* Words with `far` and more letters that differ are not meant; SIZE_MAX: each
 * may be. */
void nearest_begin(struct nearest *nearest, struct span typed, size_t far);
/* As far apart as is taken for a slip of the fingers. */
size_t nearest_slip(struct span typed);
/* By Levenshtein's distance, in which `-` and `_` are the same. */
void nearest_try(struct nearest *nearest, const char *word);

#endif
