/* markdown - sections of a page in Markdown, as a manual page has them
 *
 * What fan's own pages use of it: paragraphs, lists, tables, and blocks that
 * are fenced or indented. A table becomes a list by its first column. Marks
 * within a line are left out.
 */
#ifndef DOCS_MAN_MARKDOWN_H
#define DOCS_MAN_MARKDOWN_H

#include <stdbool.h>

/* Prints what stands below the line "## HEADING" of the file, down to the next
 * such line; `brief`: each paragraph ends before the first test it names.
 * Returns 0, or 1 when there is no such section. */
int markdown_print(const char *path, const char *heading, bool brief);

#endif
