#include "command/question.h"
#include "command/row.h"
#include "command/rundir.h"
#include "command/verb.h"
#include "common/store/logread.h"
#include "common/store/text.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// `fan hosts`: where a run is at work, and how it fared there.

enum { PROGRAM = FOR_HOSTS, HOSTS_MAX = 4096, NAME_MAX_SIZE = 256 };

struct host {
    char name[NAME_MAX_SIZE];
    size_t size;
    // as the log has it: workers that have come, attempts
    uint64_t joined, passed, failed;
    uint64_t busy_us;
    // as the ventilator has it
    json_int_t workers, slots, running;
    double barred_s;
};

struct hosts {
    char dir[RUNDIR_PATH_SIZE];
    struct host *at;
    size_t count, last;
    bool live, more, damaged; // more: than are told apart
};

static bool is_named(const struct host *host, struct span name)
{
    return host->size == name.size &&
           (name.size == 0 || memcmp(host->name, name.at, name.size) == 0);
}

// NULL where there is no room for another.
static struct host *meet(struct hosts *hosts, struct span name)
{
    if (name.size > NAME_MAX_SIZE)
        name.size = NAME_MAX_SIZE;
    if (hosts->last < hosts->count && is_named(&hosts->at[hosts->last], name))
        return &hosts->at[hosts->last];
    for (size_t i = 0; i < hosts->count; i++)
        if (is_named(&hosts->at[i], name)) {
            hosts->last = i;
            return &hosts->at[i];
        }
    hosts->more = hosts->more || hosts->count == HOSTS_MAX;
    if (hosts->count == HOSTS_MAX)
        return NULL;
    struct host *const host = &hosts->at[hosts->count++];
    host->size = name.size;
    if (name.size > 0)
        memcpy(host->name, name.at, name.size);
    return host;
}

static void take(struct hosts *hosts, const struct record *record)
{
    const bool attempt =
        record->event == EVENT_NONE && record_of_worker(record);
    if (!attempt && record->event != EVENT_JOINED)
        return;
    struct host *const host = meet(hosts, record->host);
    if (!host)
        return;
    host->joined += record->event == EVENT_JOINED;
    host->passed += attempt && record->class == CLASS_NONE;
    host->failed += attempt && record->class != CLASS_NONE;
    host->busy_us += attempt ? record->wall_us : 0;
}

static int read_log(struct hosts *hosts, struct problem *problem)
{
    struct logread *log = logread_open(hosts->dir, 0, problem);
    struct record record;
    if (!log)
        return problem->code;
    enum logread_result result;
    while ((result = logread_next(log, &record, NULL, problem)) ==
           LOGREAD_RECORD)
        take(hosts, &record);
    hosts->damaged = result == LOGREAD_DAMAGED;
    logread_close(&log);
    return result == LOGREAD_ERROR ? problem->code : 0;
}

static void take_live(struct hosts *hosts, const json_t *told)
{
    const json_t *const name = json_object_get(told, "host");
    const struct span text = {(const uint8_t *)json_string_value(name),
                              json_string_length(name)};
    struct host *const host = meet(hosts, text);
    if (!host)
        return;
    host->workers = json_integer_value(json_object_get(told, "workers"));
    host->slots = json_integer_value(json_object_get(told, "slots"));
    host->running = json_integer_value(json_object_get(told, "running"));
    host->barred_s = json_number_value(json_object_get(told, "quarantined_s"));
}

static int ask_live(struct hosts *hosts, struct problem *problem)
{
    struct ask *ask = NULL;
    const int error = question_ask(hosts->dir, NULL, &ask, problem);
    if (error == 0) {
        const struct span json = ask_json(ask);
        json_t *const root =
            json_loadb((const char *)json.at, json.size, 0, NULL);
        size_t i;
        const json_t *told;
        hosts->live = true;
        json_array_foreach(json_object_get(root, "hosts"), i, told)
            take_live(hosts, told);
        json_decref(root);
    }
    question_close(&ask);
    return error == -ENOENT ? 0 : error;
}

static void put_name(struct buffer *out, struct span name)
{
    if (!text_put_quoted(out, name))
        text_put_base64(out, name);
}

