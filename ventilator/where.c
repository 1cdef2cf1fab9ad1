#include "ventilator/where.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { DEPTH_MAX = 32 };

struct operand {
    bool is_text;
    double number;
    struct span text;
};

struct reading {
    const char *at;
    const struct wire_pair *values;
    size_t value_count;
    unsigned depth;
    const char *wrong; // NULL: good so far
};

static struct operand read_level(struct reading *reading, size_t level);

static const uint8_t *digits_end(const uint8_t *at, const uint8_t *end)
{
    while (at < end && *at >= '0' && *at <= '9')
        at++;
    return at;
}

// JSON's grammar: no leading zeros, digits on both sides of a point.
static bool is_number(struct span text)
{
    const uint8_t *at = text.at, *const end = text.at + text.size;
    at += at < end && *at == '-';
    const uint8_t *to = digits_end(at, end);
    bool good = to > at && (*at != '0' || to == at + 1);
    if (good && to < end && *to == '.') {
        at = to + 1;
        to = digits_end(at, end);
        good = to > at;
    }
    if (good && to < end && (*to | 0x20) == 'e') {
        at = to + 1;
        at += at < end && (*at == '+' || *at == '-');
        to = digits_end(at, end);
        good = to > at;
    }
    return good && to == end;
}

bool where_number(struct span text, double *number)
{
    char copy[64];
    if (text.size == 0 || text.size >= sizeof copy || !is_number(text))
        return false;
    memcpy(copy, text.at, text.size);
    copy[text.size] = '\0';
    *number = strtod(copy, NULL);
    return isfinite(*number);
}

static struct operand wrong(struct reading *reading, const char *why)
{
    if (!reading->wrong)
        reading->wrong = why;
    return (struct operand){0};
}

static struct operand of_number(double number)
{
    return (struct operand){.number = number};
}

static bool is_true(struct reading *reading, struct operand operand)
{
    if (operand.is_text)
        wrong(reading, "a text is neither true nor false");
    return operand.number != 0;
}

// -- Signs, from the weakest to the strongest -----------------------------

enum sign {
    OR,
    AND,
    EQUAL,
    UNEQUAL,
    AT_MOST,
    AT_LEAST,
    LESS,
    MORE,
    PLUS,
    MINUS,
    TIMES,
    OVER,
    MODULO,
    SIGNS
};

// Of two that begin alike the longer stands first.
static const struct {
    char text[4];
    unsigned level;
} TABLE[SIGNS] = {
    [OR] = {"||", 0},      [AND] = {"&&", 1},     [EQUAL] = {"==", 2},
    [UNEQUAL] = {"!=", 2}, [AT_MOST] = {"<=", 2}, [AT_LEAST] = {">=", 2},
    [LESS] = {"<", 2},     [MORE] = {">", 2},     [PLUS] = {"+", 3},
    [MINUS] = {"-", 3},    [TIMES] = {"*", 4},    [OVER] = {"/", 4},
    [MODULO] = {"%", 4},
};
enum { COMPARISONS = 2, PRODUCTS = 4, LEVELS };

static int order_of(struct span left, struct span right)
{
    const size_t least = left.size < right.size ? left.size : right.size;
    const int order = least > 0 ? memcmp(left.at, right.at, least) : 0;
    return order != 0 ? order
                      : (left.size > right.size) - (left.size < right.size);
}

static struct operand compare(struct reading *reading, enum sign sign,
                              struct operand left, struct operand right)
{
    if (left.is_text != right.is_text) {
        if (sign != EQUAL && sign != UNEQUAL)
            return wrong(reading, "a text and a number are in no order");
        return of_number(sign == UNEQUAL);
    }
    const int order = left.is_text ? order_of(left.text, right.text)
                                   : (left.number > right.number) -
                                         (left.number < right.number);
    const bool holds[SIGNS] = {[EQUAL] = order == 0,
                               [UNEQUAL] = order != 0,
                               [AT_MOST] = order <= 0,
                               [AT_LEAST] = order >= 0,
                               [LESS] = order<0, [MORE] = order> 0};
    return of_number(holds[sign]);
}

static struct operand calculate(struct reading *reading, enum sign sign,
                                struct operand left, struct operand right)
{
    if (left.is_text || right.is_text)
        return wrong(reading, "it calculates with a text");
    const double a = left.number, b = right.number;
    if (TABLE[sign].level == PRODUCTS && sign != TIMES && b == 0)
        return wrong(reading, "it divides by 0");
    const double results[SIGNS] = {[PLUS] = a + b,
                                   [MINUS] = a - b,
                                   [TIMES] = a * b,
                                   [OVER] = b == 0 ? 0 : a / b,
                                   [MODULO] = b == 0 ? 0 : fmod(a, b)};
    return of_number(results[sign]);
}

