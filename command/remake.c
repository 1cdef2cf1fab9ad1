#include "command/remake.h"

#include "common/store/values.h"
#include "common/template/template.h"

#include <stdlib.h>
#include <string.h>

enum { VALUES_MAX = 256 };

struct remake {
    const struct settings *plan;
    struct template *template; // NULL: none can be made
    struct buffer command, whole;
};

// A plugin or a coprocess is shown as if it were a command.
static struct template *make_template(const struct settings *set)
{
    struct problem unused = {0};
    const char *called = set->plugin ? set->plugin : set->coprocess;
    const size_t first = called ? 1 : 0;
    const size_t count = set->command.count + first;
    const struct template_options options = {
        .append = called || (!set->array && !set->ndjson),
        .shell = set->shell,
        .lines = count == 0};
    const char **words = calloc(count + 1, sizeof *words);
    if (!words)
        return NULL;
    words[0] = called;
    for (size_t i = first; i < count; i++)
        words[i] = set->command.at[i - first];
    struct template *template =
        template_create(words, count, &options, &unused);
    free((void *)words);
    return template;
}

struct remake *remake_create(const struct settings *plan)
{
    struct remake *const remake = calloc(1, sizeof *remake);
    if (!remake)
        return NULL;
    remake->plan = plan;
    remake->template = make_template(plan);
    return remake;
}

void remake_destroy(struct remake **remake)
{
    struct remake *const gone = *remake;
    if (!gone)
        return;
    template_destroy(&gone->template);
    buffer_free(&gone->command);
    buffer_free(&gone->whole);
    free(gone);
    *remake = NULL;
}

static size_t read_values(struct remake *remake, struct span encoded,
                          struct wire_pair values[VALUES_MAX])
{
    struct wire_list list;
    size_t count = 0;
    buffer_clear(&remake->whole);
    if (!values_open(encoded, &list))
        return 0;
    const char *const between =
        remake->plan->colsep && strcmp(remake->plan->colsep, "\\t") != 0
            ? remake->plan->colsep
        : remake->plan->colsep ? "\t"
                               : " ";
    while (count < VALUES_MAX && values_next(&list, &values[count])) {
        if (count > 0)
            buffer_append_text(&remake->whole, between);
        buffer_append(&remake->whole, values[count].value.at,
                      values[count].value.size);
        count++;
    }
    return count;
}

void remake_put(struct remake *remake, const struct record *record,
                struct buffer *out)
{
    struct wire_pair values[VALUES_MAX];
    struct problem unused = {0};
    struct wire_command command;
    const size_t count = read_values(remake, record->values, values);
    const struct template_task task = {
        .task = record->task,
        .seed = template_seed(remake->plan->seed, record->task),
        .values = values,
        .value_count = count,
        .whole = buffer_span(&remake->whole),
        .input = buffer_span(&remake->whole)};
    buffer_clear(&remake->command);
    if (remake->template &&
        template_expand(remake->template, &task, &remake->command, &unused) ==
            0 &&
        wire_get_command(buffer_span(&remake->command), &command))
        command_text(&command, record->slot, out);
    else
        buffer_append(out, remake->whole.at, remake->whole.size);
}
