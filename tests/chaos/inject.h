/* inject - what the parts of the preload share */
#ifndef TESTS_CHAOS_INJECT_H
#define TESTS_CHAOS_INJECT_H

#include <dlfcn.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* The function of this name that would be called without the preload. */
#define REAL(name)                 \
    static __typeof__(&name) real; \
    if (!real)                     \
    real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

/* The path of an open file; empty where it has none. */
void inject_path_of(int fd, char path[PATH_MAX]);

/* The path of `name` in `dir`, as openat(2) would take them. */
void inject_path_at(int dir, const char *name, char path[PATH_MAX]);

/* inject_trace.c: is anything recorded? */
bool inject_traces(void);
/* `op`: w(rite) t(runcate) s(ync) o(pen) */
void inject_trace_file(char op, int fd, uint64_t offset, uint64_t size,
                       const void *data);
/* `op`: r(ename), u(nlink) or m(kdir), where `to` is NULL */
void inject_trace_name(char op, const char *path, const char *to);

#endif
