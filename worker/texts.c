#include "worker/texts.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void texts_begin(struct texts_out *texts)
{
    texts->count++;
}

void texts_put(struct texts_out *texts, const void *data, size_t size)
{
    if (size > 0)
        buffer_append(&texts->bytes, data, strnlen(data, size));
}

void texts_printf(struct texts_out *texts, const char *format, ...)
{
    char text[256];
    va_list arguments;
    va_start(arguments, format);
    const int size = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (size > 0 && (size_t)size < sizeof text)
        buffer_append(&texts->bytes, text, (size_t)size);
}

void texts_end(struct texts_out *texts)
{
    put_u8(&texts->bytes, 0);
}

char **texts_array(const struct texts_out *texts, char *const *before)
{
    if (texts->bytes.failed)
        return NULL;
    size_t count = 0;
    while (before && before[count])
        count++;
    char **array = calloc(count + texts->count + 1, sizeof *array);
    if (!array)
        return NULL;
    if (count > 0)
        memcpy(array, before, count * sizeof *array);
    char *text = (char *)texts->bytes.at;
    const char *const end = text + texts->bytes.size;
    for (size_t i = 0; i < texts->count && text < end; i++) {
        array[count + i] = text;
        text += strlen(text) + 1;
    }
    return array;
}

void texts_clear(struct texts_out *texts)
{
    buffer_free(&texts->bytes);
    texts->count = 0;
}
