/* edit - other arguments for a task, as a person writes them
 *
 *   tol=0.001 'mode=very slow'   of values with names some, the rest stay
 *   7 'b c'                      of several without names all
 *   7 and a half                 a single one: all of the text, as it is
 *
 * Words are parted and quoted as in a shell, but nothing is expanded. Of a
 * single value its name may stand in front or not. Pure.
 */
#ifndef COMMON_TEMPLATE_EDIT_H
#define COMMON_TEMPLATE_EDIT_H

#include "common/base/bytes.h"
#include "common/base/problem.h"
#include "common/wire/wire.h"

#include <stddef.h>

enum { EDIT_MAX = 700 }; /* bytes of such a text */

/* Puts the changed values in place of those in `values`, of which `changed`, if
 * it is there, says which; they borrow from `args` and from `words`, which is
 * cleared first. 0, -EINVAL with a clause in the problem ("it has two values
 * ..."), or -ENOMEM. */
int edit_values(struct span args, struct wire_pair *values, size_t count,
                bool *changed, struct buffer *words, struct problem *problem);

#endif
