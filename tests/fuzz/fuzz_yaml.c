/* fuzz_yaml - any bytes as a run file and as a plan
 * covers: common/setting/yaml_read.c common/setting/yaml_write.c
 * covers: common/setting/yaml_stages.c
 */
#include "common/setting/stages.h"
#include "tests/fuzz/settings.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// Each stage comes once, behind all that it is after.
static void check_order(const struct stages *stages)
{
    bool placed[STAGES_MAX] = {false};
    for (size_t i = 0; i < stages->count; i++) {
        const struct stage *const stage = &stages->at[stages->order[i]];
        assert(!placed[stages->order[i]]);
        for (size_t j = 0; j < stage->after.count; j++) {
            bool found = false;
            for (size_t k = 0; k < stages->count; k++)
                found = found || (placed[k] && strcmp(stages->at[k].name,
                                                      stage->after.at[j]) == 0);
            assert(found);
        }
        placed[stages->order[i]] = true;
    }
}

static void read_stages(struct span text)
{
    struct stages stages;
    struct settings whole;
    struct problem problem = {0};
    settings_init(&whole);
    const int error =
        stages_read_text(&stages, &whole, "input", text, &problem);
    assert((error == 0) == (problem.code == 0));
    if (!error)
        check_order(&stages);
    stages_clear(&stages);
    settings_clear(&whole);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    read_stages((struct span){data, size});
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
