/* source_world - a folder of input files, and what a source makes of them */
#ifndef TESTS_UNIT_SOURCE_WORLD_H
#define TESTS_UNIT_SOURCE_WORLD_H

#include "tests/testing.h"

#include "ventilator/source.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TASKS_MAX = 64, SHOWN_MAX = 40 };

struct world {
    char dir[32];
    struct settings settings;
    struct problem problem;
};

static inline int setup(void **state)
{
    struct world *world = calloc(1, sizeof *world);
    if (!world)
        return -1;
    snprintf(world->dir, sizeof world->dir, "/tmp/source-XXXXXX");
    settings_init(&world->settings);
    *state = world;
    if (!mkdtemp(world->dir))
        return -1;
    free(world->settings.working_directory);
    world->settings.working_directory = strdup(world->dir);
    return 0;
}

static inline void path_of(const struct world *world, const char *name,
                           char path[64])
{
    snprintf(path, 64, "%s/%s", world->dir, name);
}

static inline int teardown(void **state)
{
    struct world *world = *state;
    char path[64];
    DIR *dir = opendir(world->dir);
    for (struct dirent *entry; dir && (entry = readdir(dir));)
        if (entry->d_name[0] != '.') {
            snprintf(path, sizeof path, "%s/%.30s", world->dir, entry->d_name);
            remove(path);
        }
    if (dir)
        closedir(dir);
    rmdir(world->dir);
    settings_clear(&world->settings);
    free(world);
    return 0;
}

static inline void write_bytes(const struct world *world, const char *name,
                               const char *mode, struct span bytes)
{
    char path[64];
    path_of(world, name, path);
    FILE *file = fopen(path, mode);
    assert_non_null(file);
    assert_int_equal(fwrite(bytes.at, 1, bytes.size, file), bytes.size);
    assert_int_equal(fclose(file), 0);
}

static inline void write_text(const struct world *world, const char *name,
                              const char *text)
{
    write_bytes(world, name, "wb", span_of_text(text));
}

static inline void append_text(const struct world *world, const char *name,
                               const char *text)
{
    write_bytes(world, name, "ab", span_of_text(text));
}

static inline void set(char **field, const char *text)
{
    free(*field);
    *field = text ? strdup(text) : NULL;
}

/* Words of `:::` and so on, separated by spaces; '' is an empty one. */
static inline void set_sources(struct world *world, const char *words)
{
    char text[256], *rest = text;
    texts_free(&world->settings.sources);
    assert_true(strlen(words) < sizeof text);
    memcpy(text, words, strlen(words) + 1);
    for (char *word; (word = strsep(&rest, " "));)
        assert_int_equal(texts_add(&world->settings.sources,
                                   strcmp(word, "''") == 0 ? "" : word),
                         0);
}

static inline struct source *open_source(struct world *world)
{
    world->problem = (struct problem){0};
    struct source *source =
        source_open(&world->settings, world->dir, &world->problem);
    if (!source)
        fail_msg("%s", world->problem.text);
    return source;
}

static inline void show(struct buffer *out, struct span text)
{
    if (text.size > SHOWN_MAX)
        buffer_printf(out, "<%zu>", text.size);
    else if (text.size > 0)
        buffer_append(out, text.at, text.size);
}

/* "value|value" or "name=value|...", or "!" for a bad one; and a newline. */
static inline void show_task(struct buffer *out, enum source_result result,
                             const struct source_task *task)
{
    for (size_t i = 0; i < task->value_count; i++) {
        const struct wire_pair *value = &task->values[i];
        assert_non_null(value->value.at);
        if (i > 0)
            put_u8(out, '|');
        if (value->name.size > 0) {
            show(out, value->name);
            put_u8(out, '=');
        }
        show(out, value->value);
    }
    if (result == SOURCE_BAD)
        put_u8(out, '!');
    put_u8(out, '\n');
}

struct seen {
    size_t count;
    struct source_place before[TASKS_MAX], at[TASKS_MAX];
    size_t start[TASKS_MAX]; // of the task in `text`
    struct buffer text;
    enum source_result last;
};

