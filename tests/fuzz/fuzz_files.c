/* fuzz_files - the small files and answers that a process finds, as any bytes
 * covers: ventilator/resume.c:read_numbers,resume_number
 * covers: ventilator/source_reader.c:read_marker
 * covers: command/printer.c:open_place command/rundir.c:rundir_read
 * covers: command/ask.c:take,understand,number
 *
 * Their readers are private to the files that hold them; so these stand here.
 */
#define take take_answer
#include "command/ask.c" // NOLINT
#undef take
#define take take_printed
#include "command/printer.c" // NOLINT
#undef take
#define take take_source
#include "ventilator/source_reader.c" // NOLINT
#undef take
#include "ventilator/resume.c" // NOLINT

#include "command/rundir.h"
#include "tests/fuzz/folder.h"

#include <assert.h>

static void numbers(const char *dir, struct span text)
{
    struct problem problem = {0};
    struct resume resume = {.token = {{'t'}}};
    struct role role = {.problem = &problem, .resume = &resume};
    struct head head = {.token = resume.token};
    struct buffer file = {0};
    memcpy(head.magic, MAGIC, sizeof MAGIC);
    head.count = (text.size - sizeof head.count) / sizeof(uint64_t);
    role.dir = dir;
    // The right head, or the bytes as they are.
    if (text.at[0] & 1)
        buffer_append(&file, &head, sizeof head);
    if (text.at[0] & 2 && text.size >= 2 * sizeof head.count)
        buffer_append(&file, text.at + sizeof head.count,
                      text.size - sizeof head.count);
    else
        buffer_append(&file, text.at, text.size);
    folder_put(dir, "numbers", buffer_span(&file));
    const int found = read_numbers(&role);
    assert(found == 0 || found == 1);
    volatile uint64_t sum = 0;
    for (uint64_t i = 1; found == 1 && i <= resume.numbered + 2; i++)
        sum += resume_number(&role, i);
    (void)sum;
    if (resume.map)
        munmap(resume.map, resume.map_size);
    buffer_free(&file);
}

static void marker(const char *dir, struct span text)
{
    char path[128];
    struct problem problem = {0};
    folder_put(dir, "end", text);
    snprintf(path, sizeof path, "%s/end", dir);
    struct source_reader reader = {.end_path = path, .end = UINT64_MAX};
    const int known =
        read_marker(&reader, reader.end_path, &reader.end, &problem);
    assert((known < 0) == (problem.code != 0));
    assert(known == 1 || reader.end == UINT64_MAX);
    assert((known == 0) == (text.size == 0));
    for (size_t i = 0; known == 1 && i + 1 < text.size && i < 30; i++)
        assert(text.at[i] >= '0' && text.at[i] <= '9');
}

static void printed(const char *dir, struct span text)
{
    struct problem problem = {0};
    struct follow_place place = {0};
    struct printer printer = {0};
    folder_put(dir, "printed", text);
    const int error = open_place(&printer, dir, &place, &problem);
    assert(error == 0);
    close(printer.place_fd);
    struct follow *follow = follow_create(text.size % 2, &place, print, NULL);
    assert(follow);
    follow_destroy(&follow);
}

static void endpoint(const char *dir, struct span text)
{
    char read_back[20];
    folder_put(dir, "endpoint", text);
    memset(read_back, 'x', sizeof read_back);
    const int error = rundir_read(dir, "endpoint", read_back, sizeof read_back);
    assert(error == 0 && strlen(read_back) < sizeof read_back);
    assert(!strchr(read_back, '\n'));
}

// As a frame, and as the text of an answer.
static void answer(const char *dir, struct span text)
{
    (void)dir;
    const struct wire_header header = {.version = WIRE_VERSION,
                                       .type = WIRE_ANSWER};
    struct ask ask = {.id = 1};
    struct buffer frame = {0};
    take_answer(&ask, text);
    const struct wire_ask said = {1, text};
    wire_put_answer(&frame, &header, &said);
    const bool taken = take_answer(&ask, buffer_span(&frame));
    assert(!taken || span_equal(buffer_span(&ask.json), text));
    assert(memchr(ask.status.state, '\0', sizeof ask.status.state));
    buffer_free(&frame);
    buffer_free(&ask.scratch);
    buffer_free(&ask.json);
}

// Byte 0 picks the file.
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const READERS[])(const char *, struct span) = {
        numbers, marker, printed, endpoint, answer};
    const size_t count = sizeof READERS / sizeof READERS[0];
    if (size < 2)
        return 0;
    READERS[data[0] % count](folder_empty(), (struct span){data + 1, size - 1});
    return 0;
}
