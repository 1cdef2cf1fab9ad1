#include "command/printer.h"

#include "command/joblog.h"
#include "common/base/files.h"
#include "common/store/logread.h"
#include "common/store/values.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    FLUSH_SIZE = 256 << 10,
    KEEP_SIZE = 4 << 20, // larger buffers are given back
    RECORDS_A_TURN = 4096,
    NOTES_MAX = 20,
    PLACE_SIZE = 64, // of DIR/printed: three numbers, padded
};

struct printer {
    const struct settings *settings;
    struct logread *log;
    struct follow *follow;
    struct joblog *joblog;
    int place_fd;
    uint64_t told_from; // members that end at or before it were told of: by
                        // lines in the job log, and notes
    struct buffer out, err, tag;
    struct buffer note; // told last
    unsigned notes;     // told, and not told any more
    bool closed;        // standard output is gone
    bool on_terminal[STDERR_FILENO + 1];
    bool in_line; // the terminal's cursor stands in one that was printed
    void (*clear)(void *context);
    void *context;
    printer_record *take; // NULL: nobody else wants records
    void *taker;
};

static void append_tagged(struct buffer *to, struct span tag, struct span text)
{
    while (text.size > 0) {
        const uint8_t *const end = memchr(text.at, '\n', text.size);
        const size_t size = end ? (size_t)(end - text.at) : text.size;
        buffer_append(to, tag.at, tag.size);
        put_u8(to, '\t');
        buffer_append(to, text.at, size);
        put_u8(to, '\n');
        text.at += end ? size + 1 : size;
        text.size -= end ? size + 1 : size;
    }
}

static void make_tag(struct buffer *tag, struct span values)
{
    struct wire_list list;
    struct wire_pair pair;
    buffer_clear(tag);
    if (!values_open(values, &list))
        return;
    while (values_next(&list, &pair)) {
        if (tag->size > 0)
            put_u8(tag, ' ');
        buffer_append(tag, pair.value.at, pair.value.size);
    }
}

static void print(void *context, const struct follow_output *output)
{
    struct printer *const printer = context;
    if (printer->settings->line_buffer)
        return; // the workers have printed it
    if (!printer->settings->tag) {
        buffer_append(&printer->out, output->out.at, output->out.size);
        buffer_append(&printer->err, output->err.at, output->err.size);
        return;
    }
    make_tag(&printer->tag, output->values);
    const struct span tag = buffer_span(&printer->tag);
    append_tagged(&printer->out, tag, output->out);
    append_tagged(&printer->err, tag, output->err);
}

static int open_place(struct printer *printer, const char *dir,
                      struct follow_place *place, struct problem *problem)
{
    char path[4200], text[PLACE_SIZE + 1] = "";
    snprintf(path, sizeof path, "%s/printed", dir);
    printer->place_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (printer->place_fd < 0)
        return problem_set(problem, -errno, "cannot write %s: %s", path,
                           strerror(errno));
    if (pread(printer->place_fd, text, PLACE_SIZE, 0) <= 0)
        return 0;
    char *at = text;
    place->offset = strtoull(at, &at, 10);
    place->next = strtoull(at, &at, 10);
    place->past = strtoull(at, &at, 10);
    return 0;
}

struct printer *printer_open(const struct settings *settings, const char *dir,
                             struct problem *problem)
{
    struct follow_place place = {0};
    struct printer *printer = calloc(1, sizeof *printer);
    if (!printer) {
        problem_set(problem, -ENOMEM, "out of memory");
        return NULL;
    }
    printer->settings = settings;
    printer->place_fd = -1;
    for (int fd = STDOUT_FILENO; fd <= STDERR_FILENO; fd++)
        printer->on_terminal[fd] = isatty(fd) == 1;
    if (open_place(printer, dir, &place, problem) == 0 &&
        (!settings->joblog ||
         (printer->joblog = joblog_open(settings, problem)))) {
        printer->told_from = place.offset;
        printer->follow =
            follow_create(settings->keep_order, &place, print, printer);
        if (printer->follow)
            printer->log = logread_open(dir, 0, problem);
        else
            problem_set(problem, -ENOMEM, "out of memory");
    }
    if (!printer->log)
        printer_close(&printer);
    else if (!printer->joblog) // which has a line for each
        logread_glance(printer->log);
    return printer;
}

void printer_close(struct printer **printer)
{
    struct printer *const gone = *printer;
    if (!gone)
        return;
    logread_close(&gone->log);
    follow_destroy(&gone->follow);
    joblog_close(&gone->joblog);
    if (gone->place_fd >= 0)
        close(gone->place_fd);
    buffer_free(&gone->out);
    buffer_free(&gone->err);
    buffer_free(&gone->tag);
    buffer_free(&gone->note);
    free(gone);
    *printer = NULL;
}

static int write_all(int fd, struct buffer *buffer)
{
    const int error =
        buffer->failed ? -ENOMEM : files_write(fd, buffer_span(buffer));
    if (buffer->capacity > KEEP_SIZE)
        buffer_free(buffer);
    else
        buffer_clear(buffer);
    return error;
}

static int write_place(struct printer *printer)
{
    char text[PLACE_SIZE + 1];
    const struct follow_place place = follow_place(printer->follow);
    memset(text, ' ', sizeof text);
    const int length =
        snprintf(text, sizeof text, "%" PRIu64 " %" PRIu64 " %" PRIu64,
                 place.offset, place.next, place.past);
    text[length] = ' ';
    text[PLACE_SIZE - 1] = '\n';
    return pwrite(printer->place_fd, text, PLACE_SIZE, 0) == PLACE_SIZE ? 0
                                                                        : -EIO;
}

