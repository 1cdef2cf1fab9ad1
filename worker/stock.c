#include "worker/stock.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { GPU_NAME_MAX = 128 };

static bool has_text(const struct texts *texts, const char *text)
{
    for (size_t i = 0; i < texts->count; i++)
        if (strcmp(texts->at[i], text) == 0)
            return true;
    return false;
}

static bool is_gpu_name(const char *name)
{
    for (const char *at = name; *at; at++)
        if (!isalnum((unsigned char)*at) && !strchr("-:./_", *at))
            return false;
    return *name != '\0';
}

int stock_read_gpus(const char *text, struct texts *gpus)
{
    char name[GPU_NAME_MAX];
    while (*text) {
        const size_t size = strcspn(text, ",");
        if (size >= sizeof name)
            return -EINVAL;
        memcpy(name, text, size);
        name[size] = '\0';
        if (!is_gpu_name(name) || has_text(gpus, name) ||
            gpus->count == STOCK_GPUS_MAX)
            return -EINVAL;
        const int error = texts_add(gpus, name);
        if (error)
            return error;
        text += size + (text[size] == ',');
    }
    return 0;
}

static int add_number(struct texts *gpus, unsigned number)
{
    char text[16];
    (void)snprintf(text, sizeof text, "%u", number);
    return texts_add(gpus, text);
}

// "nvidia3" is the device of GPU 3; "nvidiactl" of none.
static int find_devices(struct texts *gpus)
{
    static const char DEVICE[] = "nvidia";
    bool there[STOCK_GPUS_MAX] = {false};
    DIR *const folder = opendir("/dev");
    const struct dirent *entry;
    // NOLINTNEXTLINE(concurrency-mt-unsafe): a stream of our own
    while (folder && (entry = readdir(folder))) {
        uint64_t number;
        if (strncmp(entry->d_name, DEVICE, sizeof DEVICE - 1) == 0 &&
            parse_count(entry->d_name + sizeof DEVICE - 1, 0,
                        STOCK_GPUS_MAX - 1, &number) == 0)
            there[number] = true;
    }
    if (folder)
        closedir(folder);
    int error = 0;
    for (unsigned i = 0; i < STOCK_GPUS_MAX && error == 0; i++)
        if (there[i])
            error = add_number(gpus, i);
    return error;
}

// CUDA itself stops at the first that is none, such as -1 or NoDevFiles.
static int find_gpus(struct texts *gpus)
{
    // NOLINTNEXTLINE(concurrency-mt-unsafe): there is one thread
    const char *visible = getenv("CUDA_VISIBLE_DEVICES");
    if (!visible)
        return find_devices(gpus);
    if (!isdigit((unsigned char)visible[0]) &&
        strncmp(visible, "GPU-", 4) != 0 && strncmp(visible, "MIG-", 4) != 0)
        return 0;
    const int error = stock_read_gpus(visible, gpus);
    return error == -EINVAL ? 0 : error;
}

// As many as are said: the first of those that are found, or 0, 1, 2 and so on
// where there are not so many.
static int count_gpus(struct texts *gpus, uint64_t count)
{
    int error = find_gpus(gpus);
    if (error == 0 && gpus->count < count) {
        texts_free(gpus);
        for (unsigned i = 0; i < count && error == 0; i++)
            error = add_number(gpus, i);
    }
    while (gpus->count > count)
        free(gpus->at[--gpus->count]);
    return error;
}

static int open_gpus(struct stock *stock, const char *text,
                     struct problem *problem)
{
    uint64_t count = 0;
    int error;
    if (!text)
        error = find_gpus(&stock->gpus);
    else if (strspn(text, "0123456789") == strlen(text))
        error = parse_count(text, 0, STOCK_GPUS_MAX, &count) == 0
                    ? count_gpus(&stock->gpus, count)
                    : -EINVAL;
    else
        error = stock_read_gpus(text, &stock->gpus);
    stock->has.gpus = stock->gpus.count;
    if (error == -EINVAL)
        return problem_exit(problem, EXIT_USAGE, error,
                            "--gpus %.200s: give how many there are, such as "
                            "4, or which, each once, such as 0,2 or 3,",
                            text);
    return error == 0 ? 0 : problem_set(problem, error, "out of memory");
}

