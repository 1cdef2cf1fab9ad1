/* joblog - GNU parallel's job log: nine columns, a line per attempt */
#ifndef COMMAND_JOBLOG_H
#define COMMAND_JOBLOG_H

#include "common/base/problem.h"
#include "common/setting/setting.h"
#include "common/store/record.h"

struct joblog;

/* Opens settings->joblog to append, with the header if it is empty. NULL with
 * a problem. */
struct joblog *joblog_open(const struct settings *settings,
                           struct problem *problem);
void joblog_close(struct joblog **joblog);
/* Adds the line of a worker's record; others have none. */
void joblog_add(struct joblog *joblog, const struct record *record);
/* Hands the lines to the file. Returns 0 or -errno. */
int joblog_flush(struct joblog *joblog);

#endif
