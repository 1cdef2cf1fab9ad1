/* yaml_reader - one mapping of settings, taken event by event
 *
 * For the files of this folder that read YAML; nobody else includes it.
 */
#ifndef COMMON_SETTING_YAML_READER_H
#define COMMON_SETTING_YAML_READER_H

#include "common/setting/rule.h"
#include "common/setting/setting.h"

#include <yaml.h>

enum state {
    AT_START,
    AT_KEY,
    AT_VALUE,
    IN_LIST,
    AT_CLASS,  // of a rule
    AT_ANSWER, // or what it is made of
    AT_PART,
    AT_PART_VALUE,
    AT_PARAMETER, // its name, where a list is a mapping of them
    AT_VALUES,
    IN_VALUES,
    AT_END,
};

struct yaml_reader {
    struct settings *settings;
    unsigned program;
    const char *name; // of the file, in problems
    struct problem *problem;
    enum state state;
    const struct setting_row *row; // whose value comes
    struct rule_maker maker;       // of the rule that is read
    yaml_mark_t rule_mark;         // where its class is
    struct policy rules;           // those that were read
    char part[32];                 // whose value comes
    char parameter[64];            // whose values come
    size_t size, room;             // of the text they make; 0: they begin
    bool seen[sizeof((struct settings *)0)->layer];
};

/* The next event of the mapping. Returns 0 or -errno with a problem. */
int yaml_reader_take(struct yaml_reader *reader, const yaml_event_t *event);
/* A problem at a place of the file; returns -EINVAL. */
int yaml_reader_refuse(const struct yaml_reader *reader, yaml_mark_t mark,
                       const char *why);

/* Gives each event of `text` to `take`. `reader` names the file in problems. */
int yaml_each(const struct yaml_reader *reader, struct span text,
              int (*take)(void *context, const yaml_event_t *event),
              void *context);
/* Appends the file, of at most `most` bytes. Returns 0 or -errno with a
 * problem. */
int yaml_file(const char *path, size_t most, struct buffer *text,
              struct problem *problem);

#endif
