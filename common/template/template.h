/* template - commands with placeholders, and the task numbers' own values
 *
 *   {}       the line, or all values joined by a space   {1} {2} the nth value
 *   {name}   the value of that name            {#} the task number   {%} slot
 *   {.} {/} {//} {/.}  and {1.} {name/} ...: without extension, base name,
 *            directory, base name without extension (GNU parallel's rules)
 *   {seed}   template_seed (run seed, task number)
 *   {{ }}    are not special: what is no placeholder stays as it is
 *
 * A template is parsed once and expanded for each task into a wire_command.
 * After `--` each argument stays one argument whatever its values hold.
 * A command without any value placeholder gets the values appended. Pure: no
 * I/O.
 */
#ifndef COMMON_TEMPLATE_TEMPLATE_H
#define COMMON_TEMPLATE_TEMPLATE_H

#include "common/base/bytes.h"
#include "common/base/problem.h"
#include "common/wire/wire.h"

#include <stdbool.h>
#include <stdint.h>

struct template;

struct template_options {
    bool append; /* append values when no value placeholder is there */
    bool shell;  /* the arguments, joined by spaces, run by /bin/sh -c; values
                    are then quoted for the shell */
    bool lines;  /* no command at all: the line itself is run by /bin/sh -c */
    bool input;  /* carry `input` of the task (FAN_TASK, standard input) */
    bool called; /* the first word names what is called with the others: it goes
                    into the key, and empty into each command */
    const char *const
        *names; /* known column names, to check {name}; NULL: any */
    size_t name_count;
    const char *stdout_path, *stderr_path; /* templates or NULL */
};

/* Returns NULL with a usage problem: an unknown {name} (nearest right one
 * named), a column number of 0, an empty command. {%} is refused in paths. */
struct template *template_create(const char *const *command, size_t count,
                                 const struct template_options *options,
                                 struct problem *problem);
void template_destroy(struct template **template);

struct template_task {
    uint64_t task;                  /* number, {#} */
    uint64_t seed;                  /* {seed} */
    const struct wire_pair *values; /* names may be empty */
    size_t value_count;
    struct span whole; /* {} when given (the line); else values joined */
    struct span input; /* the object, or the value, for FAN_TASK and stdin */
};
/* Appends an encoded wire_command. Returns 0; -EINVAL: a value holds a NUL;
 * -ENOENT: {name} or {3} is not there in this task; -E2BIG: an argument is over
 * 128 KiB (the kernel's MAX_ARG_STRLEN) or all of them over 1 MiB; the problem
 * says which. */
int template_expand(const struct template *template,
                    const struct template_task *task, struct buffer *out,
                    struct problem *problem);

/* Of a template that is no command, but one text: appends that. 0, -ENOENT
 * where this task has no such value, or as template_expand. */
int template_text(const struct template *template,
                  const struct template_task *task, struct buffer *out,
                  struct problem *problem);
/* Is the command the same for all tasks? */
bool template_is_constant(const struct template *template);

/* The key of a task: XXH3 128 bits over the template as typed (and options that
 * change what runs) and the values, each with its length. */
struct id128 template_key(const struct template *template,
                          const struct wire_pair *values, size_t value_count,
                          struct span whole);

/* SplitMix64 (Steele, Lea, Flood, OOPSLA 2014) of run seed and task number. */
uint64_t template_seed(uint64_t run_seed, uint64_t task);

/* For --dry-run, joblog and `fan show`: the command as a person would type it
 * in a shell, quoted where needed. For a line run by the shell: the line.
 * `slot` 0 leaves {%}. */
void command_text(const struct wire_command *command, uint32_t slot,
                  struct buffer *out);

#endif
