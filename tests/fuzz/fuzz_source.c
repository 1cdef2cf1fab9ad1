/* fuzz_source - any bytes as an input file, in each of its forms
 * covers: ventilator/source.c ventilator/source_*.c
 */
#include "ventilator/source.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { TASKS_MAX = 128 };

struct seen {
    struct source_place place;
    enum source_result result;
    size_t start, size; // in the text of all
};

// Every byte that is given out is read.
static enum source_result take(struct source *source, struct buffer *text,
                               struct source_place *place)
{
    struct source_task task;
    struct problem problem = {0};
    const enum source_result result = source_next(source, &task, &problem);
    assert((problem.code != 0) ==
           (result == SOURCE_BAD || result == SOURCE_ERROR));
    assert(result == SOURCE_TASK || task.value_count == 0);
    *place = task.place;
    for (size_t i = 0; i < task.value_count; i++) {
        put_span16(text, task.values[i].name);
        put_span32(text, task.values[i].value);
    }
    if (result == SOURCE_TASK) {
        put_span32(text, task.whole);
        put_span32(text, task.input);
    }
    assert(!text->failed);
    return result;
}

static bool same_tail(const struct buffer *text, size_t start, size_t size)
{
    return text->size - start == size &&
           (size == 0 ||
            memcmp(text->at + start - size, text->at + start, size) == 0);
}

// Reads all, then each task again by its place, last first.
static void read_twice(struct source *source)
{
    struct seen seen[TASKS_MAX];
    struct buffer text = {0}, again = {0};
    size_t count = 0;
    for (; count < TASKS_MAX; count++) {
        struct seen *task = &seen[count];
        task->start = text.size;
        task->result = take(source, &text, &task->place);
        task->size = text.size - task->start;
        if (task->result != SOURCE_TASK && task->result != SOURCE_BAD)
            break;
        assert(task->place.ordinal == count + 1);
    }
    while (count-- > 0) {
        struct problem problem = {0};
        struct source_place place;
        const struct seen *task = &seen[count];
        buffer_clear(&again);
        if (task->size > 0)
            buffer_append(&again, text.at + task->start, task->size);
        assert(source_seek(source, task->place, &problem) == 0);
        assert(take(source, &again, &place) == task->result);
        assert(place.ordinal == task->place.ordinal &&
               place.offset == task->place.offset);
        assert(same_tail(&again, task->size, task->size));
    }
    buffer_free(&text);
    buffer_free(&again);
}

static void choose(struct settings *settings, uint8_t choice, const char *path,
                   const char *text)
{
    enum { LINES, CSV, TABS, OBJECTS, FILES, PAIRS, ARRAY, ROWS, KINDS };
    static const char *const FORMS[][4] = {
        [FILES] = {"::::", "", "", ":::"},
        [PAIRS] = {"::::", "", "::::+", ""},
    };
    const unsigned kind = choice % KINDS;
    settings->null_separated = choice & 0x40;
    settings->blank = choice & 0x80;
    settings->header = kind == CSV || (kind == TABS && choice & 0x20);
    if (kind == TABS || kind == ROWS)
        settings->colsep = strdup(kind == TABS ? "\\t" : ", ");
    if (kind == OBJECTS)
        settings->ndjson = strdup(path);
    else if (kind == ARRAY)
        settings->array = strdup(text);
    else if (kind == FILES || kind == PAIRS)
        for (size_t i = 0; i < 4; i++)
            texts_add(&settings->sources,
                      FORMS[kind][i][0] ? FORMS[kind][i] : path);
    else
        settings->arg_file = strdup(path);
    if (kind == FILES) {
        texts_add(&settings->sources, text);
        texts_add(&settings->sources, "");
    }
}

// Byte 0 picks the kind of input; the rest is the file, or the text.
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[64];
    struct settings settings;
    struct problem problem = {0};
    const int fd = memfd_create("fuzz-source", MFD_CLOEXEC);
    char *text = calloc(size + 1, 1);
    if (size == 0 || !text || fd < 0 ||
        write(fd, data + 1, size - 1) != (ssize_t)(size - 1)) {
        free(text);
        close(fd);
        return 0;
    }
    memcpy(text, data + 1, size - 1);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    settings_init(&settings);
    choose(&settings, data[0], path, text);
    struct source *source = source_open(&settings, "/", &problem);
    assert(!source == (problem.code != 0));
    if (source)
        read_twice(source);
    source_close(&source);
    settings_clear(&settings);
    free(text);
    close(fd);
    return 0;
}