static struct operand apply(struct reading *reading, enum sign sign,
                            struct operand left, struct operand right)
{
    if (sign == OR || sign == AND) {
        const bool a = is_true(reading, left), b = is_true(reading, right);
        return of_number(sign == OR ? a || b : a && b);
    }
    return TABLE[sign].level == COMPARISONS
               ? compare(reading, sign, left, right)
               : calculate(reading, sign, left, right);
}

static void skip_blanks(struct reading *reading)
{
    while (isspace((unsigned char)*reading->at))
        reading->at++;
}

static bool takes_sign(struct reading *reading, size_t level, enum sign *sign)
{
    skip_blanks(reading);
    for (unsigned i = 0; i < SIGNS; i++) {
        const size_t size = strlen(TABLE[i].text);
        if (strncmp(reading->at, TABLE[i].text, size) != 0)
            continue;
        if (TABLE[i].level != level)
            return false;
        reading->at += size;
        *sign = (enum sign)i;
        return true;
    }
    return false;
}

// -- What stands between signs --------------------------------------------

static struct operand read_name(struct reading *reading)
{
    size_t size = 0;
    while (isalnum((unsigned char)reading->at[size]) ||
           reading->at[size] == '_')
        size++;
    const struct span name = {(const uint8_t *)reading->at, size};
    reading->at += size;
    for (size_t i = 0; i < reading->value_count; i++) {
        struct operand operand = {.text = reading->values[i].value};
        if (!span_equal(reading->values[i].name, name))
            continue;
        operand.is_text = !where_number(operand.text, &operand.number);
        return operand;
    }
    return wrong(reading, "it names what is no value of the task");
}

static struct operand read_text(struct reading *reading)
{
    const char *end = strchr(++reading->at, '\'');
    if (!end)
        return wrong(reading, "a quote is never closed");
    const struct operand operand = {
        .is_text = true,
        .text = {(const uint8_t *)reading->at, (size_t)(end - reading->at)}};
    reading->at = end + 1;
    return operand;
}

static struct operand read_digits(struct reading *reading)
{
    char *end = NULL;
    const bool digit = isdigit((unsigned char)*reading->at);
    const struct operand operand =
        of_number(digit ? strtod(reading->at, &end) : 0);
    if (!digit)
        return wrong(reading, "a name, a number or a text in single quotes is "
                              "missing");
    reading->at = end;
    return operand;
}

static struct operand read_group(struct reading *reading)
{
    reading->at++;
    const struct operand operand = read_level(reading, 0);
    skip_blanks(reading);
    if (*reading->at != ')')
        return wrong(reading, "a parenthesis is never closed");
    reading->at++;
    return operand;
}

static struct operand read_one(struct reading *reading)
{
    skip_blanks(reading);
    const char first = *reading->at;
    if (first == '(')
        return read_group(reading);
    if (first == '\'')
        return read_text(reading);
    if (first == '!') {
        reading->at++;
        return of_number(!is_true(reading, read_level(reading, LEVELS)));
    }
    if (first == '-') {
        reading->at++;
        return calculate(reading, MINUS, of_number(0),
                         read_level(reading, LEVELS));
    }
    if (isalpha((unsigned char)first) || first == '_')
        return read_name(reading);
    return read_digits(reading);
}

static struct operand read_level(struct reading *reading, size_t level)
{
    if (reading->depth > DEPTH_MAX * LEVELS)
        return wrong(reading, "it is nested too deeply");
    if (level == LEVELS && reading->wrong)
        return (struct operand){0};
    reading->depth++;
    struct operand left =
        level == LEVELS ? read_one(reading) : read_level(reading, level + 1);
    enum sign sign;
    while (level < LEVELS && !reading->wrong &&
           takes_sign(reading, level, &sign))
        left = apply(reading, sign, left, read_level(reading, level + 1));
    reading->depth--;
    return left;
}

int where_holds(const char *condition, const struct wire_pair *values,
                size_t value_count, bool *holds, struct problem *problem)
{
    struct reading reading = {
        .at = condition, .values = values, .value_count = value_count};
    *holds = is_true(&reading, read_level(&reading, 0));
    skip_blanks(&reading);
    if (!reading.wrong && *reading.at != '\0')
        wrong(&reading, "what follows is not understood");
    if (!reading.wrong)
        return 0;
    return problem_exit(problem, EXIT_USAGE, -EINVAL,
                        "--where '%.200s': %s (before '%.40s')", condition,
                        reading.wrong, reading.at);
}
