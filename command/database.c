#include "command/database.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { INDICES_MAX = 20 }; // of parameters

struct database {
    struct fields *fields;
    char *path;
    char *part; // where it is written
    sqlite3 *db;
    sqlite3_stmt *insert;
};

static int failed(const struct database *database, struct problem *problem)
{
    return problem_set(problem, -EIO, "cannot write %s: %s", database->part,
                       database->db ? sqlite3_errmsg(database->db)
                                    : "out of memory");
}

static int execute(const struct database *database, const char *sql,
                   struct problem *problem)
{
    return sqlite3_exec(database->db, sql, NULL, NULL, NULL) == SQLITE_OK
               ? 0
               : failed(database, problem);
}

static void put_name(struct buffer *sql, const char *name)
{
    put_u8(sql, '"');
    for (; *name; name++) {
        if (*name == '"')
            put_u8(sql, '"');
        put_u8(sql, (uint8_t)*name);
    }
    put_u8(sql, '"');
}

static const char *type_name(enum fields_type type)
{
    switch (type) {
    case FIELDS_INTEGER:
        return " INTEGER";
    case FIELDS_REAL:
        return " REAL";
    case FIELDS_TEXT:
        return " TEXT";
    case FIELDS_ANY: // a text stays one: 007 is no number
        break;
    }
    return "";
}

// Executes what was built, and frees it.
static int execute_built(const struct database *database, struct buffer *sql,
                         struct problem *problem)
{
    put_u8(sql, 0);
    const int error = sql->failed
                          ? problem_set(problem, -ENOMEM, "out of memory")
                          : execute(database, (const char *)sql->at, problem);
    buffer_free(sql);
    return error;
}

static int make_table(const struct database *database, bool unique,
                      struct problem *problem)
{
    struct buffer sql = {0};
    buffer_append_text(&sql, "CREATE TABLE tasks (");
    for (size_t i = 0; i < fields_count(database->fields); i++) {
        const char *const label = fields_label(database->fields, i);
        buffer_append_text(&sql, i > 0 ? ", " : "");
        put_name(&sql, label);
        buffer_append_text(&sql, type_name(fields_type(database->fields, i)));
        if (unique && strcmp(label, "task") == 0)
            buffer_append_text(&sql, " PRIMARY KEY");
    }
    buffer_append_text(&sql, ")");
    return execute_built(database, &sql, problem);
}

static int prepare(struct database *database, struct problem *problem)
{
    struct buffer sql = {0};
    buffer_append_text(&sql, "INSERT INTO tasks VALUES (?");
    for (size_t i = 1; i < fields_count(database->fields); i++)
        buffer_append_text(&sql, ",?");
    put_u8(&sql, ')');
    const int result =
        sql.failed ? SQLITE_NOMEM
                   : sqlite3_prepare_v2(database->db, (const char *)sql.at,
                                        (int)sql.size, &database->insert, NULL);
    buffer_free(&sql);
    return result == SQLITE_OK ? 0 : failed(database, problem);
}

static int begin(struct database *database, bool unique,
                 struct problem *problem)
{
    if (unlink(database->part) != 0 && errno != ENOENT)
        return problem_set(problem, -errno, "cannot write %s: %s",
                           database->part, strerror(errno));
    if (sqlite3_open(database->part, &database->db) != SQLITE_OK)
        return failed(database, problem);
    // Nothing reads it before it is whole.
    int error = execute(database,
                        "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF;"
                        "BEGIN",
                        problem);
    if (error == 0)
        error = make_table(database, unique, problem);
    return error == 0 ? prepare(database, problem) : error;
}

// A link stays: what it leads to is replaced. A device or a pipe is not.
static int choose_place(struct database *database, const char *path,
                        struct problem *problem)
{
    struct stat status;
    if (stat(path, &status) == 0 && !S_ISREG(status.st_mode))
        return problem_set(problem, -EEXIST,
                           "cannot write %s: it is there, and no file", path);
    database->path = realpath(path, NULL);
    if (!database->path)
        database->path = strdup(path);
    if (!database->path ||
        asprintf(&database->part, "%s.part", database->path) < 0) {
        database->part = NULL;
        return problem_set(problem, -ENOMEM, "out of memory");
    }
    return 0;
}

