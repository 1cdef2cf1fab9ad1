/* resume - numbers of an edited input's tasks: what they had before, or new
 *
 * The whole input is read once. Its keys go to the sink in questions of some
 * thousand, which answers from an index of its log. What no key matches is
 * numbered on from the highest number used. All numbers, in the order of the
 * input, are put into DIR/numbers, durably, before anything is sent: a
 * ventilator that is started again with the same input reads them there.
 */
#include "common/base/files.h"
#include "common/base/log.h"
#include "ventilator/role.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { KEYS_MAX = 4096 };

static const char MAGIC[8] = "fan-num1";

struct head {
    char magic[sizeof MAGIC];
    struct id128 token; // settings.input_token
    uint64_t count;
};

struct resume {
    struct id128 token;
    struct source *source; // NULL: nothing is being matched
    FILE *file;
    struct id128 keys[KEYS_MAX];
    size_t key_count;
    bool ended;
    bool asked; // the question is with the sink
    bool later; // the copied input has no more yet
    uint64_t question, next, count, fresh;
    void *map;
    size_t map_size;
    const uint64_t *numbers; // by ordinal, in the map
    uint64_t numbered;
};

static void path_of(const struct role *role, const char *suffix, char *path,
                    size_t size)
{
    snprintf(path, size, "%s/numbers%s", role->dir, suffix);
}

static int fail(struct role *role, int error, const char *what)
{
    problem_set(role->problem, error, "cannot %s %s/numbers: %s", what,
                role->dir, strerror(-error));
    role_end(role, END_ABORTED, EXIT_ERROR);
    return error;
}

/* 1: the numbers of this input are there; 0: they are not; or -errno. */
static int read_numbers(struct role *role)
{
    struct resume *resume = role->resume;
    char path[4096];
    struct stat found;
    path_of(role, "", path, sizeof path);
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? 0 : -errno;
    const int stated = fstat(fd, &found) == 0 ? 0 : -errno;
    void *map = MAP_FAILED;
    if (stated == 0 && (size_t)found.st_size >= sizeof(struct head))
        map = mmap(NULL, (size_t)found.st_size, PROT_READ, MAP_SHARED, fd, 0);
    close(fd);
    if (map == MAP_FAILED)
        return stated;
    const struct head *head = map;
    const size_t size = (size_t)found.st_size - sizeof *head;
    if (memcmp(head->magic, MAGIC, sizeof MAGIC) != 0 ||
        !id128_equal(&head->token, &resume->token) ||
        head->count != size / sizeof(uint64_t)) {
        munmap(map, (size_t)found.st_size);
        return 0;
    }
    resume->map = map;
    resume->map_size = (size_t)found.st_size;
    resume->numbers = (const uint64_t *)(head + 1);
    resume->numbered = head->count;
    return 1;
}

static void stop_matching(struct resume *resume)
{
    source_close(&resume->source);
    if (resume->file)
        fclose(resume->file);
    resume->file = NULL;
}

static int start_matching(struct role *role, uint64_t number_max)
{
    struct resume *resume = role->resume;
    char path[4096];
    const struct head head = {0};
    stop_matching(resume);
    resume->key_count = 0;
    resume->ended = resume->asked = false;
    resume->question = resume->count = resume->fresh = 0;
    resume->next = number_max + 1;
    resume->source = source_open(role->settings, role->dir, role->problem);
    if (!resume->source) {
        role_end(role, END_ABORTED, EXIT_ERROR);
        return -EIO;
    }
    path_of(role, ".new", path, sizeof path);
    resume->file = fopen(path, "we");
    if (!resume->file || fwrite(&head, sizeof head, 1, resume->file) != 1)
        return fail(role, -errno, "write");
    return 0;
}

int resume_begin(struct role *role, uint64_t number_max)
{
    if (!role->resume) {
        role->resume = calloc(1, sizeof *role->resume);
        if (!role->resume ||
            id128_parse(role->settings->input_token, &role->resume->token) < 0)
            return fail(role, -ENOMEM, "make");
    }
    if (role->resume->numbers)
        return 0;
    const int found = read_numbers(role);
    if (found < 0)
        return fail(role, found, "read");
    return found ? 0 : start_matching(role, number_max);
}

void resume_close(struct role *role)
{
    struct resume *resume = role->resume;
    if (!resume)
        return;
    stop_matching(resume);
    if (resume->map)
        munmap(resume->map, resume->map_size);
    free(resume);
    role->resume = NULL;
}

