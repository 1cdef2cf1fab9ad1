#include "worker/isolated.h"

#include "worker/plugin_inside.h"
#include "worker/talk_plugin.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/uio.h>
#include <unistd.h>

enum {
    MEASURE_NS = 100 * 1000, // a task of this length is followed by a measured
    REFUSED_SIZE = 512,
    SAY_AT_ONCE = 32,
    CALL_KEEP = 1 << 20, // memory of a payload kept from task to task
};
static const int64_t SAY_APART_NS = 20 * 1000 * 1000;

// For the handler: what fan_cancelled reads, and whether a task can read it.
static atomic_bool *to_stop;
static atomic_bool busy;

static void on_term(int signal)
{
    (void)signal;
    if (!atomic_load(&busy))
        _exit(0); // it waits for a task, which is to go elsewhere
    atomic_store(to_stop, true);
}

static int listen_to_term(atomic_bool *over)
{
    struct sigaction action = {.sa_handler = on_term, .sa_flags = SA_RESTART};
    to_stop = over;
    return sigaction(SIGTERM, &action, NULL) < 0 ? -errno : 0;
}

// 1, or 0 where it ends before that, or -errno.
static int read_all(int fd, uint8_t *to, size_t size)
{
    size_t done = 0;
    while (done < size) {
        const ssize_t got = read(fd, to + done, size - done);
        if (got < 0 && errno != EINTR)
            return -errno;
        if (got == 0)
            return 0;
        done += got > 0 ? (size_t)got : 0;
    }
    return 1;
}

static int write_all(int fd, struct iovec *parts, int count)
{
    while (count > 0) {
        ssize_t put = writev(fd, parts, count);
        if (put < 0 && errno != EINTR)
            return -errno;
        for (; count > 0 && put >= (ssize_t)parts->iov_len; count--)
            put -= (ssize_t)parts++->iov_len;
        if (count > 0 && put > 0) {
            parts->iov_base = (uint8_t *)parts->iov_base + put;
            parts->iov_len -= (size_t)put;
        }
    }
    return 0;
}

static int greet(int out, const char *refused)
{
    struct buffer text = {0};
    call_put_greeting(&text, refused);
    struct iovec part = {text.at, text.size};
    const int code = text.failed ? -ENOMEM : write_all(out, &part, 1);
    buffer_free(&text);
    return code;
}

static int read_call(int in, struct buffer *payload, struct slot_task *task)
{
    uint8_t head[CALL_HEAD];
    struct call call;
    int code = read_all(in, head, sizeof head);
    if (code <= 0)
        return code;
    if (!call_get(head, &call))
        return -EBADMSG;
    if (payload->capacity > CALL_KEEP)
        buffer_free(payload);
    buffer_clear(payload);
    uint8_t *room = buffer_extend(payload, call.payload_size);
    if (!room)
        return -ENOMEM;
    *task = (struct slot_task){.task = call.task,
                               .failures = call.failures,
                               .key = call.key,
                               .payload = {room, call.payload_size}};
    return read_all(in, room, call.payload_size);
}

static uint64_t micros(struct timeval time)
{
    return (uint64_t)time.tv_sec * 1000000 + (uint64_t)time.tv_usec;
}

// To ask the kernel takes longer than a short task.
static void run(struct fan_task *task)
{
    struct plugin_seat *seat = task->seat;
    struct rusage before = {0}, after = {0};
    const bool measured = seat->measured;
    if (measured)
        (void)getrusage(RUSAGE_SELF, &before);
    const int64_t start_ns = plugin_clock_ns();
    task->code = seat->plugin->settings.code->run(task, seat->state);
    seat->measured = plugin_clock_ns() - start_ns >= MEASURE_NS;
    if (measured)
        (void)getrusage(RUSAGE_SELF, &after);
    task->user_us = micros(after.ru_utime) - micros(before.ru_utime);
    task->sys_us = micros(after.ru_stime) - micros(before.ru_stime);
}

// Fifty a second, and some at once; what is said oftener nobody could see. What
// it is for is nothing to fail by.
static void say(struct fan_task *task, double part, struct span text)
{
    struct plugin_seat *seat = task->seat;
    const int64_t now_ns = plugin_clock_ns();
    if (seat->said_ns < now_ns - SAY_AT_ONCE * SAY_APART_NS)
        seat->said_ns = now_ns - SAY_AT_ONCE * SAY_APART_NS;
    if (seat->said_ns + SAY_APART_NS > now_ns)
        return;
    seat->said_ns += SAY_APART_NS;
    const bool known = part >= 0 && part <= 1;
    const struct frame_result result = {
        .progress = true,
        .user_us =
            known ? (uint64_t)(part * PROGRESS_WHOLE) : PROGRESS_UNKNOWN};
    if (text.size > PROGRESS_TEXT_MAX + 4) // and what makes a cut be seen
        text.size = PROGRESS_TEXT_MAX + 4;
    struct buffer head = {0};
    call_put_result(&head, task->held->task, &result, 0, text.size);
    if (text.size > 0)
        buffer_append(&head, text.at, text.size);
    struct iovec all = {head.at, head.size};
    if (!head.failed)
        (void)write_all(seat->say_fd, &all, 1);
    buffer_free(&head);
}

