/* decisions - what a person has decided on a run that has stopped */
#include "sink/decisions.h"

#include "common/base/bytes.h"
#include "common/template/edit.h"
#include "sink/convert.h"
#include "sink/journal.h"
#include "sink/ledger.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct decisions {
    struct journal *journal;
    struct ledger *ledger;
    struct problem *problem;
    struct buffer scratch, text;
    uint64_t stored;
};

static int apply(void *argument, const struct record *record)
{
    return ledger_apply(argument, record);
}

static int commit(struct decisions *decisions)
{
    return journal_commit(decisions->journal, decisions->problem);
}

static int store(struct decisions *decisions, const struct record *record)
{
    int error = journal_append(decisions->journal, record);
    if (error == -EFBIG) {
        error = commit(decisions);
        if (error == 0)
            error = journal_append(decisions->journal, record);
    }
    if (error == 0)
        error = ledger_apply(decisions->ledger, record);
    decisions->stored += error == 0;
    return error == 0 || decisions->problem->code != 0
               ? error
               : problem_set(decisions->problem, error,
                             "cannot store a decision: %s", strerror(-error));
}

// As the ventilator would have sent it, so that it is judged the same way.
static struct wire_record wire_of(struct decisions *decisions,
                                  const struct record *said)
{
    struct buffer *text = &decisions->text;
    buffer_clear(text);
    buffer_append(text, said->user.at, said->user.size);
    put_u8(text, '\n');
    if (said->note.size > 0)
        buffer_append(text, said->note.at, said->note.size);
    if (said->edit.size > 0) {
        put_u8(text, '\n');
        buffer_append(text, said->edit.at, said->edit.size);
    }
    return (struct wire_record){
        .kind = said->final ? RECORD_FINAL : RECORD_DECISION,
        .status = (uint8_t)said->status,
        .flags = RECORD_PERSON,
        .task = said->task,
        .round = ledger_round(decisions->ledger, said->task),
        .a = (uint64_t)said->start_us,
        .b = said->mem_max,
        .text = buffer_span(text)};
}

static bool is_line(struct span text)
{
    return text.size == 0 || !memchr(text.at, '\n', text.size);
}

static bool is_decision(const struct record *said)
{
    const bool again =
        said->event == EVENT_DECISION && said->status == STATUS_REOPENED;
    const bool ends =
        said->event == EVENT_NONE && said->final &&
        (said->status == STATUS_IGNORED || said->status == STATUS_DROPPED);
    return (again || (ends && said->mem_max == 0 && said->edit.size == 0)) &&
           said->user.size > 0 && said->start_us >= 0 &&
           said->edit.size <= EDIT_MAX && is_line(said->user) &&
           is_line(said->note);
}

static int take_line(struct decisions *decisions, struct span line)
{
    struct record said;
    const int error = record_read(line, &decisions->scratch, &said);
    if (error == -EBADMSG || (error == 0 && !is_decision(&said)))
        return problem_set(decisions->problem, -EBADMSG,
                           "a line is no decision: %.*s", (int)line.size,
                           (const char *)line.at);
    if (error != 0)
        return problem_set(decisions->problem, error, "out of memory");
    if (!ledger_is_held(decisions->ledger, said.task))
        return 0; // somebody else was faster
    const struct wire_record wire = wire_of(decisions, &said);
    if (decisions->text.failed)
        return problem_set(decisions->problem, -ENOMEM, "out of memory");
    if (!ledger_stores(ledger_record(decisions->ledger, &wire)))
        return 0;
    struct record made =
        record_of_wire(&wire, ledger_generation(decisions->ledger));
    ledger_fill_final(decisions->ledger, &made);
    return store(decisions, &made);
}

static int take_all(struct decisions *decisions, FILE *from)
{
    char *line = NULL;
    size_t room = 0;
    int error = 0;
    ssize_t size;
    while (error == 0 && (size = getline(&line, &room, from)) > 0) {
        size -= line[size - 1] == '\n';
        error =
            take_line(decisions, (struct span){(uint8_t *)line, (size_t)size});
    }
    free(line);
    if (error == 0 && ferror(from))
        error =
            problem_set(decisions->problem, -EIO, "cannot read the decisions");
    return error;
}

static int open_log(struct decisions *decisions, const char *dir)
{
    decisions->ledger = ledger_create();
    if (!decisions->ledger)
        return problem_set(decisions->problem, -ENOMEM, "out of memory");
    decisions->journal =
        journal_open(dir, apply, decisions->ledger, decisions->problem);
    return decisions->journal ? 0 : decisions->problem->code;
}

enum exit_code decisions_store(const char *dir, const char *path,
                               struct problem *problem)
{
    struct decisions decisions = {.problem = problem};
    FILE *const from = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
    int error = from ? open_log(&decisions, dir)
                     : problem_set(problem, -errno, "cannot read %s: %s", path,
                                   strerror(errno));
    if (error == 0)
        error = take_all(&decisions, from);
    if (error == 0)
        error = commit(&decisions);
    if (decisions.journal)
        journal_close(&decisions.journal);
    if (decisions.ledger)
        ledger_destroy(&decisions.ledger);
    if (from && from != stdin)
        fclose(from);
    buffer_free(&decisions.scratch);
    buffer_free(&decisions.text);
    if (error == 0)
        printf("%" PRIu64 "\n", decisions.stored);
    return error == 0 ? EXIT_OK : problem->exit ? problem->exit : EXIT_ERROR;
}
