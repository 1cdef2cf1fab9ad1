#include "common/base/nearest.h"

static uint8_t dashed(uint8_t letter)
{
    return letter == '_' ? '-' : letter;
}

static size_t least_of(size_t a, size_t b, size_t c)
{
    const size_t ab = a < b ? a : b;
    return ab < c ? ab : c;
}

// With one row of the matrix.
static size_t distance(struct span left, struct span right)
{
    size_t row[NEAREST_MAX + 1];
    for (size_t j = 0; j <= right.size; j++)
        row[j] = j;
    for (size_t i = 0; i < left.size; i++) {
        size_t corner = row[0];
        row[0] = i + 1;
        for (size_t j = 0; j < right.size; j++) {
            const size_t other = dashed(left.at[i]) != dashed(right.at[j]);
            const size_t above = row[j + 1];
            row[j + 1] = least_of(above + 1, row[j] + 1, corner + other);
            corner = above;
        }
    }
    return row[right.size];
}

void nearest_begin(struct nearest *nearest, struct span typed, size_t far)
{
    *nearest = (struct nearest){.typed = typed, .far = far};
}

size_t nearest_slip(struct span typed)
{
    return 2 + typed.size / 4;
}

void nearest_try(struct nearest *nearest, const char *word)
{
    const struct span text = span_of_text(word);
    if (nearest->typed.size > NEAREST_MAX || text.size > NEAREST_MAX)
        return;
    const size_t far = distance(nearest->typed, text);
    if (far >= nearest->far)
        return;
    nearest->far = far;
    nearest->word = word;
}
