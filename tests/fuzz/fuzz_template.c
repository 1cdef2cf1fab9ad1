/* fuzz_template - any texts as a command, its values and options
 * covers: common/template/[a-z]*.c common/wire/command.c
 */
#include "common/template/template.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { TEXTS_MAX = 12 };

// Byte 0 picks the options, byte 1 how many texts are the command; then texts
// to the next NUL each: command, values, one name.
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2 || size > 4096)
        return 0;
    char *copy = calloc(size, 1);
    if (!copy)
        return 0;
    memcpy(copy, data + 2, size - 2);
    const char *texts[TEXTS_MAX];
    size_t count = 0;
    for (size_t at = 0; at < size - 1 && count < TEXTS_MAX;
         at += strlen(copy + at) + 1)
        texts[count++] = copy + at;

    const size_t words = data[1] % count + 1;
    const char *const name = texts[count - 1];
    const struct template_options options = {
        .append = data[0] & 1,
        .shell = data[0] & 2,
        .lines = data[0] & 4,
        .input = data[0] & 8,
        .names = data[0] & 16 ? &name : NULL,
        .name_count = 1,
        .stdout_path = data[0] & 32 ? name : NULL,
    };
    struct problem problem = {0};
    struct template *template =
        template_create(texts, words, &options, &problem);
    assert(!template == (problem.code != 0));
    struct wire_pair values[TEXTS_MAX];
    for (size_t i = 0; i < count; i++)
        values[i] = (struct wire_pair){span_of_text(i % 2 ? name : ""),
                                       span_of_text(texts[i])};
    const struct template_task task = {
        .task = 1,
        .values = values,
        .value_count = count,
        .whole = data[0] & 64 ? span_of_text(name) : (struct span){0},
        .input = {data, size}};
    struct buffer out = {0}, text = {0};
    struct wire_command command;
    if (template && template_expand(template, &task, &out, &problem) == 0) {
        assert(wire_get_command(buffer_span(&out), &command));
        command_text(&command, data[1], &text);
    }
    buffer_free(&out);
    buffer_free(&text);
    template_destroy(&template);
    free(copy);
    return 0;
}