static bool is_seen(const struct printer *printer)
{
    return (printer->out.size > 0 && printer->on_terminal[STDOUT_FILENO]) ||
           (printer->err.size > 0 && printer->on_terminal[STDERR_FILENO]);
}

static void note_line(struct printer *printer, int fd,
                      const struct buffer *text)
{
    if (text->size > 0 && printer->on_terminal[fd])
        printer->in_line = text->at[text->size - 1] != '\n';
}

static enum printer_result flush(struct printer *printer,
                                 struct problem *problem)
{
    int error = write_place(printer);
    if (error) {
        problem_set(problem, error,
                    "cannot note in the run directory what "
                    "was printed");
        return PRINTER_FAILED;
    }
    if (printer->joblog && (error = joblog_flush(printer->joblog))) {
        problem_set(problem, error, "cannot write the job log %s: %s",
                    printer->settings->joblog, strerror(-error));
        return PRINTER_FAILED;
    }
    if (printer->clear && is_seen(printer))
        printer->clear(printer->context);
    note_line(printer, STDOUT_FILENO, &printer->out);
    note_line(printer, STDERR_FILENO, &printer->err);
    if (printer->closed) {
        buffer_clear(&printer->out);
    } else if ((error = write_all(STDOUT_FILENO, &printer->out)) == -EPIPE) {
        printer->closed = true;
        return PRINTER_CLOSED;
    } else if (error) {
        printer->closed = true;
        problem_set(problem, error, "cannot write to standard output: %s",
                    strerror(-error));
        return PRINTER_FAILED;
    }
    write_all(STDERR_FILENO, &printer->err);
    return PRINTER_IDLE;
}

// What kept a task from running at all, or took its workers along, has left no
// word of its own on stderr. The same for task after task is told once, and
// what differs NOTES_MAX times. A note of a bad line names its task itself.
static void tell_note(struct printer *printer, const struct record *record)
{
    const struct span note = record->note;
    if (record->event != EVENT_NONE || note.size == 0 ||
        (record->status != STATUS_FAILED &&
         record->status != STATUS_QUARANTINED))
        return;
    if (printer->note.size == note.size &&
        memcmp(printer->note.at, note.at, note.size) == 0)
        return;
    buffer_clear(&printer->note);
    buffer_append(&printer->note, note.at, note.size);
    if (++printer->notes > NOTES_MAX)
        return;
    buffer_append_text(&printer->err, "fan run: ");
    if (record->attempt > 0)
        buffer_printf(&printer->err, "task %" PRIu64 ": ", record->task);
    for (size_t i = 0; i < note.size; i++)
        put_u8(&printer->err, note.at[i] < ' ' || note.at[i] == 0x7f
                                  ? (uint8_t)'?'
                                  : note.at[i]);
    put_u8(&printer->err, '\n');
    if (printer->notes == NOTES_MAX)
        buffer_append_text(&printer->err,
                           "fan run: more of this is in the results only\n");
}

static int take(struct printer *printer, const struct record *record,
                struct span line)
{
    const uint64_t end = logread_end(printer->log);
    const bool is_new = end > printer->told_from;
    const int error =
        printer->take ? printer->take(printer->taker, record, line, is_new) : 0;
    if (error)
        return error;
    if (is_new && printer->joblog)
        joblog_add(printer->joblog, record);
    if (is_new)
        tell_note(printer, record);
    return follow_record(printer->follow, record, end);
}

enum printer_result printer_turn(struct printer *printer,
                                 struct problem *problem)
{
    struct record record;
    struct span line = {0};
    for (int i = 0; i < RECORDS_A_TURN; i++) {
        switch (logread_next(printer->log, &record, &line, problem)) {
        case LOGREAD_RECORD:
            break;
        case LOGREAD_END:
            return i > 0 ? flush(printer, problem) : PRINTER_IDLE;
        case LOGREAD_DAMAGED:
            problem_exit(problem, EXIT_DAMAGED, -EBADMSG,
                         "the results log is damaged at byte %" PRIu64
                         "; 'fan verify' says what is missing",
                         logread_offset(printer->log));
            return PRINTER_FAILED;
        case LOGREAD_ERROR:
            return PRINTER_FAILED;
        }
        const int error = take(printer, &record, line);
        if (error) {
            problem_set(problem, error, "cannot put output aside: %s",
                        strerror(-error));
            return PRINTER_FAILED;
        }
        if (printer->out.size + printer->err.size > FLUSH_SIZE) {
            const enum printer_result result = flush(printer, problem);
            return result == PRINTER_IDLE ? PRINTER_MORE : result;
        }
    }
    const enum printer_result result = flush(printer, problem);
    return result == PRINTER_IDLE ? PRINTER_MORE : result;
}

enum printer_result printer_finish(struct printer *printer,
                                   struct problem *problem)
{
    const int error = follow_finish(printer->follow);
    if (error) {
        problem_set(problem, error, "cannot read output put aside: %s",
                    strerror(-error));
        return PRINTER_FAILED;
    }
    return flush(printer, problem);
}

void printer_counts(const struct printer *printer, struct follow_counts *counts)
{
    follow_counts(printer->follow, counts);
}

void printer_on_record(struct printer *printer, printer_record *record,
                       void *context)
{
    printer->take = record;
    printer->taker = context;
}

void printer_on_write(struct printer *printer, void (*clear)(void *),
                      void *context)
{
    printer->clear = clear;
    printer->context = context;
}

bool printer_left_line(struct printer *printer)
{
    const bool left = printer->in_line;
    printer->in_line = false;
    return left;
}
