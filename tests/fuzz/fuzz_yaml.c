/* fuzz_yaml - any bytes as a run file and as a plan
 * covers: common/setting/yaml_read.c common/setting/yaml_write.c
 */
#include "common/setting/internal.h"

#include <assert.h>
#include <stdint.h>

// What was read is written and read again: both must be the same.
static void read_back(const struct settings *settings, unsigned program)
{
    struct settings again;
    struct buffer first = {0}, second = {0};
    struct problem problem = {0};
    settings_init(&again);
    settings_write_yaml(settings, program, &first);
    const int error = setting_read_yaml_text(&again, program, "first",
                                             buffer_span(&first), &problem);
    assert(error == 0);
    settings_write_yaml(&again, program, &second);
    assert(span_equal(buffer_span(&first), buffer_span(&second)));
    buffer_free(&first);
    buffer_free(&second);
    settings_clear(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const unsigned PROGRAMS[] = {FOR_RUN, IN_PLAN};
    for (size_t i = 0; i < 2; i++) {
        struct settings settings;
        struct problem problem = {0};
        settings_init(&settings);
        const int error =
            setting_read_yaml_text(&settings, PROGRAMS[i], "input",
                                   (struct span){data, size}, &problem);
        assert((error == 0) == (problem.code == 0));
        if (!error)
            read_back(&settings, PROGRAMS[i]);
        settings_clear(&settings);
    }
    return 0;
}
