/* metrics - a run in Prometheus' text format (version 0.0.4) */
#ifndef PAGE_METRICS_H
#define PAGE_METRICS_H

#include "common/base/bytes.h"
#include "page/view.h"

/* Appends the text. `status` is the ventilator's answer, in JSON, or empty. */
void metrics_put(struct view *view, struct span status, struct buffer *out);

#endif
