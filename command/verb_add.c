/* verb_add - fan add: tasks for a run that is open
 *
 * DIR/input.open says how much of DIR/input counts. More is written behind
 * that, synced, and then told by replacing DIR/input.open: what was not told
 * is nobody's, and the next one writes over it.
 */
#include "command/addition.h"
#include "command/run.h"
#include "command/verb.h"
#include "common/base/clock.h"
#include "common/base/files.h"
#include "common/setting/plan.h"
#include "common/store/text.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    PROGRAM = FOR_ADD,
    PATH_SIZE = RUNDIR_PATH_SIZE + 32,
    WAIT_MS = 10000,
    LOOK_MS = 20
};

struct add {
    char dir[RUNDIR_PATH_SIZE];
    struct settings plan;
    struct addition addition;
    int lock, input;
    uint64_t counts; // bytes of the input
};

/* -- the run --------------------------------------------------------------- */

static int read_plan(struct add *add, struct problem *problem)
{
    char path[PATH_SIZE];
    const int error = rundir_check(add->dir, problem);
    if (error != 0)
        return error;
    snprintf(path, sizeof path, "%s/" PLAN_FILE, add->dir);
    if (settings_read_yaml(&add->plan, IN_PLAN, path, problem) != 0)
        return problem->code;
    if (!add->plan.open)
        return problem_exit(problem, EXIT_USAGE, -EINVAL,
                            "%.512s takes no more tasks: that is for a run "
                            "that was started with --open",
                            add->dir);
    return 0;
}

