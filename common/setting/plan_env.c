#include "common/setting/internal.h"
#include "common/setting/plan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_"

bool plan_env_name(const struct settings *settings, size_t index,
                   char name[PLAN_ENV_NAME_SIZE])
{
    for (size_t i = 0; i < settings->env.count; i++) {
        const char *at = settings->env.at[i];
        for (;;) {
            const size_t size = strcspn(at, ",");
            if (index-- == 0) {
                const size_t fits =
                    size < PLAN_ENV_NAME_SIZE ? size : PLAN_ENV_NAME_SIZE - 1;
                memcpy(name, at, fits);
                name[fits] = '\0';
                return true;
            }
            if (at[size] == '\0')
                break;
            at += size + 1;
        }
    }
    return false;
}

static bool is_name(const char *name)
{
    return *name && strspn(name, LETTERS) > 0 &&
           name[strspn(name, LETTERS "0123456789")] == '\0' &&
           strlen(name) < PLAN_ENV_NAME_SIZE - 1;
}

int plan_check_env(const struct settings *settings, struct problem *problem)
{
    char name[PLAN_ENV_NAME_SIZE];
    for (size_t i = 0; plan_env_name(settings, i, name); i++) {
        if (i == PLAN_ENV_MAX)
            return problem_exit(problem, EXIT_USAGE, -EINVAL,
                                "--env: more than %d variables", PLAN_ENV_MAX);
        if (!is_name(name))
            return problem_exit(problem, EXIT_USAGE, -EINVAL,
                                "--env: '%.100s' is no name of a variable",
                                name);
        if (strncmp(name, "FAN_", 4) == 0)
            return problem_exit(problem, EXIT_USAGE, -EINVAL,
                                "--env: %.100s is set by fan itself", name);
        if (!getenv(name)) // NOLINT(concurrency-*)
            return problem_exit(problem, EXIT_USAGE, -EINVAL,
                                "--env: there is no variable %.100s here: "
                                "export it first",
                                name);
    }
    return 0;
}