static inline void read_all(struct source *source, struct seen *seen)
{
    *seen = (struct seen){0};
    for (;;) {
        struct source_task task;
        struct problem problem = {0};
        const struct source_place before = source_place(source);
        seen->last = source_next(source, &task, &problem);
        if (seen->last != SOURCE_TASK && seen->last != SOURCE_BAD)
            break;
        assert_true(seen->count < TASKS_MAX);
        assert_int_equal(problem.code != 0, seen->last == SOURCE_BAD);
        assert_int_equal(task.place.ordinal, before.ordinal);
        seen->before[seen->count] = before;
        seen->at[seen->count] = task.place;
        seen->start[seen->count++] = seen->text.size;
        show_task(&seen->text, seen->last, &task);
    }
    put_u8(&seen->text, 0);
    assert_false(seen->text.failed);
}

static inline void expect_tail(struct source *source, struct source_place place,
                               const char *expected)
{
    struct seen seen;
    struct problem problem = {0};
    assert_int_equal(source_seek(source, place, &problem), 0);
    assert_int_equal(source_place(source).ordinal, place.ordinal);
    read_all(source, &seen);
    assert_string_equal((const char *)seen.text.at, expected);
    buffer_free(&seen.text);
}

/* From the middle of the task that comes after `from`. */
static inline void expect_jump(struct source *source, const struct seen *seen,
                               size_t from, size_t to)
{
    struct source_task task;
    struct problem problem = {0};
    assert_int_equal(source_seek(source, seen->at[from], &problem), 0);
    source_next(source, &task, &problem);
    expect_tail(source, seen->at[to],
                (const char *)seen->text.at + seen->start[to]);
}

/* The tasks are as expected, and the same from every place onwards, for this
 * source, wherever it was, and for a fresh one. */
static inline void expect(struct world *world, const char *expected)
{
    struct seen seen;
    struct source *source = open_source(world);
    read_all(source, &seen);
    assert_int_equal(seen.last, SOURCE_END);
    const char *text = (const char *)seen.text.at;
    assert_string_equal(text, expected);
    for (size_t i = seen.count; i-- > 0;) {
        struct source *fresh = open_source(world);
        expect_tail(fresh, seen.at[i], text + seen.start[i]);
        source_close(&fresh);
        expect_tail(source, seen.before[i], text + seen.start[i]);
        expect_jump(source, &seen, seen.count - 1 - i, i);
        expect_jump(source, &seen, i, 0);
    }
    buffer_free(&seen.text);
    source_close(&source);
    assert_null(source);
}

static inline void expect_file(struct world *world, const char *contents,
                               const char *expected)
{
    write_text(world, "in", contents);
    expect(world, expected);
}

static inline void refuse(struct world *world, enum exit_code code,
                          const char *text)
{
    world->problem = (struct problem){0};
    assert_null(source_open(&world->settings, world->dir, &world->problem));
    assert_true(world->problem.code < 0);
    assert_int_equal(world->problem.exit, code);
    if (!strstr(world->problem.text, text))
        fail_msg("'%s' is not in '%s'", text, world->problem.text);
}

/* The nth task, of `input` and `whole`, or the problem's text. */
static inline void expect_nth(struct world *world, uint64_t n,
                              const char *whole, const char *input)
{
    struct source_task task;
    struct source *source = open_source(world);
    for (uint64_t i = 0; i < n; i++)
        assert_int_equal(source_next(source, &task, &world->problem),
                         SOURCE_TASK);
    assert_true(span_equal(task.whole, span_of_text(whole)));
    assert_int_equal(!task.whole.at, !whole);
    assert_true(span_equal(task.input, span_of_text(input)));
    source_close(&source);
}

static inline void expect_bad(struct world *world, uint64_t n, const char *text)
{
    struct source_task task;
    struct source *source = open_source(world);
    enum source_result result = SOURCE_END;
    for (uint64_t i = 0; i < n; i++) {
        world->problem = (struct problem){0};
        result = source_next(source, &task, &world->problem);
    }
    assert_int_equal(result, SOURCE_BAD);
    if (!strstr(world->problem.text, text))
        fail_msg("'%s' is not in '%s'", text, world->problem.text);
    source_close(&source);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
