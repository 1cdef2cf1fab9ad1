/* fuzz_flat - what the scanner of flat objects takes is what jansson makes
 * covers: ventilator/source_flat.c
 */
#include "ventilator/source_parts.h"

#include <assert.h>
#include <stdlib.h>

static void same_spans(struct span left, struct span right)
{
    assert(left.at && right.at && span_equal(left, right));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct source flat = {.ordinal = 1}, tree = {.ordinal = 1};
    struct problem problem = {0};
    // Of its own size, so that a byte read beyond it is seen.
    uint8_t *copy = malloc(size ? size : 1);
    assert(copy);
    if (size > 0)
        memcpy(copy, data, size);
    const struct span line = {copy, size};
    if (source_flat(&flat, line)) {
        assert(source_tree(&tree, line, 0, &problem) == SOURCE_TASK);
        assert(flat.value_count == tree.value_count);
        for (size_t i = 0; i < flat.value_count; i++) {
            same_spans(flat.values[i].name, tree.values[i].name);
            same_spans(flat.values[i].value, tree.values[i].value);
        }
    } else {
        assert(flat.value_count == 0);
    }
    free(flat.values);
    free(tree.values);
    buffer_free(&flat.scratch);
    buffer_free(&tree.scratch);
    free(copy);
    return 0;
}