static void put_json(const struct hosts *hosts, struct buffer *out)
{
    buffer_append_text(out, "{\"v\":1,\"dir\":");
    put_name(out, span_of_text(hosts->dir));
    buffer_printf(out, ",\"live\":%s,\"hosts\":[",
                  hosts->live ? "true" : "false");
    for (size_t i = 0; i < hosts->count; i++) {
        const struct host *const host = &hosts->at[i];
        buffer_append_text(out, i > 0 ? ",{\"host\":" : "{\"host\":");
        put_name(out, (struct span){(const uint8_t *)host->name, host->size});
        buffer_printf(out,
                      ",\"workers\":%lld,\"slots\":%lld,\"running\":%lld"
                      ",\"joined\":%" PRIu64 ",\"passed\":%" PRIu64
                      ",\"failed\":%" PRIu64 ",\"busy_s\":%.6f",
                      (long long)host->workers, (long long)host->slots,
                      (long long)host->running, host->joined, host->passed,
                      host->failed, (double)host->busy_us / 1e6);
        if (host->barred_s > 0)
            buffer_printf(out, ",\"quarantined_s\":%.3f", host->barred_s);
        put_u8(out, '}');
    }
    buffer_printf(out, "],\"more_hosts\":%s}\n",
                  hosts->more ? "true" : "false");
}

static void put_table(const struct hosts *hosts, struct buffer *out)
{
    buffer_printf(out, "%7s %7s %7s %7s %9s %9s %11s  %s\n", "WORKERS", "SLOTS",
                  "RUNNING", "JOINED", "PASSED", "FAILED", "BUSY S", "HOST");
    for (size_t i = 0; i < hosts->count; i++) {
        const struct host *const host = &hosts->at[i];
        buffer_printf(out,
                      "%7lld %7lld %7lld %7" PRIu64 " %9" PRIu64 " %9" PRIu64
                      " %11.1f  ",
                      (long long)host->workers, (long long)host->slots,
                      (long long)host->running, host->joined, host->passed,
                      host->failed, (double)host->busy_us / 1e6);
        row_put_plain(out,
                      (struct span){(const uint8_t *)host->name, host->size});
        if (host->barred_s > 0)
            buffer_printf(out, ", quarantined for %.0f s more", host->barred_s);
        put_u8(out, '\n');
    }
    if (hosts->more)
        buffer_printf(out, "and more than these %d\n", HOSTS_MAX);
}

static int print(const struct hosts *hosts, bool json, struct problem *problem)
{
    struct buffer out = {0};
    if (json)
        put_json(hosts, &out);
    else
        put_table(hosts, &out);
    int error = out.failed ? -ENOMEM : 0;
    if (!error && (fwrite(out.at, 1, out.size, stdout) != out.size ||
                   fflush(stdout) != 0))
        error = -errno;
    buffer_free(&out);
    return error ? problem_set(problem, error, "cannot write: %s",
                               strerrordesc_np(-error))
                 : 0;
}

static int show(struct hosts *hosts, const struct settings *settings,
                struct problem *problem)
{
    int error = rundir_find(settings, hosts->dir, problem);
    if (error == 0)
        error = rundir_check(hosts->dir, problem);
    if (error == 0)
        error = ask_live(hosts, problem);
    if (error == 0)
        error = read_log(hosts, problem);
    if (error == 0)
        error = print(hosts, settings->json, problem);
    if (error == 0 && hosts->damaged)
        error = problem_exit(problem, EXIT_DAMAGED, -EBADMSG,
                             "the log of %s is damaged: only what stands "
                             "before was read; see fan verify",
                             hosts->dir);
    return error;
}

int verb_hosts(int argc, char **argv)
{
    struct settings settings;
    struct problem problem = {0};
    struct hosts hosts = {0};
    int exit = verb_open(&settings, PROGRAM, argc, argv);
    if (exit == VERB_GO) {
        hosts.at = calloc(HOSTS_MAX, sizeof *hosts.at);
        if (!hosts.at)
            problem_set(&problem, -ENOMEM, "out of memory");
        exit = hosts.at && show(&hosts, &settings, &problem) == 0
                   ? EXIT_OK
                   : verb_fail(PROGRAM, &problem);
    }
    free(hosts.at);
    settings_clear(&settings);
    return exit;
}
