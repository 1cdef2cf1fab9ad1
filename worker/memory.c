#include "worker/memory.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LAST_WORDS = 4096 };

// What the C library, C++, Python, Java, R, Fortran, Go and others say.
static const char *const WORDS[] = {
    "cannot allocate memory", "memoryerror",        "bad_alloc",
    "out of memory",          "outofmemoryerror",   "cannot allocate vector",
    "memory exhausted",       "unable to allocate", "failed to allocate",
    "insufficient memory",    "not enough memory",  "failed to map segment",
};

static char small(char letter)
{
    if (letter >= 'A' && letter <= 'Z')
        return (char)(letter - 'A' + 'a');
    if (letter == '\0')
        return ' ';
    return letter;
}

static bool has_words(struct span err)
{
    char text[LAST_WORDS + 1];
    const size_t size = err.size < LAST_WORDS ? err.size : LAST_WORDS;
    for (size_t i = 0; i < size; i++) {
        text[i] = small((char)err.at[err.size - size + i]);
    }
    text[size] = '\0';
    for (size_t i = 0; i < sizeof WORDS / sizeof WORDS[0]; i++)
        if (strstr(text, WORDS[i]))
            return true;
    return false;
}

const char *memory_ran_out(const struct memory_end *end)
{
    if (end->signal == SIGKILL && end->kills_now > end->kills_before)
        return "killed by the kernel: the host ran out of memory";
    if (end->limit_bytes == UINT64_MAX)
        return NULL;
    const uint64_t near = end->limit_bytes - end->limit_bytes / 8;
    if ((end->peak_bytes >= near && end->peak_bytes > end->worker_bytes) ||
        has_words(end->err))
        return "it came to the memory that --mem-max gives";
    return NULL;
}

uint64_t memory_kills(void)
{
    static const char NAME[] = "\noom_kill ";
    char text[16 * 1024];
    const int fd = open("/proc/vmstat", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    size_t size = 0;
    ssize_t more;
    while ((more = read(fd, text + size, sizeof text - 1 - size)) > 0)
        size += (size_t)more;
    close(fd);
    text[size] = '\0';
    const char *at = strstr(text, NAME);
    return at ? strtoull(at + sizeof NAME - 1, NULL, 10) : 0;
}
