#include "common/template/template.h"

#include "common/template/parts.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
// Its state lives on the stack.
#define XXH_INLINE_ALL
#include <xxhash.h>

static struct id128 id_of(XXH128_hash_t hash)
{
    XXH128_canonical_t canonical;
    XXH128_canonicalFromHash(&canonical, hash);
    struct id128 id;
    static_assert(sizeof id.byte == sizeof canonical.digest, "128 bits");
    memcpy(id.byte, canonical.digest, sizeof id.byte);
    return id;
}

// The key's first part, the same for every task of the run.
static int hash_typed(struct template *template, const char *const *command,
                      size_t count)
{
    struct buffer bytes = {0};
    put_u8(&bytes, (uint8_t)(template->append | template->shell << 1 |
                             template->lines << 2 | template->input << 3));
    for (size_t i = 0; i < count; i++) {
        put_u64(&bytes, strlen(command[i]));
        buffer_append_text(&bytes, command[i]);
    }
    const int error = bytes.failed ? -ENOMEM : 0;
    if (error == 0)
        template->typed_hash = id_of(XXH3_128bits(bytes.at, bytes.size));
    buffer_free(&bytes);
    return error;
}

struct parsing {
    struct template *template;
    size_t used; // of template->typed
    const struct template_options *options;
    struct problem *problem;
};

static int parse_text(struct parsing *parsing, const char *text,
                      struct word *word)
{
    struct template *const template = parsing->template;
    const struct span kept = {template->typed + parsing->used, strlen(text)};
    memcpy(template->typed + parsing->used, text, kept.size);
    parsing->used += kept.size;
    return template_parse(template, kept, parsing->options, word,
                          parsing->problem);
}

static int parse_path(struct parsing *parsing, const char *path, bool *there,
                      struct word *word)
{
    const struct template *const template = parsing->template;
    *there = path != NULL;
    if (!path)
        return 0;
    if (*path == '\0')
        return problem_exit(parsing->problem, EXIT_USAGE, -EINVAL,
                            "a path for the output may not be empty");
    const int error = parse_text(parsing, path, word);
    for (size_t i = word->first; error == 0 && i < template->piece_count; i++)
        if (template->pieces[i].kind == PIECE_SLOT)
            return problem_exit(parsing->problem, EXIT_USAGE, -EINVAL,
                                "{%%} cannot be in the path %.200s: a slot is "
                                "known only when the task starts",
                                path);
    return error;
}

static int parse_command(struct parsing *parsing, const char *const *command,
                         size_t count)
{
    struct template *const template = parsing->template;
    for (size_t i = 0; i < count; i++) {
        const int error = parse_text(parsing, command[i], &template->words[i]);
        if (error != 0)
            return error;
    }
    template->word_count = count;
    template->same_args = !template->append && !template->lines;
    for (size_t i = 0; i < template->piece_count; i++) {
        const enum piece_kind kind = template->pieces[i].kind;
        if (kind == PIECE_WHOLE || kind == PIECE_COLUMN || kind == PIECE_NAME)
            template->has_values = true;
        if (kind == PIECE_WHOLE)
            template->key_whole = true;
        if (kind != PIECE_TEXT && kind != PIECE_SLOT)
            template->same_args = false;
    }
    return 0;
}

static int parse_all(struct template *template, const char *const *command,
                     size_t count, const struct template_options *options,
                     struct problem *problem)
{
    struct parsing parsing = {
        .template = template, .options = options, .problem = problem};
    int error = parse_command(&parsing, command, count);
    if (error == 0)
        error = parse_path(&parsing, options->stdout_path,
                           &template->has_stdout, &template->stdout_path);
    if (error == 0)
        error = parse_path(&parsing, options->stderr_path,
                           &template->has_stderr, &template->stderr_path);
    return error;
}