struct database *database_create(const char *path, struct fields *fields,
                                 bool unique, struct problem *problem)
{
    struct database *database = calloc(1, sizeof *database);
    if (database)
        database->fields = fields;
    if (!database)
        problem_set(problem, -ENOMEM, "out of memory");
    else if (choose_place(database, path, problem) == 0 && database->part &&
             begin(database, unique, problem) == 0)
        return database;
    database_destroy(&database);
    return NULL;
}

void database_destroy(struct database **database)
{
    struct database *const gone = *database;
    if (!gone)
        return;
    sqlite3_finalize(gone->insert);
    sqlite3_close(gone->db);
    if (gone->part && gone->db)
        unlink(gone->part);
    free(gone->part);
    free(gone->path);
    free(gone);
    *database = NULL;
}

static int bind_number(const struct database *database, int column,
                       struct span text)
{
    enum { MOST = 64 };
    char digits[MOST];
    char *end;
    snprintf(digits, sizeof digits, "%.*s", (int)text.size,
             (const char *)text.at);
    errno = 0;
    const long long whole = strtoll(digits, &end, 10);
    return *end == '\0' && errno == 0
               ? sqlite3_bind_int64(database->insert, column, whole)
               : sqlite3_bind_double(database->insert, column,
                                     strtod(digits, NULL));
}

static int bind(const struct database *database, size_t field,
                const struct cell *cell)
{
    enum { NUMBER_MOST = 60 };
    const int column = (int)field + 1;
    const char *const text =
        cell->text.size > 0 ? (const char *)cell->text.at : "";
    if (cell->kind == CELL_NOTHING)
        return sqlite3_bind_null(database->insert, column);
    if (cell->kind == CELL_BINARY)
        return sqlite3_bind_blob64(database->insert, column, text,
                                   cell->text.size, SQLITE_TRANSIENT);
    if (fields_type(database->fields, field) == FIELDS_ANY &&
        cell->text.size < NUMBER_MOST && cell_is_number(cell->text))
        return bind_number(database, column, cell->text);
    return sqlite3_bind_text64(database->insert, column, text, cell->text.size,
                               SQLITE_TRANSIENT, SQLITE_UTF8);
}

int database_put(struct database *database, const struct record *record,
                 struct problem *problem)
{
    for (size_t i = 0; i < fields_count(database->fields); i++) {
        const struct cell cell = fields_cell(database->fields, i, record);
        if (bind(database, i, &cell) != SQLITE_OK)
            return failed(database, problem);
    }
    if (sqlite3_step(database->insert) != SQLITE_DONE)
        return failed(database, problem);
    sqlite3_reset(database->insert);
    return 0;
}

static bool is_indexed(const struct database *database, size_t column)
{
    const char *const label = fields_label(database->fields, column);
    return fields_type(database->fields, column) == FIELDS_ANY ||
           strcmp(label, "status") == 0 || strcmp(label, "host") == 0;
}

static int make_indices(const struct database *database,
                        struct problem *problem)
{
    unsigned made = 0;
    int error = 0;
    for (size_t i = 0; i < fields_count(database->fields) && error == 0; i++) {
        struct buffer sql = {0};
        if (!is_indexed(database, i) || made++ == INDICES_MAX)
            continue;
        buffer_printf(&sql, "CREATE INDEX tasks_%u ON tasks (", made);
        put_name(&sql, fields_label(database->fields, i));
        put_u8(&sql, ')');
        error = execute_built(database, &sql, problem);
    }
    return error;
}

int database_finish(struct database *database, struct problem *problem)
{
    int error = make_indices(database, problem);
    if (error == 0)
        error = execute(database, "COMMIT", problem);
    sqlite3_finalize(database->insert);
    database->insert = NULL;
    if (error == 0 && sqlite3_close(database->db) != SQLITE_OK)
        error = failed(database, problem);
    if (error != 0)
        return error;
    database->db = NULL;
    if (rename(database->part, database->path) == 0)
        return 0;
    error = problem_set(problem, -errno, "cannot write %s: %s", database->path,
                        strerror(errno));
    unlink(database->part);
    return error;
}
