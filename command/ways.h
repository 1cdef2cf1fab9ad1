/* ways - in which ways tasks of a run have failed, as lines, for fan status */
#ifndef COMMAND_WAYS_H
#define COMMAND_WAYS_H

/* Prints them on standard output, the most frequent first, read from the log
 * in DIR; nothing where none has failed for good, or the log cannot be read:
 * others say so. */
void ways_print(const char *dir);

#endif
