/* chaos_recover - opens the log in each directory named on standard input as
 * the sink does, and says what came of it: "POSITION FAULTS RECORDS", or
 * "error: TEXT"; with --look it is only verified, and not opened */
#include "common/store/verify.h"
#include "sink/journal.h"
#include "sink/ledger.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static int apply(void *argument, const struct record *record)
{
    return ledger_apply(argument, record);
}

static void ignore(void *argument, const struct verify_fault *fault)
{
    (void)argument;
    (void)fault;
}

static void look(const char *dir)
{
    struct problem problem = {0};
    struct verify_summary summary = {0};
    if (verify_log(dir, ignore, NULL, &summary, &problem) != 0)
        printf("error: %s\n", problem.text);
    else
        printf("0 %" PRIu64 " %" PRIu64 "\n", summary.faults, summary.records);
}

static void recover(const char *dir)
{
    struct problem problem = {0};
    struct verify_summary summary = {0};
    struct ledger *ledger = ledger_create();
    struct journal *journal =
        ledger ? journal_open(dir, apply, ledger, &problem) : NULL;
    if (!journal || verify_log(dir, ignore, NULL, &summary, &problem) != 0)
        printf("error: %s\n", problem.text);
    else
        printf("%" PRIu64 " %" PRIu64 " %" PRIu64 "\n",
               journal_position(journal), summary.faults, summary.records);
    journal_close(&journal);
    ledger_destroy(&ledger);
}

int main(int argc, char **argv)
{
    const bool looks = argc > 1 && strcmp(argv[1], "--look") == 0;
    char line[4096];
    while (fgets(line, sizeof line, stdin)) {
        line[strcspn(line, "\n")] = '\0';
        (looks ? look : recover)(line);
        fflush(stdout);
    }
    return 0;
}
