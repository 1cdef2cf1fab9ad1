/* stages - a run file whose tasks come in stages
 *
 * `stages:` is a list of mappings: each has a `name`, may be `after` others,
 * and says all that a run file may say. What stands beside `stages:` holds for
 * those that do not say it themselves; `name`, `results` and `on-done` there
 * are of the whole.
 */
#ifndef COMMON_SETTING_STAGES_H
#define COMMON_SETTING_STAGES_H

#include "common/base/problem.h"
#include "common/setting/setting.h"

enum { STAGES_MAX = 1000 };

struct stage {
    char *name;         // as a file may be called
    struct texts after; // names
    size_t line, after_line;
};

struct stages {
    struct stage *at; // in the order of the file
    size_t count;     // 0: the file has none
    size_t *order;    // indices: each behind those it is after, else as they
                      // stand
};

/* Reads the file; what holds for the whole goes into `whole`, as
 * settings_read_yaml has it. 0 or -errno with a problem: among others two of
 * one name, an `after` that is no stage, a circle. */
int stages_read(struct stages *stages, struct settings *whole, const char *path,
                struct problem *problem);
void stages_clear(struct stages *stages);

/* Reads the settings of one: its own and, where it says nothing, those of the
 * file. */
int stages_settings(struct settings *settings, const char *path, size_t index,
                    struct problem *problem);

/* The same from memory, for tests. */
int stages_read_text(struct stages *stages, struct settings *whole,
                     const char *name, struct span text,
                     struct problem *problem);

#endif
