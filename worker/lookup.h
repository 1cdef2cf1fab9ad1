/* lookup - the file of a command's name, searched for once
 *
 * execvp() tries every directory of PATH for each command again; with a dozen
 * of them, some on other machines, that is a part of a short task's cost.
 */
#ifndef WORKER_LOOKUP_H
#define WORKER_LOOKUP_H

/* The last name and where it was found; {0} at first. */
struct lookup {
    char *name, *path;
};

/* The file that execvp() would start for this name, as it was when first asked
 * for, or NULL: let execvp() search (the name has a slash, nothing was found,
 * or PATH has directories relative to the working directory). Valid until the
 * next call. When the file cannot be started, forget it: it may have moved. */
const char *lookup_find(struct lookup *lookup, const char *name);
void lookup_forget(struct lookup *lookup);

#endif
