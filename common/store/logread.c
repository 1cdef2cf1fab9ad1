#include "common/store/logread.h"

#include "common/base/files.h"
#include "common/store/logfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct logread {
    char *path;
    struct logfile file; // fd -1 until the log is there
    struct span left;    // records of the present member not yet given
    struct buffer scratch;
    uint64_t offset, end; // of the present member
    uint64_t searched;    // file size at the last look behind a bad member
    bool damaged, bad_end;
    bool glance;
};

static int open_log(struct logread *logread, struct problem *problem)
{
    if (logread->file.fd >= 0)
        return 0;
    const int fd = files_open(logread->path);
    logread->file.fd = fd < 0 ? -1 : fd;
    if (fd >= 0 || fd == -ENOENT)
        return 0;
    return problem_set(problem, fd, "cannot open %s: %s", logread->path,
                       strerrordesc_np(-fd));
}

struct logread *logread_open(const char *dir, uint64_t offset,
                             struct problem *problem)
{
    struct logread *logread = calloc(1, sizeof *logread);
    if (logread && asprintf(&logread->path, "%s/%s", dir, LOG_FILE_NAME) < 0)
        logread->path = NULL;
    if (!logread || !logread->path) {
        free(logread);
        problem_set(problem, -ENOMEM, "out of memory");
        return NULL;
    }
    logread->file.fd = -1;
    logread->offset = logread->end = offset;
    if (open_log(logread, problem) != 0)
        logread_close(&logread);
    return logread;
}

void logread_close(struct logread **logread)
{
    struct logread *self = *logread;
    *logread = NULL;
    if (!self)
        return;
    if (self->file.fd >= 0)
        close(self->file.fd);
    logfile_clear(&self->file);
    buffer_free(&self->scratch);
    free(self->path);
    free(self);
}

// The bad member is the last: is it unfinished, or was it written otherwise?
static int judge_end(struct logread *logread, enum member_fault fault)
{
    logread->bad_end = true;
    return fault == MEMBER_DAMAGED
               ? 0
               : logfile_lies(&logread->file, logread->end, &logread->bad_end);
}

// Tells whether the bad member at the end is damage. While it is written the
// next may follow before we look: so it is read once more then.
static int judge(struct logread *logread, struct member *member,
                 enum member_fault *fault)
{
    struct logfile *file = &logread->file;
    uint64_t behind;
    if (file->size == logread->searched)
        return -ENOENT;
    const int found = logfile_find(file, logread->end, &behind);
    if (found != 0) {
        if (found == -ENOENT)
            logread->searched = file->size;
        return found;
    }
    const int result = logfile_measure(file);
    return result != 0 ? result
                       : logfile_read(file, logread->end, member, fault);
}

static enum logread_result failed(const struct logread *logread, int code,
                                  struct problem *problem)
{
    problem_set(problem, code, "cannot read %s: %s", logread->path,
                strerrordesc_np(-code));
    return LOGREAD_ERROR;
}

static enum logread_result next_member(struct logread *logread,
                                       struct problem *problem)
{
    struct member member;
    enum member_fault fault;
    int result = open_log(logread, problem);
    if (result != 0)
        return LOGREAD_ERROR;
    if (logread->file.fd < 0)
        return LOGREAD_END;
    result = logfile_measure(&logread->file);
    if (result == 0 && logread->file.size <= logread->end)
        return LOGREAD_END;
    if (result == 0)
        result = logfile_read(&logread->file, logread->end, &member, &fault);
    if (result == 0 && fault != MEMBER_WHOLE) {
        result = judge(logread, &member, &fault);
        if (result == -ENOENT) {
            result = judge_end(logread, fault);
            if (result == 0)
                return LOGREAD_END;
        }
    }
    if (result != 0)
        return failed(logread, result, problem);
    logread->bad_end = false;
    logread->offset = logread->end;
    logread->damaged = fault != MEMBER_WHOLE;
    if (logread->damaged)
        return LOGREAD_DAMAGED;
    logread->end += member.size;
    logread->left = buffer_span(&logread->file.text);
    return LOGREAD_RECORD;
}

enum logread_result logread_next(struct logread *logread, struct record *record,
                                 struct span *line, struct problem *problem)
{
    struct span text;
    if (logread->damaged)
        return LOGREAD_DAMAGED;
    while (!logfile_line(&logread->left, &text)) {
        const enum logread_result result = next_member(logread, problem);
        if (result != LOGREAD_RECORD)
            return result;
    }
    const bool seen = logread->glance && record_glance(text, record);
    const int result = seen ? 0 : record_read(text, &logread->scratch, record);
    logread->damaged = result == -EBADMSG;
    if (logread->damaged)
        return LOGREAD_DAMAGED;
    if (result != 0)
        return failed(logread, result, problem);
    if (line)
        *line = text;
    return LOGREAD_RECORD;
}

void logread_glance(struct logread *logread)
{
    logread->glance = true;
}

uint64_t logread_offset(const struct logread *logread)
{
    return logread->offset;
}

uint64_t logread_end(const struct logread *logread)
{
    return logread->end;
}

bool logread_ends_badly(const struct logread *logread)
{
    return logread->bad_end;
}
