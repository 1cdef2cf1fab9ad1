/* a log in a temporary folder, written by the sink's own journal, for tests */
#ifndef TESTS_UNIT_LOG_PLACE_H
#define TESTS_UNIT_LOG_PLACE_H

#include "tests/testing.h"

#include "common/store/logread.h"
#include "sink/journal.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct place {
    char top[32], dir[64], log[96];
    uint64_t seen, sum;
};

static inline int setup(void **state)
{
    struct place *place = calloc(1, sizeof *place);
    if (!place)
        return -1;
    snprintf(place->top, sizeof place->top, "/tmp/fan-log-XXXXXX");
    *state = place;
    if (!mkdtemp(place->top))
        return -1;
    snprintf(place->dir, sizeof place->dir, "%s/run", place->top);
    snprintf(place->log, sizeof place->log, "%s/%s", place->dir, LOG_FILE_NAME);
    return 0;
}

static inline int teardown(void **state)
{
    struct place *place = *state;
    DIR *dir = opendir(place->dir);
    for (struct dirent *entry; dir && (entry = readdir(dir));)
        (void)unlinkat(dirfd(dir), entry->d_name, 0);
    if (dir)
        closedir(dir);
    rmdir(place->dir);
    rmdir(place->top);
    free(place);
    return 0;
}

static inline int count(void *argument, const struct record *record)
{
    struct place *place = argument;
    place->seen++;
    place->sum = place->sum * 31 + record->task;
    return 0;
}

static inline struct journal *opened(struct place *place)
{
    struct problem problem = {0};
    place->seen = place->sum = 0;
    struct journal *journal = journal_open(place->dir, count, place, &problem);
    if (!journal)
        print_message("%s\n", problem.text);
    assert_non_null(journal);
    return journal;
}

static inline void append(struct journal *journal, uint64_t task)
{
    const struct record record = {.task = task,
                                  .final = true,
                                  .status =
                                      task % 5 ? STATUS_OK : STATUS_FAILED,
                                  .attempt = 1,
                                  .generation = 1,
                                  .out = SPAN_OF("some output\n")};
    assert_int_equal(journal_append(journal, &record), 0);
}

static inline void commit(struct journal *journal)
{
    struct problem problem = {0};
    assert_int_equal(journal_commit(journal, &problem), 0);
}

// Members of `each` tasks, numbered from 1; ends[] gets where each ends.
static inline void fill(struct place *place, unsigned members, unsigned each,
                        uint64_t *ends)
{
    struct journal *journal = opened(place);
    uint64_t task = 0;
    for (unsigned i = 0; i < members; i++) {
        for (unsigned j = 0; j < each; j++)
            append(journal, ++task);
        commit(journal);
        ends[i] = journal_position(journal);
    }
    journal_close(&journal);
}

static inline void flip(const char *path, uint64_t offset, uint8_t mask)
{
    uint8_t byte;
    const int fd = open(path, O_RDWR);
    assert_int_equal(pread(fd, &byte, 1, (off_t)offset), 1);
    byte ^= mask;
    assert_int_equal(lseek(fd, (off_t)offset, SEEK_SET), offset);
    assert_int_equal(write(fd, &byte, 1), 1);
    close(fd);
}

static inline uint64_t size_of(const char *dir, const char *name)
{
    char path[128];
    struct stat status;
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return stat(path, &status) == 0 ? (uint64_t)status.st_size : UINT64_MAX;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
