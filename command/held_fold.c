/* held_fold - lines that differ in numbers and places only become the same */
#include "command/held.h"

#include <string.h>

enum { LINE_MAX_SIZE = 160, LOOK_MAX = 4096, HEX_MIN = 8 };

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static bool is_hex(uint8_t c)
{
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool is_word(uint8_t c)
{
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           c == '_' || c >= 0x80;
}

static bool is_path(uint8_t c)
{
    return is_word(c) || strchr("/.-+~@%{}=", c) != NULL;
}

static struct span last_line(struct span text)
{
    size_t end = text.size;
    while (end > 0 && text.at[end - 1] <= ' ')
        end--;
    size_t begin = end;
    while (begin > 0 && text.at[begin - 1] != '\n' &&
           text.at[begin - 1] != '\r')
        begin--;
    while (begin < end && text.at[begin] <= ' ')
        begin++;
    // Every place of it may be looked at from every other.
    return (struct span){text.at + begin,
                         end - begin < LOOK_MAX ? end - begin : LOOK_MAX};
}

// How far a path goes that begins here: /a/b, ./a, ../a, ~/a, a/b; 0: none.
static size_t path_size(struct span line, size_t at)
{
    size_t size = 0;
    bool slash = false;
    while (at + size < line.size && line.at[at + size] != '\0' &&
           is_path(line.at[at + size])) {
        slash = slash || line.at[at + size] == '/';
        size++;
    }
    while (size > 0 && line.at[at + size - 1] == '.') // of the sentence
        size--;
    return slash && size > 1 ? size : 0;
}

static size_t run_of(struct span line, size_t at, bool (*of)(uint8_t c))
{
    size_t size = 0;
    while (at + size < line.size && of(line.at[at + size]))
        size++;
    return size;
}

// A number: digits, with a point or an exponent, 0x1f, or a long hex word.
static size_t number_size(struct span line, size_t at)
{
    if (line.size - at > 2 && line.at[at] == '0' && line.at[at + 1] == 'x' &&
        is_hex(line.at[at + 2]))
        return 2 + run_of(line, at + 2, is_hex);
    const size_t word = run_of(line, at, is_word);
    const size_t hex = run_of(line, at, is_hex);
    const size_t digits = run_of(line, at, is_digit);
    size_t figures = 0;
    for (size_t i = 0; i < hex; i++)
        figures += is_digit(line.at[at + i]);
    if (hex == word && hex >= HEX_MIN && figures > 0)
        return hex;
    if (digits == 0)
        return 0;
    size_t size = digits;
    if (at + size + 1 < line.size && line.at[at + size] == '.' &&
        is_digit(line.at[at + size + 1]))
        size += 1 + run_of(line, at + size + 1, is_digit);
    if (at + size + 2 < line.size && line.at[at + size] == 'e' &&
        (line.at[at + size + 1] == '-' || line.at[at + size + 1] == '+') &&
        is_digit(line.at[at + size + 2]))
        size += 2 + run_of(line, at + size + 2, is_digit);
    return size;
}

void held_fold(struct span text, struct buffer *out)
{
    const struct span line = last_line(text);
    const size_t start = out->size;
    for (size_t at = 0; at < line.size && out->size - start < LINE_MAX_SIZE;) {
        const bool begins = at == 0 || !is_word(line.at[at - 1]);
        const size_t path = begins ? path_size(line, at) : 0;
        const size_t number = path ? 0 : number_size(line, at);
        if (path) {
            buffer_append_text(out, "/...");
            at += path;
        } else if (number) {
            put_u8(out, '#');
            at += number;
        } else {
            const uint8_t c = line.at[at++];
            put_u8(out, c < ' ' || c == 0x7f ? '?' : c);
        }
    }
}