// The first line of the input, as a file that is added may repeat it.
static int read_header(struct add *add, struct problem *problem)
{
    enum { HEADER_MAX = 64 << 10 };
    char path[PATH_SIZE];
    struct buffer *const header = &add->addition.header;
    if (!add->plan.header)
        return 0;
    snprintf(path, sizeof path, "%s/" RUN_INPUT_NAME, add->dir);
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    uint8_t *const room = buffer_extend(header, HEADER_MAX);
    const ssize_t got = fd >= 0 && room ? read(fd, room, HEADER_MAX) : -1;
    const int error = errno;
    if (fd >= 0)
        close(fd);
    if (got < 0)
        return problem_set(problem, -error, "cannot read %.512s: %s", path,
                           strerrordesc_np(error));
    size_t from = got >= 3 && memcmp(room, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    const uint8_t *const end =
        memchr(room, add->addition.separator, (size_t)got);
    size_t size = end ? (size_t)(end - room) : from; // none is there yet
    if (size > from && room[size - 1] == '\r')
        size--;
    memmove(room, room + from, size - from);
    header->size = size - from;
    return 0;
}

/* -- what is given --------------------------------------------------------- */

static int take_values(struct addition *addition, const struct texts *sources,
                       struct problem *problem)
{
    int error = 0;
    for (size_t i = 1; i < sources->count && error == 0; i++) {
        bool linked;
        if (plan_word(sources->at[i], &linked) != WORD_VALUE)
            return problem_exit(problem, EXIT_USAGE, -EINVAL,
                                "one list is added at a time; '%s' begins "
                                "another",
                                sources->at[i]);
        error = addition_value(addition, sources->at[i], problem);
    }
    return error;
}

static int take_file(struct addition *addition, const char *path,
                     struct problem *problem)
{
    const bool is_standard = strcmp(path, "-") == 0;
    if (is_standard && isatty(STDIN_FILENO))
        return problem_exit(problem, EXIT_USAGE, -EINVAL,
                            "there is nothing to add: standard input is a "
                            "terminal. Give tasks by ':::', -a or '< FILE'");
    const int fd =
        is_standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return problem_exit(problem, EXIT_USAGE, -errno,
                            "cannot read %.512s: %s", path,
                            strerrordesc_np(errno));
    const int error = addition_file(
        addition, fd, is_standard ? "standard input" : path, problem);
    if (!is_standard)
        close(fd);
    return error;
}

static int check(const struct settings *settings, struct problem *problem)
{
    const int inputs = (settings->sources.count > 0) +
                       (settings->arg_file != NULL) +
                       (settings->ndjson != NULL);
    if (settings->operands.count > 0)
        return problem_exit(problem, EXIT_USAGE, -EINVAL,
                            "what is '%s'? Values follow :::, a file -a, and "
                            "the run --run",
                            settings->operands.at[0]);
    if (inputs > 1)
        return problem_exit(problem, EXIT_USAGE, -EINVAL,
                            "give one of -a, --ndjson and :::");
    if (settings->sources.count > 0 &&
        strcmp(settings->sources.at[0], ":::") != 0)
        return problem_exit(problem, EXIT_USAGE, -EINVAL,
                            "'%s' is not for fan add: give values after :::, "
                            "and files by -a",
                            settings->sources.at[0]);
    return 0;
}

static int gather(struct add *add, const struct settings *settings,
                  struct problem *problem)
{
    struct addition *const addition = &add->addition;
    const char *const path =
        settings->arg_file ? settings->arg_file : settings->ndjson;
    addition->separator = add->plan.null_separated ? '\0' : '\n';
    addition->quotes = add->plan.header && !add->plan.colsep;
    addition->blank = add->plan.blank && !add->plan.ndjson;
    if (settings->ndjson && !add->plan.ndjson)
        return problem_exit(problem, EXIT_USAGE, -EINVAL,
                            "the tasks of this run are no objects: it was "
                            "started without --ndjson");
    if (addition_open(addition, problem) != 0)
        return problem->code;
    if (settings->sources.count > 0)
        return take_values(addition, &settings->sources, problem);
    if (!path && settings->close)
        return 0;
    if (read_header(add, problem) != 0)
        return problem->code;
    return take_file(addition, path ? path : "-", problem);
}

/* -- the input ------------------------------------------------------------- */

static int take_lock(struct add *add, struct problem *problem)
{
    const int64_t until_ms = clock_monotonic_ms() + WAIT_MS;
    while ((add->lock = files_lock(add->dir, "lock.add")) == -EAGAIN &&
           clock_monotonic_ms() < until_ms)
        poll(NULL, 0, LOOK_MS);
    if (add->lock >= 0)
        return 0;
    if (add->lock == -EAGAIN)
        return problem_set(problem, -EAGAIN,
                           "another fan add is at work in %.512s for long",
                           add->dir);
    return problem_set(problem, add->lock, "cannot use %.512s: %s", add->dir,
                       strerrordesc_np(-add->lock));
}

// A run that has just begun is still copying what it was given itself.
static int wait_until_open(const struct add *add, struct problem *problem)
{
    struct buffer quoted = {0};
    const int64_t until_ms = clock_monotonic_ms() + WAIT_MS;
    while (!rundir_has(add->dir, RUN_INPUT_OPEN) && rundir_is_live(add->dir) &&
           clock_monotonic_ms() < until_ms)
        poll(NULL, 0, LOOK_MS);
    if (rundir_has(add->dir, RUN_INPUT_OPEN))
        return 0;
    if (rundir_is_live(add->dir))
        return problem_set(problem, -EAGAIN,
                           "%.512s is still reading what it was given itself: "
                           "start it with '< /dev/null' where that never ends",
                           add->dir);
    problem_set(problem, -ENODATA,
                "%.512s was ended before it had read what it was given itself; "
                "go on with it:  fan run --resume --accept-partial --results "
                "%.512s",
                add->dir, verb_quoted(&quoted, add->dir));
    buffer_free(&quoted);
    return problem->code;
}

static int open_input(struct add *add, struct problem *problem)
{
    char text[32], path[PATH_SIZE];
    struct stat about;
    if (rundir_has(add->dir, RUN_INPUT_END))
        return problem_set(problem, -EPIPE,
                           "%.512s takes no more tasks: it was closed",
                           add->dir);
    const int error = rundir_read(add->dir, RUN_INPUT_OPEN, text, sizeof text);
    snprintf(path, sizeof path, "%s/" RUN_INPUT_NAME, add->dir);
    add->input = error == 0 ? open(path, O_WRONLY | O_CLOEXEC) : -1;
    if (add->input < 0)
        return problem_set(problem, error ? error : -errno,
                           "cannot write to %.512s: %s", path,
                           strerrordesc_np(error ? -error : errno));
    if (parse_count(text, 0, INT64_MAX, &add->counts) != 0 ||
        fstat(add->input, &about) != 0 || (uint64_t)about.st_size < add->counts)
        return problem_exit(problem, EXIT_DAMAGED, -EBADMSG,
                            "%.512s is shorter than " RUN_INPUT_OPEN " says",
                            path);
    // What was written and not told of is of one that was killed.
    if (ftruncate(add->input, (off_t)add->counts) != 0 ||
        lseek(add->input, 0, SEEK_END) < 0)
        return problem_set(problem, -errno, "cannot write to %.512s: %s", path,
                           strerrordesc_np(errno));
    return 0;
}

static int mark(const struct add *add, const char *name,
                struct problem *problem)
{
    char text[32];
    const int size = snprintf(text, sizeof text, "%" PRIu64 "\n", add->counts);
    const int error = files_replace(
        add->dir, name, (struct span){(const uint8_t *)text, (size_t)size});
    return error ? problem_set(problem, error, "cannot write %.512s/%s: %s",
                               add->dir, name, strerrordesc_np(-error))
                 : 0;
}

static int store(struct add *add, struct problem *problem)
{
    const int error = addition_copy(&add->addition, add->input);
    if (error != 0 || fdatasync(add->input) != 0)
        return problem_set(problem, error ? error : -errno,
                           "cannot write to the input of %.512s: %s; nothing "
                           "was added",
                           add->dir, strerrordesc_np(error ? -error : errno));
    const off_t end = lseek(add->input, 0, SEEK_END);
    if (end < 0)
        return problem_set(problem, -errno, "cannot write: %s",
                           strerrordesc_np(errno));
    add->counts = (uint64_t)end;
    return mark(add, RUN_INPUT_OPEN, problem);
}

static void tell_json(const struct add *add, bool close)
{
    struct buffer dir = {0};
    if (!text_put_quoted(&dir, span_of_text(add->dir)))
        text_put_base64(&dir, span_of_text(add->dir));
    printf("{\"v\":1,\"dir\":%.*s,\"added\":%" PRIu64
           ",\"closed\":%s,\"live\":%s}\n",
           (int)dir.size, (const char *)dir.at, add->addition.tasks,
           close ? "true" : "false",
           rundir_is_live(add->dir) ? "true" : "false");
    buffer_free(&dir);
}

static void tell(const struct add *add, bool close)
{
    struct buffer quoted = {0};
    const char *const dir = verb_quoted(&quoted, add->dir);
    const uint64_t tasks = add->addition.tasks;
    if (tasks > 0 || !close)
        printf("%" PRIu64 " %s added to %s\n", tasks,
               tasks == 1 ? "task" : "tasks", dir);
    if (close)
        printf("%s is closed\n", dir);
    if (!rundir_is_live(add->dir))
        printf("  go on with it:  fan run --resume --results %s\n", dir);
    buffer_free(&quoted);
}

static int add_all(struct add *add, const struct settings *settings,
                   struct problem *problem)
{
    int error = check(settings, problem);
    if (error == 0)
        error = rundir_find(settings, add->dir, problem);
    if (error == 0)
        error = read_plan(add, problem);
    if (error == 0)
        error = wait_until_open(add, problem);
    if (error == 0)
        error = gather(add, settings, problem);
    if (error == 0)
        error = take_lock(add, problem);
    if (error == 0)
        error = open_input(add, problem);
    if (error == 0 && add->addition.tasks > 0)
        error = store(add, problem);
    if (error == 0 && settings->close)
        error = mark(add, RUN_INPUT_END, problem);
    if (error == 0 && settings->json)
        tell_json(add, settings->close);
    else if (error == 0)
        tell(add, settings->close);
    if (error == 0 && fflush(stdout) != 0)
        error = problem_set(problem, -errno, "cannot write: %s",
                            strerrordesc_np(errno));
    return error;
}

int verb_add(int argc, char **argv)
{
    struct settings settings;
    struct problem problem = {0};
    struct add add = {.lock = -1, .input = -1};
    settings_init(&add.plan);
    int exit = verb_open(&settings, PROGRAM, argc, argv);
    if (exit == VERB_GO)
        exit = add_all(&add, &settings, &problem) == 0
                   ? EXIT_OK
                   : verb_fail(PROGRAM, &problem);
    addition_close(&add.addition);
    if (add.input >= 0)
        close(add.input);
    if (add.lock >= 0)
        close(add.lock);
    settings_clear(&add.plan);
    settings_clear(&settings);
    return exit;
}
