/* person - who decides about held tasks */
#ifndef TESTS_SIM_PERSON_H
#define TESTS_SIM_PERSON_H

#include "tests/sim/sim.h"

/* A task is held for good: there is something to think about. */
void person_learns(struct world *world, uint64_t task);
/* And now decides. */
void person_decides(struct world *world, uint64_t task);
/* Between two lives of the run. */
void person_decides_stopped(struct world *world);

/* Cancels tasks, as planned: again and again until they have ended. */
void person_cancels(struct world *world);
/* Pauses the run, or lets it go on: asks until it is so. */
void person_pauses(struct world *world, bool paused);

#endif