bool resume_is_matching(const struct role *role)
{
    return role->resume && !role->resume->numbers;
}

struct source *resume_waits_for(const struct role *role)
{
    return resume_is_matching(role) && role->resume->later
               ? role->resume->source
               : NULL;
}

uint64_t resume_number(const struct role *role, uint64_t ordinal)
{
    const struct resume *resume = role->resume;
    if (!resume)
        return ordinal;
    // Lines behind those that were numbered: the file has grown since.
    return ordinal <= resume->numbered ? resume->numbers[ordinal - 1] : 0;
}

static void ask(struct role *role)
{
    struct resume *resume = role->resume;
    const struct wire_header header = role_header(role, WIRE_MATCH);
    const struct wire_match match = {.question = ++resume->question,
                                     .last = resume->ended};
    buffer_clear(&role->out);
    wire_put_match(&role->out, &header, &match, resume->keys,
                   resume->key_count);
    role_send(role, &role->sink_address);
    resume->asked = true;
}

bool resume_reads_on(const struct role *role)
{
    const struct resume *resume = role->resume;
    return resume_is_matching(role) && !resume->asked && !resume->ended &&
           !resume->later && resume->key_count < KEYS_MAX;
}

void resume_pump(struct role *role)
{
    enum { NONE_MAX = 1024 };
    struct resume *resume = role->resume;
    resume->later = false;
    int none = 0;
    while (resume_reads_on(role) && none < NONE_MAX && !role->ending) {
        struct source_task task;
        struct problem bad = {0};
        struct id128 key = {{0}};
        memset(&task, 0, sizeof task);
        switch (source_next(resume->source, &task, &bad)) {
        case SOURCE_TASK:
            key = template_key(role->input.template, task.values,
                               task.value_count, task.whole);
            resume->keys[resume->key_count++] = key;
            break;
        case SOURCE_BAD:
            resume->keys[resume->key_count++] = key;
            break;
        case SOURCE_NONE:
            none++;
            break;
        case SOURCE_LATER:
            resume->later = true;
            break;
        case SOURCE_END:
            resume->ended = true;
            break;
        case SOURCE_ERROR:
            problem_set(role->problem, bad.code, "%s", bad.text);
            role_end(role, END_ABORTED, EXIT_ERROR);
            break;
        }
    }
    if (!resume->asked && !role->ending && role->sink_there &&
        (resume->ended || resume->key_count == KEYS_MAX))
        ask(role);
}

static int finish(struct role *role, uint64_t left)
{
    struct resume *resume = role->resume;
    struct head head = {.token = resume->token, .count = resume->count};
    memcpy(head.magic, MAGIC, sizeof MAGIC);
    if (fseek(resume->file, 0, SEEK_SET) != 0 ||
        fwrite(&head, sizeof head, 1, resume->file) != 1 ||
        fflush(resume->file) != 0 || fsync(fileno(resume->file)) != 0)
        return fail(role, -errno, "write");
    const int renamed = files_rename(role->dir, "numbers.new", "numbers");
    if (renamed < 0)
        return fail(role, renamed, "write");
    stop_matching(resume);
    const int found = read_numbers(role);
    if (found <= 0)
        return fail(role, found < 0 ? found : -EIO, "read");
    log_event(left > 0 ? LOG_WARNING : LOG_INFO, "resumed",
              "known=%llu new=%llu no-longer-in-the-input=%llu",
              (unsigned long long)(resume->count - resume->fresh),
              (unsigned long long)resume->fresh, (unsigned long long)left);
    return 0;
}

int resume_matched(struct role *role, const struct wire_matched *matched)
{
    struct resume *resume = role->resume;
    if (!resume_is_matching(role) || !resume->asked ||
        matched->question != resume->question ||
        matched->numbers.count != resume->key_count)
        return -EBADMSG;
    struct wire_list list = matched->numbers;
    uint64_t number;
    while (wire_next_number(&list, &number)) {
        if (number == 0) {
            number = resume->next++;
            resume->fresh++;
        }
        if (fwrite(&number, sizeof number, 1, resume->file) != 1)
            return fail(role, -errno, "write");
        resume->count++;
    }
    resume->key_count = 0;
    resume->asked = false;
    return resume->ended ? finish(role, matched->left) : 0;
}
