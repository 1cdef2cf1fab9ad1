/* report - a run as one page that needs nothing else
 *
 * HTML with its style and its drawings in it, no script; light or dark as the
 * reader's screen is; what tasks wrote is text, whatever it holds.
 */
#ifndef COMMAND_REPORT_H
#define COMMAND_REPORT_H

#include "command/digest.h"
#include "common/base/bytes.h"
#include "common/setting/setting.h"

/* Appends the page. `plan` is the run's; `dir` as the reader would type it. */
void report_put(const struct digest *digest, const struct settings *plan,
                const char *dir, struct buffer *out);

#endif
