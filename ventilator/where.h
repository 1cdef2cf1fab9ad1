/* where - a condition on the values of a task
 *
 *   cores * threads <= 16 && model != 'coarse'
 *
 * Names of values, decimal numbers, texts in single quotes; * / % + - with the
 * usual order, == != < <= > >=, ! && ||, parentheses. A value that reads as a
 * number is one, any other is a text; two texts compare byte by byte, a text
 * and a number are never equal and in no order. Calculated in doubles; % is
 * fmod.
 *
 * Each call reads the condition anew: some hundred nanoseconds. Pure.
 */
#ifndef VENTILATOR_WHERE_H
#define VENTILATOR_WHERE_H

#include "common/base/problem.h"
#include "common/wire/wire.h"

#include <stdbool.h>

/* 0, or -EINVAL with a usage problem that quotes the condition: it cannot be
 * read, names no value, compares or calculates with what is no number. */
int where_holds(const char *condition, const struct wire_pair *values,
                size_t value_count, bool *holds, struct problem *problem);

/* True when all of `text` is a number as JSON writes it (no leading zeros, no
 * plus, no hex), finite, of at most 63 characters. */
bool where_number(struct span text, double *number);

#endif
