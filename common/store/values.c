#include "common/store/values.h"

bool values_next(struct wire_list *list, struct wire_pair *pair)
{
    if (list->count == 0)
        return false;
    list->count--;
    pair->name = read_span16(&list->reader);
    pair->value = read_span32(&list->reader);
    return !list->reader.failed;
}

bool values_open(struct span encoded, struct wire_list *list)
{
    *list = (struct wire_list){.reader = reader_over(encoded)};
    if (encoded.size == 0)
        return true;
    list->count = read_u16(&list->reader);
    struct wire_list walk = *list;
    struct wire_pair pair;
    while (values_next(&walk, &pair)) {
    }
    return reader_done(&walk.reader);
}

size_t values_begin(struct buffer *out)
{
    const size_t begun = out->size;
    put_u16(out, 0);
    return begun;
}

void values_add(struct buffer *out, struct span name, struct span value)
{
    put_span16(out, name);
    put_span32(out, value);
}

void values_end(struct buffer *out, size_t begun, uint32_t count)
{
    if (out->failed)
        return;
    out->at[begun] = (uint8_t)count;
    out->at[begun + 1] = (uint8_t)(count >> 8);
}