struct template *template_create(const char *const *command, size_t count,
                                 const struct template_options *options,
                                 struct problem *problem)
{
    if (options->lines)
        count = 0;
    else if (count == 0 || *command[0] == '\0') {
        problem_exit(problem, EXIT_USAGE, -EINVAL, "the command is empty");
        return NULL;
    } else if (count > WIRE_ARGS_MAX) {
        problem_exit(problem, EXIT_USAGE, -EINVAL,
                     "the command has more than %d arguments", WIRE_ARGS_MAX);
        return NULL;
    }
    size_t size = 1;
    for (size_t i = 0; i < count; i++)
        size += strlen(command[i]);
    size += options->stdout_path ? strlen(options->stdout_path) : 0;
    size += options->stderr_path ? strlen(options->stderr_path) : 0;

    struct template *template = calloc(1, sizeof *template);
    if (template) {
        template->append = options->append;
        template->shell = options->shell;
        template->lines = options->lines;
        template->input = options->input;
        template->called = options->called;
        template->key_whole = options->lines || options->input;
        template->typed = malloc(size);
        template->words = calloc(count + 1, sizeof *template->words);
    }
    if (!template || !template->typed || !template->words ||
        hash_typed(template, command, count) != 0) {
        problem_set(problem, -ENOMEM, "out of memory");
        template_destroy(&template);
        return NULL;
    }
    if (parse_all(template, command, count, options, problem) != 0)
        template_destroy(&template);
    else if (template->same_args)
        template_make_head(template);
    return template;
}

void template_destroy(struct template **template)
{
    if (!*template)
        return;
    free((*template)->typed);
    free((*template)->pieces);
    free((*template)->words);
    buffer_free(&(*template)->head);
    free(*template);
    *template = NULL;
}

/* What is hashed, gathered while it is little: most tasks' values are. */
struct hashing {
    bool streams; // `few` was too small
    size_t used;
    uint8_t few[512];
    XXH3_state_t *state; // not set up unless it streams
};

static void hash_stream(struct hashing *hashing, const void *bytes, size_t size)
{
    if (!hashing->streams)
        XXH3_128bits_reset(hashing->state);
    hashing->streams = true;
    XXH3_128bits_update(hashing->state, hashing->few, hashing->used);
    XXH3_128bits_update(hashing->state, bytes, size);
    hashing->used = 0;
}

static inline void hash_on(struct hashing *hashing, const void *bytes,
                           size_t size)
{
    if (size > sizeof hashing->few - hashing->used) {
        hash_stream(hashing, bytes, size);
    } else if (size > 0) {
        memcpy(hashing->few + hashing->used, bytes, size);
        hashing->used += size;
    }
}

static void hash_number(struct hashing *hashing, uint64_t number)
{
    uint8_t bytes[8];
    store_u64(bytes, number);
    hash_on(hashing, bytes, sizeof bytes);
}

static void hash_sized(struct hashing *hashing, struct span span)
{
    hash_number(hashing, span.size);
    hash_on(hashing, span.at, span.size);
}

struct id128 template_key(const struct template *template,
                          const struct wire_pair *values, size_t value_count,
                          struct span whole)
{
    // By itself: the address sanitizer of GCC 12 puts what is to lie at 64
    // bytes at 32, and then each use of a struct that holds it counts as a
    // fault.
    XXH3_state_t state;
    struct hashing hashing;
    hashing.state = &state;
    hashing.streams = false;
    hashing.used = 0;
    hash_on(&hashing, template->typed_hash.byte,
            sizeof template->typed_hash.byte);
    hash_number(&hashing, value_count);
    for (size_t i = 0; i < value_count; i++) {
        hash_sized(&hashing, values[i].name);
        hash_sized(&hashing, values[i].value);
    }
    if (value_count == 0 || template->key_whole)
        hash_sized(&hashing, whole);
    if (!hashing.streams)
        return id_of(XXH3_128bits(hashing.few, hashing.used));
    XXH3_128bits_update(&state, hashing.few, hashing.used);
    return id_of(XXH3_128bits_digest(&state));
}

uint64_t template_seed(uint64_t run_seed, uint64_t task)
{
    uint64_t mixed = run_seed + task * UINT64_C(0x9e3779b97f4a7c15);
    mixed = (mixed ^ mixed >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    mixed = (mixed ^ mixed >> 27) * UINT64_C(0x94d049bb133111eb);
    return mixed ^ mixed >> 31;
}
