/* fuzz_yaml - any bytes as a run file and as a plan
 * covers: common/setting/yaml_read.c common/setting/yaml_write.c
 */
#include "tests/fuzz/settings.h"

#include <stdint.h>

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
            assert(read_back(&settings, PROGRAMS[i]));
        settings_clear(&settings);
    }
    return 0;
}
