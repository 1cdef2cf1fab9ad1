#include "tests/memory/starve.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct {
    unsigned long left; // 0: none fails
    bool onward, struck;
    char once[4096]; // made when the first fails
} starve;

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *at, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *at, size_t size);
void *__wrap_reallocarray(void *at, size_t count, size_t size);
char *__wrap_strdup(const char *text);
char *__wrap_strndup(const char *text, size_t size);
int __wrap_asprintf(char **text, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

void starve_at(unsigned long number, bool onward)
{
    starve.left = number;
    starve.onward = onward;
    starve.struck = false;
}

void starve_stop(void)
{
    starve.left = 0;
    starve.onward = false;
}

bool starve_struck(void)
{
    return starve.struck;
}

void starve_json(void)
{
    json_set_alloc_funcs(__wrap_malloc, free);
}

// True once for the process, or for good, or for all processes the first time.
static bool fails(void)
{
    if (starve.struck && starve.onward)
        return true;
    if (starve.left == 0 || --starve.left > 0)
        return false;
    if (starve.once[0]) {
        const int fd = open(starve.once, O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (fd < 0)
            return false;
        close(fd);
    }
    starve.struck = true;
    return true;
}

static void *none(void)
{
    errno = ENOMEM;
    return NULL;
}

void *__wrap_malloc(size_t size)
{
    return fails() ? none() : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails() ? none() : __real_calloc(count, size);
}

void *__wrap_realloc(void *at, size_t size)
{
    return fails() ? none() : __real_realloc(at, size);
}

void *__wrap_reallocarray(void *at, size_t count, size_t size)
{
    size_t all;
    if (__builtin_mul_overflow(count, size, &all) || fails())
        return none();
    return __real_realloc(at, all);
}

char *__wrap_strdup(const char *text)
{
    return __wrap_strndup(text, SIZE_MAX);
}

char *__wrap_strndup(const char *text, size_t size)
{
    const size_t used = strnlen(text, size);
    char *copy = __wrap_malloc(used + 1);
    if (!copy)
        return NULL;
    memcpy(copy, text, used);
    copy[used] = '\0';
    return copy;
}

int __wrap_asprintf(char **text, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    const int size = fails() ? -1 : vasprintf(text, format, arguments);
    va_end(arguments);
    return size;
}

__attribute__((constructor)) static void from_environment(void)
{
    char program[32], more[2] = "";
    unsigned long number;
    const char *const text = getenv("STARVE");
    int used = 0;
    if (!text || sscanf(text, "%31[^:]:%lu%n", program, &number, &used) != 2)
        return;
    if (text[used] == '+')
        more[0] = text[used++];
    if (strcmp(program, program_invocation_short_name) != 0)
        return;
    snprintf(starve.once, sizeof starve.once, "%s", text + used + 1);
    starve_json();
    starve_at(number, more[0] == '+');
}
