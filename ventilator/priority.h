/* priority - how early a task is to start, as its values say
 *
 * --priority is a template, made anew for each task: a number, higher first.
 * Pure: no I/O.
 */
#ifndef VENTILATOR_PRIORITY_H
#define VENTILATOR_PRIORITY_H

#include "common/template/template.h"

struct priority {
    struct template *template; // NULL: there are none
    struct buffer scratch;
    uint64_t missing, given; // tasks without, and with one
};

/* `options` as for the command, for the names. 0, -ENOMEM, or -EINVAL with a
 * usage problem: an unknown name, or nothing that differs between tasks. */
int priority_open(struct priority *priority, const char *text,
                  const struct template_options *options,
                  struct problem *problem);
void priority_close(struct priority *priority);
/* Sets *value; 0 where the task has no such value, or an empty one or a null.
 * 0, -ENOMEM, or -EINVAL with a problem: it is no number. */
int priority_of(struct priority *priority, const struct template_task *task,
                double *value, struct problem *problem);

#endif
