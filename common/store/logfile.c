#include "common/store/logfile.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void logfile_clear(struct logfile *file)
{
    buffer_free(&file->bytes);
    buffer_free(&file->text);
}

int logfile_measure(struct logfile *file)
{
    struct stat status;
    if (fstat(file->fd, &status) != 0)
        return -errno;
    file->size = (uint64_t)status.st_size;
    return 0;
}

int logfile_bytes(int fd, uint64_t offset, size_t size, struct buffer *bytes)
{
    buffer_clear(bytes);
    uint8_t *at = buffer_extend(bytes, size);
    if (!at)
        return -ENOMEM;
    size_t done = 0;
    while (done < size) {
        const ssize_t got =
            pread(fd, at + done, size - done, (off_t)(offset + done));
        if (got == 0)
            break;
        if (got < 0 && errno != EINTR)
            return -errno;
        if (got > 0)
            done += (size_t)got;
    }
    bytes->size = done;
    return 0;
}

static int read_any(struct logfile *file, uint64_t offset,
                    struct member *member, enum member_fault *fault)
{
    buffer_clear(&file->text);
    const uint64_t left = file->size - offset;
    const size_t head =
        left < MEMBER_HEADER_SIZE ? (size_t)left : MEMBER_HEADER_SIZE;
    int result = logfile_bytes(file->fd, offset, head, &file->bytes);
    if (result != 0)
        return result;
    *fault = member_peek(buffer_span(&file->bytes), member);
    if (*fault != MEMBER_WHOLE)
        return 0;
    if (member->size > left) {
        *fault = MEMBER_INCOMPLETE;
        return 0;
    }
    result =
        logfile_bytes(file->fd, offset, (size_t)member->size, &file->bytes);
    if (result != 0)
        return result;
    *fault = member_read(buffer_span(&file->bytes), member, &file->text);
    return file->text.failed ? -ENOMEM : 0;
}

int logfile_read(struct logfile *file, uint64_t offset, struct member *member,
                 enum member_fault *fault)
{
    const int result = read_any(file, offset, member, fault);
    if (result == 0 && *fault == MEMBER_WHOLE && member->durable > offset)
        *fault = MEMBER_DAMAGED; // what stood before it is gone
    return result;
}

// What is looked for: a whole member, or one that knew `bad` to be durable.
struct search {
    struct logfile *file;
    const uint64_t *bad; // NULL: any
};

static int fits(const struct search *search, uint64_t at)
{
    struct member member;
    enum member_fault fault;
    const int result = read_any(search->file, at, &member, &fault);
    if (result != 0)
        return result;
    return fault == MEMBER_WHOLE &&
           (!search->bad || member.durable > *search->bad);
}

// Looks at one chunk; 1 when found, with its offset.
static int find_in(const struct search *search, struct span chunk,
                   uint64_t base, uint64_t *found)
{
    static const uint8_t MAGIC[] = {0x1f, 0x8b, 8, 4, 0, 0, 0, 0, 0, 0xff};
    const uint8_t *at = chunk.at;
    const uint8_t *const end = chunk.at + chunk.size;
    while (at < end &&
           (at = memmem(at, (size_t)(end - at), MAGIC, sizeof MAGIC)) != NULL) {
        *found = base + (uint64_t)(at - chunk.at);
        const int result = fits(search, *found);
        if (result != 0)
            return result;
        at++;
    }
    return 0;
}

static int find(const struct search *search, uint64_t from, uint64_t *found)
{
    enum { CHUNK = 1 << 18, OVERLAP = 9 };
    struct logfile *file = search->file;
    struct buffer chunk = {0};
    int result = 0;
    for (uint64_t at = from; at < file->size && result == 0;
         at += CHUNK - OVERLAP) {
        result = logfile_bytes(file->fd, at, CHUNK, &chunk);
        if (result == 0)
            result = find_in(search, buffer_span(&chunk), at, found);
    }
    buffer_free(&chunk);
    if (result < 0)
        return result;
    return result == 1 ? 0 : -ENOENT;
}

int logfile_find(struct logfile *file, uint64_t bad, uint64_t *found)
{
    const struct search search = {.file = file, .bad = &bad};
    return find(&search, bad, found);
}

int logfile_next(struct logfile *file, uint64_t from, uint64_t *found)
{
    const struct search search = {.file = file};
    return find(&search, from, found);
}

int logfile_lies(struct logfile *file, uint64_t offset, bool *lies)
{
    enum { AT_SIZE = 16 };
    const uint64_t left = file->size - offset;
    struct member member;
    *lies = false;
    if (left <= MEMBER_HEADER_SIZE || left > MEMBER_TEXT_MAX)
        return 0;
    const int result =
        logfile_bytes(file->fd, offset, (size_t)left, &file->bytes);
    if (result != 0 || file->bytes.size < left)
        return result;
    for (unsigned i = 0; i < 8; i++)
        file->bytes.at[AT_SIZE + i] = (uint8_t)(left >> 8 * i);
    *lies = member_read(buffer_span(&file->bytes), &member, &file->text) ==
            MEMBER_WHOLE;
    return file->text.failed ? -ENOMEM : 0;
}

bool logfile_line(struct span *text, struct span *line)
{
    if (text->size == 0)
        return false;
    const uint8_t *end = memchr(text->at, '\n', text->size);
    const size_t size = end ? (size_t)(end - text->at) : text->size;
    *line = (struct span){text->at, size};
    const size_t used = end ? size + 1 : size;
    text->at += used;
    text->size -= used;
    return true;
}
