#include "ventilator/tracker_blame.h"

enum {
    REFUTED_MIN = 5,
    ROW_MIN = 30,
    OTHERS_MIN = 30,
    PASSED_MIN = 9,
    OF = 10
};

void blame_passed(struct blame *blame)
{
    blame->row = blame->refuted = 0;
}

void blame_failed(struct blame *blame, struct blame_ends others)
{
    if (blame->row == 0)
        blame->began = others;
    if (blame->row < UINT32_MAX)
        blame->row++;
}

void blame_refuted(struct blame *blame)
{
    if (blame->refuted < blame->row)
        blame->refuted++;
}

bool blame_is_due(const struct blame *blame, struct blame_ends others)
{
    const uint64_t passed = others.passed - blame->began.passed;
    const uint64_t ended = passed + (others.failed - blame->began.failed);
    return blame->refuted >= REFUTED_MIN ||
           (blame->row >= ROW_MIN && ended >= OTHERS_MIN &&
            passed * OF >= ended * PASSED_MIN);
}
