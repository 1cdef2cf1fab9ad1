/* rubbish - empties a folder of what commands have left there
 *
 * Whatever the names, the depth, the permissions: nothing is followed out of
 * the folder, and neither memory nor descriptors grow with what is in it. A
 * folder within that is not empty gives what it holds to the one above, until
 * nothing is left.
 */
#ifndef WORKER_RUBBISH_H
#define WORKER_RUBBISH_H

/* Removes all that is in an open folder. What comes in meanwhile may stay.
 * Returns 0, or -errno of something that could not be removed: the rest is. */
int rubbish_clear(int folder);

/* Gives the owner all permissions to a folder in an open one: without that to
 * write, it cannot be moved elsewhere. Of no effect where that cannot be. */
void rubbish_unlock(int folder, const char *name);

#endif
