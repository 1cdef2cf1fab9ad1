/* sink - the role: joins the ledger to the journal and to its peers
 *
 * Dials the ventilator's control endpoint, binds a PULL for RESULTS, and turns
 * what arrives into groups: drain a bounded batch, decide, append, one commit,
 * then STORED. While the disk is full it takes nothing more and tries again.
 */
#ifndef SINK_SINK_H
#define SINK_SINK_H

#include "common/base/problem.h"
#include "common/setting/setting.h"

/* Runs until the run ends, `stop_fd` (a signalfd, not blocking) tells of a
 * signal, or something fails. Returns an exit code, 128+N after signal N;
 * `problem` says why where something failed. Recovers the log in
 * settings->results first. */
enum exit_code sink_run(const struct settings *settings, int stop_fd,
                        struct problem *problem);

#endif
