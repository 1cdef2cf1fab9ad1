/* fuzz_wire - any bytes as a frame: opened, decoded, every list walked
 * covers: common/wire/[a-z]*.c common/base/bytes.c
 *
 * What a decoder accepts it must also be able to walk to the end; a sanitizer
 * watches. The sum keeps the reads from being optimised away.
 */
#include "common/wire/wire.h"
#include "tests/unit/wire_decode.h"

enum { FRAME_MAX = 1 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buffer scratch = {0};
    struct wire_header header;
    struct span body;
    volatile uint64_t seen = 0;
    uint64_t sum = 0;
    const struct span frame = {data, size};
    if (wire_open(frame, FRAME_MAX, &scratch, &header, &body) == WIRE_FINE)
        seen = decode_any(header.type, body, &sum);
    // The same bytes as a command, which stands inside TASKS.
    seen += walk_command(frame, &sum) + sum;
    (void)seen;
    buffer_free(&scratch);
    return 0;
}
