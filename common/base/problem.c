#include "common/base/problem.h"

#include "common/base/log.h"

#include <stdarg.h>
#include <stdio.h>

static void fill(struct problem *problem, enum exit_code exit, int code,
                 const char *format, va_list args)
    __attribute__((format(printf, 4, 0)));

static void fill(struct problem *problem, enum exit_code exit, int code,
                 const char *format, va_list args)
{
    if (!problem || problem->code != 0)
        return;
    char text[sizeof problem->text];
    problem->code = code;
    problem->exit = exit;
    vsnprintf(text, sizeof text, format, args);
    log_escape(span_of_text(text), problem->text, sizeof problem->text);
}

int problem_set(struct problem *problem, int code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fill(problem, EXIT_ERROR, code, format, args);
    va_end(args);
    return code;
}

int problem_exit(struct problem *problem, enum exit_code exit, int code,
                 const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fill(problem, exit, code, format, args);
    va_end(args);
    return code;
}
