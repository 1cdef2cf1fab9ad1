/* database - results as a table of an SQLite file
 *
 * The table `tasks` has a column for each field: numbers are numbers, a
 * parameter is one where it is one of JSON's, and what is not UTF-8 is a blob.
 * It is indexed by status, host and each parameter. The file is written beside
 * its place and moved there when it is whole. See https://sqlite.org/c3ref.
 */
#ifndef COMMAND_DATABASE_H
#define COMMAND_DATABASE_H

#include "command/fields.h"
#include "common/base/problem.h"

#include <stdbool.h>

struct database;

/* `fields` is borrowed; its columns must be known by now. `unique`: no task
 * comes twice. NULL with a problem. */
struct database *database_create(const char *path, struct fields *fields,
                                 bool unique, struct problem *problem);
/* Returns 0, or the problem's code. */
int database_put(struct database *database, const struct record *record,
                 struct problem *problem);
/* Makes the indices, and moves the file to its place. */
int database_finish(struct database *database, struct problem *problem);
/* What was not finished leaves no file. */
void database_destroy(struct database **database);

#endif
