/* settings - what was read is written as YAML and read again: the same */
#ifndef TESTS_FUZZ_SETTINGS_H
#define TESTS_FUZZ_SETTINGS_H

#include "common/setting/internal.h"

#include <assert.h>

/* False when it cannot be read again: texts that are no UTF-8 are no YAML. */
static inline bool read_back(const struct settings *settings, unsigned program)
{
    struct settings again;
    struct buffer first = {0}, second = {0};
    struct problem problem = {0};
    settings_init(&again);
    settings_write_yaml(settings, program, &first);
    const int error = setting_read_yaml_text(&again, program, "first",
                                             buffer_span(&first), &problem);
    if (!error) {
        settings_write_yaml(&again, program, &second);
        assert(span_equal(buffer_span(&first), buffer_span(&second)));
    }
    buffer_free(&first);
    buffer_free(&second);
    settings_clear(&again);
    return !error;
}

#endif
