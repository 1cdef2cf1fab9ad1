/* fuzz_flags - command lines of each program, split at NUL bytes
 * covers: common/setting/flags.c common/setting/parse.c
 * covers: common/setting/convert.c common/setting/setting.c
 *
 * What is taken is written as YAML and read back to the same.
 */
#include "tests/fuzz/settings.h"

#include <stdlib.h>
#include <string.h>

enum { WORDS_MAX = 24 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t programs = 0;
    while (settings_program(programs) != 0)
        programs++;
    if (size < 1)
        return 0;
    const unsigned program = settings_program(data[0] % programs);
    char *words[WORDS_MAX + 2] = {(char[]){"fan"}};
    char *text = calloc(size, 1);
    int count = 1;
    if (!text)
        return 0;
    memcpy(text, data + 1, size - 1);
    for (size_t at = 0; at + 1 < size && count < WORDS_MAX;
         at += strlen(text + at) + 1)
        words[count++] = text + at;
    struct settings settings;
    struct problem problem = {0};
    enum settings_parsed parsed;
    settings_init(&settings);
    const int error = settings_read_flags(&settings, program, count, words,
                                          &parsed, &problem);
    assert((error == 0) == (problem.code == 0));
    if (!error)
        (void)read_back(&settings, program);
    settings_clear(&settings);
    free(text);
    return 0;
}