static int check_words(const struct settings *settings, struct problem *problem)
{
    struct span name, text;
    uint64_t amount;
    for (size_t i = 0; i < settings->own_resource.count; i++)
        if (!fit_read_amount(settings->own_resource.at[i], true, &name,
                             &amount))
            return problem_exit(problem, EXIT_USAGE, -EINVAL,
                                "--resource %.200s: give a name, =, and a "
                                "whole number, such as license=2",
                                settings->own_resource.at[i]);
    for (size_t i = 0; i < settings->label.count; i++)
        if (!fit_read_label(settings->label.at[i], &name, &text))
            return problem_exit(problem, EXIT_USAGE, -EINVAL,
                                "--label %.200s: give a name, = and a text, "
                                "such as site=x",
                                settings->label.at[i]);
    const char *twice = fit_twice((struct fit_words){
        settings->own_resource.at, settings->own_resource.count});
    if (twice)
        return problem_exit(problem, EXIT_USAGE, -EINVAL,
                            "--resource %.200s: this name is there twice",
                            twice);
    if (settings->own_resource.count > FIT_WORDS_MAX ||
        settings->label.count > FIT_WORDS_MAX)
        return problem_exit(problem, EXIT_USAGE, -EINVAL,
                            "more than %d of --resource or --label",
                            FIT_WORDS_MAX);
    return 0;
}

int stock_open(struct stock *stock, const struct settings *settings,
               struct problem *problem)
{
    *stock = (struct stock){
        .has = {
            .cpus = settings->own_cpus ? settings->own_cpus : cpus_usable(),
            .mem_bytes =
                settings->own_mem ? settings->own_mem : memory_usable(),
            .named = {settings->own_resource.at, settings->own_resource.count},
            .labels = {settings->label.at, settings->label.count}}};
    const int error = check_words(settings, problem);
    return error < 0 ? error : open_gpus(stock, settings->own_gpus, problem);
}

void stock_close(struct stock *stock)
{
    texts_free(&stock->gpus);
    *stock = (struct stock){0};
}

static size_t put_words(struct wire_pair *pairs, const char *name,
                        struct fit_words words)
{
    for (size_t i = 0; i < words.count; i++)
        pairs[i] =
            (struct wire_pair){span_of_text(name), span_of_text(words.at[i])};
    return words.count;
}

size_t stock_pairs(const struct stock *stock, struct buffer *text,
                   struct wire_pair pairs[STOCK_PAIRS_MAX])
{
    const struct {
        const char *name;
        uint64_t amount;
    } numbers[] = {{"cpus", stock->has.cpus},
                   {"mem", stock->has.mem_bytes},
                   {"gpus", stock->has.gpus}};
    enum { NUMBERS = sizeof numbers / sizeof numbers[0] };
    size_t from[NUMBERS + 1] = {0};
    for (size_t i = 0; i < NUMBERS; i++) {
        buffer_printf(text, "%" PRIu64, numbers[i].amount);
        from[i + 1] = text->size;
    }
    if (text->failed)
        return 0;
    for (size_t i = 0; i < NUMBERS; i++)
        pairs[i] =
            (struct wire_pair){span_of_text(numbers[i].name),
                               {text->at + from[i], from[i + 1] - from[i]}};
    size_t count = NUMBERS;
    count += put_words(pairs + count, "resource", stock->has.named);
    return count + put_words(pairs + count, "label", stock->has.labels);
}

int stock_deal(const struct stock *stock, uint32_t slots, uint64_t each,
               struct texts *dealt)
{
    size_t next = 0;
    int error = 0;
    for (uint32_t slot = 0; slot < slots && each > 0 && error == 0; slot++) {
        struct buffer text = {0};
        for (uint64_t i = 0; i < each && next < stock->gpus.count; i++)
            buffer_printf(&text, "%s%s", i > 0 ? "," : "",
                          stock->gpus.at[next++]);
        put_u8(&text, 0);
        error = text.failed ? -ENOMEM : texts_add(dealt, (const char *)text.at);
        buffer_free(&text);
    }
    return error;
}
