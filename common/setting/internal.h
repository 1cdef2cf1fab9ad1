/* internal - what the files of this folder share; nobody else includes it
 * (but the fuzz target, which reads YAML from memory) */
#ifndef COMMON_SETTING_INTERNAL_H
#define COMMON_SETTING_INTERNAL_H

#include "common/setting/setting.h"

enum {
    SETTING_TEXT_MAX = 128 << 10, // bytes of a text: Linux's own limit for
                                  // one argument
    SETTING_YAML_MAX = 1 << 20,   // bytes of a file a person wrote
    SETTING_PLAN_MAX = 64 << 20,  // bytes of a plan: it holds all of argv
    SETTING_QUOTE_SIZE = 72,
};

/* The row of `name` for `program`, without rows that have a bit of `without`;
 * or NULL. `-` and `_` in names are the same. */
const struct setting_row *setting_find(unsigned program, unsigned without,
                                       const char *name);
/* The most similar name among the same rows, or NULL when none is near. */
const char *setting_nearest(unsigned program, unsigned without,
                            const char *name);
/* settings_set for a known row; `shown` is how the problem calls it. */
int setting_store(struct settings *settings, const struct setting_row *row,
                  enum setting_layer layer, const char *shown,
                  const char *value, struct problem *problem);
/* Checks and converts a value into the row's field, at any layer. Returns 0,
 * -ENOMEM, or -EINVAL with a problem. */
int setting_parse(struct settings *settings, const struct setting_row *row,
                  const char *shown, const char *value,
                  struct problem *problem);
/* The field of a row as text; false when it is a list or an absent text. */
bool setting_format(const struct settings *settings,
                    const struct setting_row *row, struct buffer *out);
/* Strangers' text for a message: cut, control characters as '?'. */
const char *setting_quote(const char *text, char quoted[SETTING_QUOTE_SIZE]);
/* Is it one of several texts, given one by one? */
bool setting_is_list(const struct setting_row *row);
/* The field of a row. */
void *setting_field(struct settings *settings, const struct setting_row *row);
const void *setting_field_of(const struct settings *settings,
                             const struct setting_row *row);
/* settings_read_yaml from memory; `name` stands for the file in problems. */
int setting_read_yaml_text(struct settings *settings, unsigned program,
                           const char *name, struct span text,
                           struct problem *problem);

/* Of plan_check: --env. */
int plan_check_env(const struct settings *settings, struct problem *problem);

#endif
