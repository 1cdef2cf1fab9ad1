/* decisions - what a person has decided on a run that has stopped
 *
 * Where no ventilator is at work its decisions are stored by themselves, by
 * the rules of the log and of the ledger. They are obeyed when the run is
 * resumed.
 */
#ifndef SINK_DECISIONS_H
#define SINK_DECISIONS_H

#include "common/base/problem.h"

/* Stores the decisions in the file PATH (-: standard input), a record to a
 * line: {"event":"decision","task":N,"status":"reopened","start":...,
 * "user":...,"note":...,"mem_max_bytes":...,"edit":...}, or the same without
 * the event and with "final":true and "status":"ignored" or "dropped". Tasks
 * that are not held are passed over. Prints how many were stored. */
enum exit_code decisions_store(const char *dir, const char *path,
                               struct problem *problem);

#endif