static int answer(const struct fan_task *task, struct buffer *head, int out)
{
    const struct plugin_stream *text = &task->out, *err = &task->err;
    const bool whole = !text->bytes.failed && !err->bytes.failed;
    const size_t text_size = whole ? text->bytes.size : 0;
    const size_t err_size = whole ? err->bytes.size : 0;
    const struct frame_result result = {
        .exit = plugin_exit_code(task->code),
        .out_cut = text->cut,
        .err_cut = err->cut,
        .no_memory = task->no_memory || !whole,
        .user_us = task->user_us,
        .sys_us = task->sys_us,
    };
    buffer_clear(head);
    call_put_result(head, task->held->task, &result, err_size, text_size);
    if (head->failed)
        return -ENOMEM;
    struct iovec parts[] = {{head->at, head->size},
                            {err->bytes.at, err_size},
                            {text->bytes.at, text_size}};
    return write_all(out, parts, 3);
}

static int serve(struct plugin_seat *seat, int in, int out)
{
    struct buffer payload = {0}, head = {0};
    seat->say = say;
    seat->say_fd = out;
    struct slot_task held;
    int code = 1;
    while (code > 0 && !atomic_load(&seat->plugin->over)) {
        code = read_call(in, &payload, &held);
        if (code <= 0)
            break;
        atomic_store(&busy, true);
        if (plugin_task_begin(&seat->task, &held)) {
            run(&seat->task);
            const int written = answer(&seat->task, &head, out);
            code = written < 0 ? written : code;
        } else {
            code = -EBADMSG;
        }
        atomic_store(&busy, false);
    }
    buffer_free(&payload);
    buffer_free(&head);
    return code;
}

// A seat without a thread.
static struct plugin *make(const struct isolated_settings *settings,
                           const struct plugin_code *code)
{
    const size_t size =
        (sizeof(struct plugin) + sizeof(struct plugin_seat) + 63) & ~(size_t)63;
    struct plugin *plugin = aligned_alloc(64, size);
    if (!plugin)
        return NULL;
    memset(plugin, 0, size);
    plugin->settings = (struct plugin_settings){
        .code = code,
        .slots = 1,
        .seed = settings->seed,
        .output_max = settings->output_max,
    };
    plugin->seat[0].plugin = plugin;
    plugin->seat[0].slot = settings->slot;
    plugin->seat[0].task.seat = &plugin->seat[0];
    plugin->seat[0].measured = true;
    return plugin;
}

static int serve_with(const struct plugin_code *code, struct plugin *plugin,
                      int in, int out)
{
    struct plugin_seat *seat = &plugin->seat[0];
    char text[REFUSED_SIZE];
    const char *why = code->open ? code->open(seat->slot, &seat->state) : NULL;
    if (why) {
        (void)snprintf(text, sizeof text,
                       "the plugin cannot set up slot %u: %.400s", seat->slot,
                       why);
        return greet(out, text);
    }
    int result = listen_to_term(&plugin->over);
    if (result == 0)
        result = greet(out, NULL);
    if (result == 0)
        result = serve(seat, in, out);
    if (code->close)
        code->close(seat->slot, seat->state);
    return result;
}

int isolated_check(const char *plugin, struct problem *problem)
{
    struct plugin_code *code = plugin_load(plugin, problem);
    plugin_code_free(&code);
    return problem->code;
}

int isolated_serve(const struct isolated_settings *settings, int in, int out,
                   struct problem *problem)
{
    struct problem refused = {0};
    char name[16];
    (void)snprintf(name, sizeof name, "slot %u", settings->slot);
    (void)prctl(PR_SET_NAME, name);
    struct plugin_code *code = plugin_load(settings->plugin, &refused);
    if (!code)
        return greet(out, refused.text);
    struct plugin *plugin = make(settings, code);
    const int result = plugin ? serve_with(code, plugin, in, out) : -ENOMEM;
    if (plugin)
        plugin_task_clear(&plugin->seat[0].task);
    free(plugin);
    plugin_code_free(&code);
    return result < 0
               ? problem_set(problem, result, "%s", strerrordesc_np(-result))
               : 0;
}
