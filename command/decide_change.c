/* decide_change - whether held tasks may be changed so before they run again */
#include "command/decide.h"
#include "common/base/numset.h"
#include "common/setting/plan.h"
#include "common/setting/setting.h"
#include "common/store/logread.h"
#include "common/store/text.h"
#include "common/store/values.h"
#include "common/template/edit.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int check_mem(const struct decide *decide, struct problem *problem)
{
    char path[RUNDIR_PATH_SIZE + sizeof PLAN_FILE];
    struct settings plan;
    settings_init(&plan);
    snprintf(path, sizeof path, "%s/%s", decide->dir, PLAN_FILE);
    int error = settings_read_yaml(&plan, IN_PLAN, path, problem);
    if (error == 0 && plan.mem_max == SETTING_UNLIMITED)
        error = problem_exit(problem, EXIT_USAGE, -EINVAL,
                             "--mem: the tasks of %s may take any memory: it "
                             "has no --mem-max",
                             decide->dir);
    settings_clear(&plan);
    return error;
}

// One attempt tells what values its task has.
static int check_task(const struct decide *decide, const struct record *record,
                      struct buffer *words, struct problem *problem)
{
    struct problem why = {0};
    struct wire_list list;
    size_t count = 0;
    if (!values_open(record->values, &list))
        return 0;
    struct wire_pair *const values = calloc(list.count + 1, sizeof *values);
    while (values && values_next(&list, &values[count]))
        count++;
    const int error = values ? edit_values(span_of_text(decide->edit), values,
                                           count, NULL, words, &why)
                             : problem_set(&why, -ENOMEM, "out of memory");
    free(values);
    return error == 0 ? 0
                      : problem_exit(problem, EXIT_USAGE, error,
                                     "--edit, task %" PRIu64 ": %s",
                                     record->task, why.text);
}

static int check_tasks(const struct decide *decide, struct logread *log,
                       struct problem *problem)
{
    struct record record;
    struct buffer words = {0};
    int error = 0;
    while (error == 0 &&
           logread_next(log, &record, NULL, problem) == LOGREAD_RECORD)
        if (record.event == EVENT_NONE && record.has_args &&
            numset_has(decide->tasks, record.task))
            error = check_task(decide, &record, &words, problem);
    buffer_free(&words);
    return error != 0 ? error : problem->code;
}

static int check_edit(const struct decide *decide, struct problem *problem)
{
    size_t extra;
    if (!text_is_utf8(span_of_text(decide->edit), &extra))
        return problem_exit(problem, EXIT_USAGE, -EINVAL,
                            "--edit is not in UTF-8");
    struct logread *log = logread_open(decide->dir, 0, problem);
    const int error = log ? check_tasks(decide, log, problem) : problem->code;
    if (log)
        logread_close(&log);
    return error;
}

int decide_check_change(const struct decide *decide, struct problem *problem)
{
    int error = decide->mem_max > 0 ? check_mem(decide, problem) : 0;
    if (error == 0 && decide->edit)
        error = check_edit(decide, problem);
    return error;
}
