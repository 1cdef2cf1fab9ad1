/* expand - reads the tasks of a run's input, as the ventilator does, and
 * nothing else
 *
 * usage: expand source|command [OPTION]... [-- COMMAND]... [::: VALUE...]...
 *
 * With `command` each task's command and key are made, too. Prints the seconds
 * and how many tasks there were.
 */
#include "common/template/template.h"
#include "ventilator/source.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static double now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int make(const struct template *template, const struct source_task *task,
                struct buffer *out, struct problem *problem)
{
    const struct template_task expanded = {.task = task->place.ordinal,
                                           .seed = task->place.ordinal,
                                           .values = task->values,
                                           .value_count = task->value_count,
                                           .whole = task->whole,
                                           .input = task->input};
    buffer_clear(out);
    (void)template_key(template, task->values, task->value_count, task->whole);
    return template_expand(template, &expanded, out, problem);
}

static int read_all(struct source *source, const struct template *template,
                    struct problem *problem)
{
    struct source_task task;
    struct buffer out = {0};
    unsigned long long count = 0;
    enum source_result result;
    const double began_s = now_s();
    while ((result = source_next(source, &task, problem)) == SOURCE_TASK) {
        count++;
        if (template && make(template, &task, &out, problem) != 0)
            break;
    }
    if (result == SOURCE_END)
        printf("%.6f %llu\n", now_s() - began_s, count);
    buffer_free(&out);
    return result == SOURCE_END ? 0 : -1;
}

int main(int argc, char **argv)
{
    struct settings settings;
    struct problem problem = {0};
    enum settings_parsed parsed;
    if (argc < 3)
        return 2;
    settings_init(&settings);
    int code = settings_read_flags(&settings, FOR_RUN, argc - 1, argv + 1,
                                   &parsed, &problem);
    struct source *source =
        code == 0 ? source_open(&settings, ".", &problem) : NULL;
    struct template *template = NULL;
    code = source ? 0 : -1;
    if (source && strcmp(argv[1], "command") == 0) {
        const struct template_options options = {
            .append = !settings.ndjson, .input = settings.ndjson != NULL};
        template = template_create((const char *const *)settings.command.at,
                                   settings.command.count, &options, &problem);
        code = template ? 0 : -1;
    }
    if (code == 0)
        code = read_all(source, template, &problem);
    if (code != 0)
        fprintf(stderr, "expand: %s\n", problem.text);
    template_destroy(&template);
    source_close(&source);
    settings_clear(&settings);
    return code == 0 ? 0 : 1;
}
