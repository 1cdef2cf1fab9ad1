/* halt - when a run ends before its tasks do
 *
 *   soon,fail=1      nothing new is started after a failure, what runs ends
 *   now,fail=10%     what runs is killed, too: once a tenth of what is done
 *                    has failed, three at least
 *   soon,success=1   as soon as one has been found
 *   soon,done=100    whatever came of them
 *
 * The spellings are those of GNU parallel's --halt. Pure.
 */
#ifndef COMMON_POLICY_HALT_H
#define COMMON_POLICY_HALT_H

#include <stdbool.h>
#include <stdint.h>

enum halt_of { HALT_NEVER, HALT_FAIL, HALT_SUCCESS, HALT_DONE };

struct halt {
    enum halt_of of;
    bool now;
    bool percent;
    uint64_t count; // or 1 to 100
};

/* NULL is never. 0 or -EINVAL. */
int halt_parse(const char *text, struct halt *halt);

/* `ok` tasks are final, and `failed` ones are, or held, which has them among
 * `done` for a percentage; ignored failures are neither. */
bool halt_is_due(const struct halt *halt, uint64_t ok, uint64_t failed,
                 uint64_t done);

#endif
