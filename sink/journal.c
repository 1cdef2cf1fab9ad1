#include "sink/journal.h"

#include "common/base/clock.h"
#include "common/base/files.h"
#include "common/store/logread.h"
#include "sink/journal_recover.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    BUFFER_KEPT = 16 << 20, // more is given back after a commit
};

struct journal {
    int dir_fd, lock_fd, fd;
    char *path;
    uint64_t position;
    struct buffer text;   // records of the next commit, not packed yet
    struct buffer member; // those before them, packed
    struct member_draft draft;
    enum member_form form; // of all its parts
    bool uncut;            // a failed write left bytes behind `position`
    bool poisoned;
    struct journal_syncs syncs;
};

static int open_dir(struct journal *journal, const char *dir)
{
    if (mkdir(dir, 0777) != 0 && errno != EEXIST)
        return -errno;
    // Also where another has made it, and a crash kept its sync away.
    const int result = files_sync_parent(dir);
    if (result != 0 && result != -EACCES)
        return result;
    journal->dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return journal->dir_fd < 0 ? -errno : 0;
}

static int take_lock(struct journal *journal, const char *dir)
{
    journal->lock_fd = files_lock(dir, "lock.sink");
    return journal->lock_fd < 0 ? journal->lock_fd : 0;
}

static int open_log(struct journal *journal)
{
    journal->fd = openat(journal->dir_fd, LOG_FILE_NAME,
                         O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    // The name must be durable also where a crash kept an earlier sync away.
    if (journal->fd < 0 || fsync(journal->dir_fd) != 0)
        return -errno;
    return 0;
}

static int open_files(struct journal *journal, const char *dir,
                      struct problem *problem)
{
    int result = open_dir(journal, dir);
    if (result != 0)
        return problem_set(problem, result, "cannot use directory %s: %s", dir,
                           strerrordesc_np(-result));
    result = take_lock(journal, dir);
    if (result == -EAGAIN || result == -EACCES)
        return problem_set(problem, result,
                           "another sink is using directory %s, or its lock "
                           "cannot be taken",
                           dir);
    if (result == 0)
        result = open_log(journal);
    if (result != 0)
        return problem_set(problem, result, "cannot open %s: %s", journal->path,
                           strerrordesc_np(-result));
    return 0;
}

struct journal *journal_open(const char *dir, journal_apply *apply,
                             void *argument, struct problem *problem)
{
    struct journal *journal = malloc(sizeof *journal);
    if (!journal) {
        problem_set(problem, -ENOMEM, "out of memory");
        return NULL;
    }
    *journal = (struct journal){.dir_fd = -1, .lock_fd = -1, .fd = -1};
    int result = 0;
    if (asprintf(&journal->path, "%s/%s", dir, LOG_FILE_NAME) < 0) {
        journal->path = NULL;
        result = problem_set(problem, -ENOMEM, "out of memory");
    }
    if (result == 0)
        result = open_files(journal, dir, problem);
    if (result == 0) {
        struct recovery recovery = {.file = {.fd = journal->fd},
                                    .dir_fd = journal->dir_fd,
                                    .path = journal->path,
                                    .apply = apply,
                                    .argument = argument};
        result = recovery_run(&recovery, &journal->position, problem);
        logfile_clear(&recovery.file);
        buffer_free(&recovery.scratch);
    }
    if (result != 0)
        journal_close(&journal);
    return journal;
}

void journal_close(struct journal **journal)
{
    struct journal *self = *journal;
    *journal = NULL;
    if (!self)
        return;
    const int fds[] = {self->fd, self->dir_fd, self->lock_fd};
    for (size_t i = 0; i < sizeof fds / sizeof *fds; i++)
        if (fds[i] >= 0)
            close(fds[i]);
    buffer_free(&self->text);
    buffer_free(&self->member);
    free(self->path);
    free(self);
}

// Without memory it is tried again with the next record, and at the latest by
// journal_commit.
static void pack(struct journal *journal)
{
    const struct span text = buffer_span(&journal->text);
    if (!journal->draft.begun)
        journal->form = member_form(text);
    if (member_add(&journal->member, &journal->draft, text, journal->form) == 0)
        buffer_clear(&journal->text);
    else
        journal->member.failed = false;
}

int journal_append(struct journal *journal, const struct record *record)
{
    struct buffer *text = &journal->text;
    const size_t before = text->size;
    record_write(text, record);
    if (text->failed) {
        text->failed = false;
        return -ENOMEM;
    }
    if (text->size > MEMBER_TEXT_MAX - journal->draft.text_size) {
        text->size = before;
        return -EFBIG;
    }
    if (text->size > MEMBER_PART)
        pack(journal);
    return 0;
}

static int poison(struct journal *journal, struct problem *problem,
                  const char *what, int code)
{
    journal->poisoned = true;
    return problem_set(problem, -EIO, "%s %s: %s", what, journal->path,
                       strerrordesc_np(-code));
}

static bool may_pass(int code)
{
    return code == -ENOSPC || code == -EDQUOT || code == -ENOMEM;
}

static int write_member(struct journal *journal)
{
    const struct buffer *member = &journal->member;
    for (size_t done = 0; done < member->size;) {
        const ssize_t wrote =
            pwrite(journal->fd, member->at + done, member->size - done,
                   (off_t)(journal->position + done));
        if (wrote < 0 && errno != EINTR)
            return -errno;
        if (wrote > 0)
            done += (size_t)wrote;
    }
    return 0;
}

static int cut_back(struct journal *journal)
{
    journal->uncut = ftruncate(journal->fd, (off_t)journal->position) != 0;
    return journal->uncut ? -errno : 0;
}

// A log without a name is lost with the process.
static int still_there(const struct journal *journal)
{
    struct stat status;
    if (fstat(journal->fd, &status) != 0)
        return -errno;
    return status.st_nlink > 0 ? 0 : -ENOENT;
}

static void forget(struct buffer *buffer)
{
    if (buffer->capacity > BUFFER_KEPT)
        buffer_free(buffer);
    else
        buffer_clear(buffer);
}

// The whole member. Where it cannot be written now, more may come behind it.
static int write_all(struct journal *journal)
{
    const struct member_draft before = journal->draft;
    const size_t size = journal->member.size;
    const struct span text = buffer_span(&journal->text);
    const enum member_form form =
        before.begun ? journal->form : member_form(text);
    int result = member_end(&journal->member, &journal->draft, text, form,
                            journal->position);
    if (result == 0 && (result = write_member(journal)) != 0)
        (void)cut_back(journal); // or at the next call
    if (result != 0) {
        journal->draft = before;
        journal->member.size = size;
        journal->member.failed = false;
    }
    return result;
}

int journal_commit(struct journal *journal, struct problem *problem)
{
    if (journal->poisoned)
        return problem_set(problem, -EIO, "%s failed before", journal->path);
    if (journal->text.size == 0 && !journal->draft.begun)
        return 0;
    int result = still_there(journal);
    if (result != 0)
        return poison(journal, problem, "the log has been removed:", result);
    if (journal->uncut)
        result = cut_back(journal);
    if (result == 0)
        result = write_all(journal);
    if (result != 0 && may_pass(result))
        return problem_set(problem, result, "cannot write %s: %s",
                           journal->path, strerrordesc_np(-result));
    if (result != 0)
        return poison(journal, problem, "cannot write", result);
    const int64_t before_us = clock_monotonic_us();
    if (fdatasync(journal->fd) != 0)
        return poison(journal, problem, "cannot sync", -errno);
    journal->syncs.us += (uint64_t)(clock_monotonic_us() - before_us);
    journal->syncs.count++;
    journal->position += journal->member.size;
    forget(&journal->text);
    forget(&journal->member);
    journal->draft = (struct member_draft){0};
    return 0;
}

struct journal_syncs journal_syncs(const struct journal *journal)
{
    return journal->syncs;
}

uint64_t journal_position(const struct journal *journal)
{
    return journal->position;
}

static int replay_member(struct recovery *reading, uint64_t *at,
                         struct problem *problem)
{
    struct member member;
    enum member_fault fault;
    int result = logfile_read(&reading->file, *at, &member, &fault);
    if (result == 0 && fault != MEMBER_WHOLE)
        result = -EBADMSG;
    if (result == 0)
        result = recovery_apply(reading);
    if (result == 0)
        *at += member.size;
    else if (result == -EBADMSG)
        problem_exit(problem, EXIT_DAMAGED, result,
                     "%s has no whole member at byte %" PRIu64, reading->path,
                     *at);
    return result;
}

int journal_replay(struct journal *journal, uint64_t *at, size_t bytes_max,
                   journal_apply *apply, void *argument,
                   struct problem *problem)
{
    const uint64_t from = *at;
    if (from > journal->position)
        return -EINVAL;
    struct recovery reading = {
        .file = {.fd = journal->fd, .size = journal->position},
        .dir_fd = journal->dir_fd,
        .path = journal->path,
        .apply = apply,
        .argument = argument};
    int result = 0;
    while (result == 0 && *at < journal->position && *at - from < bytes_max)
        result = replay_member(&reading, at, problem);
    logfile_clear(&reading.file);
    buffer_free(&reading.scratch);
    return result;
}
