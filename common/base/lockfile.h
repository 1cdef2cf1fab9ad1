/* lockfile - one process at a time in a directory
 *
 * An open-file-description lock (fcntl F_OFD_SETLK) on DIR/NAME, which is made
 * if it is missing and stays when it is free: the lock is gone with its
 * process, however that ends. Over NFS it holds among hosts as far as the
 * server's lock service works.
 */
#ifndef COMMON_BASE_LOCKFILE_H
#define COMMON_BASE_LOCKFILE_H

/* Returns the descriptor that holds the lock (close it to give it up),
 * -EAGAIN when somebody has it, or -errno. */
int lockfile_take(const char *dir, const char *name);

#endif
