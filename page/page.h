/* page - what the files of fan-page share; for them alone */
#ifndef PAGE_PAGE_H
#define PAGE_PAGE_H

#include "command/rundir.h"
#include "common/setting/setting.h"
#include "page/decision.h"
#include "page/server.h"
#include "page/watch.h"

#include <stdbool.h>
#include <stdint.h>

struct page {
    char dir[RUNDIR_PATH_SIZE]; /* whole */
    struct settings plan;
    struct watch *watch;
    struct server *server;
    struct decision decision;
    int signal_fd;
    int signal;  /* the first that came; 0: none */
    bool behind; /* more of the log is to be read at once */
    int64_t began_ms;
    int64_t rest_ms;  /* not to be read before */
    int64_t read_ms;  /* when its end was last read to */
    int64_t fresh_ms; /* when the ventilator last said something */
    int64_t beat_ms, published_ms;
    uint64_t shown; /* records, when it was last published */
    bool changed;   /* since */
    bool leaving;   /* who waits gets an answer now */
};

/* -- routes.c ---------------------------------------------------------------
 */
void page_answer(void *context, struct exchange *exchange);
/* Appends the state as JSON. 0 or -ENOMEM. */
int page_put_state(struct page *page, int64_t now_ms, struct buffer *out);

/* -- made of page.html, page.css and page.js --------------------------------
 */
extern const unsigned char PAGE_HTML[], PAGE_CSS[], PAGE_JS[];
extern const size_t PAGE_HTML_SIZE, PAGE_CSS_SIZE, PAGE_JS_SIZE;

#endif
