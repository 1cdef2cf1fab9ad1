/* files - whole small files that survive a crash, and locks
 *
 * All return 0 or a descriptor, else -errno. They block as long as the disk
 * takes.
 */
#ifndef COMMON_BASE_FILES_H
#define COMMON_BASE_FILES_H

#include "common/base/bytes.h"

/* Writes all of it, again where write(2) took less, and waits where another
 * holder of the descriptor made it non-blocking. */
int files_write(int fd, struct span bytes);

/* Opens /dev/null where 0 to 2 are closed, so that no file becomes one of them
 * and gets what is meant for a terminal. */
void files_open_standard(void);

/* Makes DIR/NAME hold exactly `bytes`: written aside, synced, renamed, the
 * directory synced. After a crash it is the old file or the new one, whole. */
int files_replace(const char *dir, const char *name, struct span bytes);

/* The same for what is of no use once the machine has crashed: nothing is
 * synced. Who reads it meanwhile finds it whole. */
int files_put(const char *dir, const char *name, struct span bytes);

/* Renames DIR/ASIDE, which the caller has synced, to DIR/NAME, durably. */
int files_rename(const char *dir, const char *aside, const char *name);

/* Makes the names in a directory durable. */
int files_sync_dir(const char *dir);

/* Makes the name of DIR itself durable; not where the directory that it is in
 * may be written but not read (-wx), which cannot be synced. */
int files_sync_parent(const char *dir);

/* Makes a directory, durably; -EEXIST: something of that name is there. */
int files_make_dir(const char *dir);

/* Takes the lock DIR/NAME for this process: an open-file-description lock
 * (fcntl F_OFD_SETLK), gone with its holder however that ends; the file is
 * made where it is missing and stays. Returns the descriptor that holds it:
 * close it to give it up; -EAGAIN: somebody has it. */
int files_lock(const char *dir, const char *name);

/* Opens a file to read it, and nothing else: a FIFO would be waited for.
 * Returns a descriptor, -EISDIR, -EINVAL of other things, or -errno. */
int files_open(const char *path);

#endif
