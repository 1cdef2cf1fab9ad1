#include "command/completion.h"
#include "command/verb.h"
#include "common/base/files.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

enum { PROGRAM = FOR_COMPLETION };

static int print(const struct settings *settings)
{
    struct problem problem = {0};
    struct buffer script = {0};
    const struct texts *const operands = &settings->operands;
    int error = 0;
    if (operands->count != 1 || !completion_put(operands->at[0], &script))
        error = problem_exit(&problem, EXIT_USAGE, -EINVAL,
                             "name your shell: bash, zsh or fish");
    else if (script.failed)
        error = problem_set(&problem, -ENOMEM, "out of memory");
    else if ((error = files_write(STDOUT_FILENO, buffer_span(&script))) != 0)
        problem_set(&problem, error, "cannot write: %s",
                    strerrordesc_np(-error));
    buffer_free(&script);
    return error == 0        ? EXIT_OK
           : error == -EPIPE ? 128 + SIGPIPE
                             : verb_fail(PROGRAM, &problem);
}

int verb_completion(int argc, char **argv)
{
    struct settings settings;
    int exit = verb_open(&settings, PROGRAM, argc, argv);
    if (exit == VERB_GO)
        exit = print(&settings);
    settings_clear(&settings);
    return exit;
}
