#include "command/verb.h"
#include "common/base/clock.h"
#include "common/base/version.h"
#include "common/setting/plan.h"
#include "common/store/text.h"
#include "page/lookup.h"
#include "page/metrics.h"
#include "page/page.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
    OK = 200,
    BAD = 400,
    FORBIDDEN = 403,
    NOT_FOUND = 404,
    NOT_ALLOWED = 405,
    BUSY = 409,
    FAILED = 500,
    UNAVAILABLE = 503,
    PATIENCE_MS = 5000, // until the log is read
    ANSWER_MS = 1500,   // of the ventilator
    SILENT_MS = 10000,  // then it is not well
};

static const char JSON[] = "application/json";
static const char PLAIN[] = "text/plain; charset=utf-8";

static void put_text(struct buffer *out, const char *text)
{
    const struct span span = span_of_text(text);
    if (!text_put_quoted(out, span))
        text_put_base64(out, span);
}

static void fail(struct exchange *exchange)
{
    exchange_refuse(exchange, FAILED, "out of memory");
}

// Is what is known as young as the request? Not for ever: an old answer is
// better than none.
static bool is_fresh(const struct page *page, const struct exchange *exchange)
{
    const int64_t since_ms = exchange_since_ms(exchange);
    const int64_t waited_ms = clock_monotonic_ms() - since_ms;
    const bool live = watch_state(page->watch) == WATCH_LIVE;
    if (page->leaving)
        return true;
    return (page->read_ms > since_ms || waited_ms > PATIENCE_MS) &&
           (!live || page->fresh_ms > since_ms || waited_ms > ANSWER_MS);
}

// What a person may type: as a shell takes it, whatever the directory is
// called.
static void put_typed(struct buffer *out, const char *name,
                      void put(struct buffer *typed, const char *dir),
                      const char *dir)
{
    struct buffer typed = {0};
    put(&typed, dir);
    put_u8(&typed, '\0');
    buffer_printf(out, ",\"%s\":", name);
    put_text(out, typed.failed ? "" : (const char *)typed.at);
    buffer_free(&typed);
}

int page_put_state(struct page *page, int64_t now_ms, struct buffer *out)
{
    const struct span status = watch_status(page->watch, now_ms);
    const struct settings *const plan = &page->plan;
    buffer_append_text(out, "{\"v\":1,\"dir\":");
    put_text(out, page->dir);
    put_typed(out, "typed_dir", verb_quote, page->dir);
    put_typed(out, "go_on", verb_put_again, page->dir);
    buffer_append_text(out, ",\"name\":");
    put_text(out, plan->name ? plan->name : "");
    buffer_append_text(out, ",\"version\":");
    put_text(out, version_text());
    buffer_printf(out,
                  ",\"state\":\"%s\",\"live\":%s,\"share_read\":%.4f,"
                  "\"now_us\":%" PRId64 ",\"status\":",
                  watch_state_name(page->watch),
                  watch_state(page->watch) == WATCH_LIVE ? "true" : "false",
                  watch_share_read(page->watch), clock_utc_us());
    if (status.size > 0)
        buffer_append(out, status.at, status.size);
    else
        buffer_append_text(out, "null");
    put_u8(out, ',');
    const int error = view_put(watch_view(page->watch), out);
    put_u8(out, '}');
    return error ? error : out->failed ? -ENOMEM : 0;
}

static void on_state(struct page *page, struct exchange *exchange)
{
    struct buffer text = {0};
    if (!is_fresh(page, exchange))
        exchange_wait(exchange);
    else if (page_put_state(page, clock_monotonic_ms(), &text) != 0)
        fail(exchange);
    else
        exchange_answer(exchange, OK, JSON, &text);
    buffer_free(&text);
}

static void on_events(struct page *page, struct exchange *exchange)
{
    page->changed = true;
    exchange_stream(exchange);
}

static void on_timeline(struct page *page, struct exchange *exchange)
{
    struct buffer text = {0};
    uint64_t after = 0;
    const char *const typed = exchange_argument(exchange, "after");
    if (typed && parse_count(typed, 0, INT64_MAX, &after) != 0)
        exchange_refuse(exchange, BAD, "after is a number of attempts");
    else if (view_put_timeline(watch_view(page->watch), after, &text) != 0)
        fail(exchange);
    else
        exchange_answer(exchange, OK, JSON, &text);
    buffer_free(&text);
}

static void put_plan(const struct settings *plan, struct buffer *out)
{
    struct buffer yaml = {0};
    settings_write_yaml(plan, IN_PLAN, &yaml);
    put_u8(&yaml, '\0');
    buffer_append_text(out, "{\"v\":1,\"arguments\":[");
    for (size_t i = 0; i < plan->arguments.count; i++) {
        buffer_append_text(out, i > 0 ? "," : "");
        put_text(out, plan->arguments.at[i]);
    }
    buffer_append_text(out, "],\"plan\":");
    put_text(out, yaml.failed ? "" : (const char *)yaml.at);
    put_u8(out, '}');
    buffer_free(&yaml);
}

static void on_plan(struct page *page, struct exchange *exchange)
{
    struct buffer text = {0};
    put_plan(&page->plan, &text);
    exchange_answer(exchange, OK, JSON, &text);
}

static bool get_number(struct exchange *exchange, const char *name,
                       uint64_t *number)
{
    const char *const typed = exchange_argument(exchange, name);
    if (typed && parse_count(typed, 1, (uint64_t)1 << 40, number) == 0)
        return true;
    exchange_refuse(exchange, BAD, "the number of the task is missing");
    return false;
}

static void answer_lookup(struct exchange *exchange, int error,
                          const struct problem *problem, const char *type,
                          struct buffer *text)
{
    if (error)
        exchange_refuse(exchange, error == -ENOENT ? NOT_FOUND : FAILED,
                        problem->text);
    else
        exchange_answer(exchange, OK, type, text);
    buffer_free(text);
}

static void on_task(struct page *page, struct exchange *exchange)
{
    struct buffer text = {0};
    struct problem problem = {0};
    struct lookup lookup = {.dir = page->dir,
                            .places = watch_places(page->watch)};
    if (!get_number(exchange, "task", &lookup.task))
        return;
    if (!is_fresh(page, exchange)) {
        exchange_wait(exchange);
        return;
    }
    const int error = lookup_put(&lookup, &text, &problem);
    answer_lookup(exchange, error, &problem, JSON, &text);
}

static void on_output(struct page *page, struct exchange *exchange)
{
    uint64_t nth;
    struct buffer text = {0};
    struct problem problem = {0};
    const char *const of = exchange_argument(exchange, "of");
    struct lookup lookup = {.dir = page->dir,
                            .places = watch_places(page->watch)};
    if (!get_number(exchange, "task", &lookup.task) ||
        !get_number(exchange, "record", &nth))
        return;
    const bool of_stderr = of && strcmp(of, "stderr") == 0;
    const int error = lookup_output(&lookup, nth, of_stderr, &text, &problem);
    answer_lookup(exchange, error, &problem, PLAIN, &text);
}

static void on_metrics(struct page *page, struct exchange *exchange)
{
    struct buffer text = {0};
    if (!is_fresh(page, exchange)) {
        exchange_wait(exchange);
        return;
    }
    metrics_put(watch_view(page->watch),
                watch_status(page->watch, clock_monotonic_ms()), &text);
    exchange_answer(exchange, OK, "text/plain; version=0.0.4; charset=utf-8",
                    &text);
}

static void on_healthz(struct page *page, struct exchange *exchange)
{
    struct buffer text = {0};
    const int64_t now_ms = clock_monotonic_ms();
    if (!is_fresh(page, exchange)) {
        exchange_wait(exchange);
        return;
    }
    if (watch_state(page->watch) == WATCH_DAMAGED)
        exchange_refuse(exchange, UNAVAILABLE, "the log is damaged");
    else if (watch_state(page->watch) == WATCH_LIVE &&
             now_ms - page->fresh_ms > SILENT_MS)
        exchange_refuse(exchange, UNAVAILABLE,
                        "the ventilator does not answer");
    else {
        buffer_printf(&text, "ok: the run is %s\n",
                      watch_state_name(page->watch));
        exchange_answer(exchange, OK, PLAIN, &text);
    }
}

static void tell_decision(const struct page *page, struct exchange *exchange)
{
    const struct decision *const decision = &page->decision;
    struct buffer said = {0}, text = {0};
    buffer_append(&said, decision->said.at, decision->said.size);
    put_u8(&said, '\0');
    buffer_printf(&text, "{\"v\":1,\"exit\":%d,\"said\":", decision->exit);
    put_text(&text, said.failed ? "" : (const char *)said.at);
    put_u8(&text, '}');
    exchange_answer(exchange, decision->exit == EXIT_OK ? OK : BUSY, JSON,
                    &text);
    buffer_free(&said);
}

static void on_decide(struct page *page, struct exchange *exchange)
{
    uint64_t *const ticket = exchange_ticket(exchange);
    if (*ticket != 0) {
        const bool runs =
            page->decision.pid != 0 && *ticket == page->decision.number;
        if (runs && page->leaving)
            exchange_refuse(exchange, UNAVAILABLE,
                            "the run has ended meanwhile; whether the decision "
                            "stands, tells  fan held");
        else if (runs)
            exchange_wait(exchange);
        else
            tell_decision(page, exchange);
        return;
    }
    if (!exchange_is_trusted(exchange)) {
        exchange_refuse(exchange, FORBIDDEN,
                        "deciding takes the run's token: open the link with "
                        "#token= that was printed");
        return;
    }
    switch (
        decision_start(&page->decision, page->dir, exchange_body(exchange))) {
    case 0:
        *ticket = page->decision.number;
        exchange_wait(exchange);
        return;
    case -EINVAL:
        exchange_refuse(exchange, BAD,
                        "a decision is {\"group\":\"g1\",\"answer\":\"retry\","
                        "\"note\":\"\"}; or ignore, drop; or all");
        return;
    case -EBUSY:
        exchange_refuse(exchange, BUSY,
                        "another decision is being stored; try again");
        return;
    default:
        exchange_refuse(exchange, FAILED, "cannot start fan decide");
    }
}

static void on_html(struct page *page, struct exchange *exchange)
{
    (void)page;
    exchange_file(exchange, "text/html; charset=utf-8",
                  (struct span){PAGE_HTML, PAGE_HTML_SIZE});
}

static void on_css(struct page *page, struct exchange *exchange)
{
    (void)page;
    exchange_file(exchange, "text/css; charset=utf-8",
                  (struct span){PAGE_CSS, PAGE_CSS_SIZE});
}

static void on_js(struct page *page, struct exchange *exchange)
{
    (void)page;
    exchange_file(exchange, "text/javascript; charset=utf-8",
                  (struct span){PAGE_JS, PAGE_JS_SIZE});
}

static void on_icon(struct page *page, struct exchange *exchange)
{
    static const char ICON[] =
        "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32'>"
        "<path d='M4 16 28 4M4 16h24M4 16l24 12' fill='none' stroke='#1f6fb4' "
        "stroke-width='4' stroke-linecap='round'/></svg>";
    (void)page;
    exchange_file(exchange, "image/svg+xml",
                  (struct span){(const uint8_t *)ICON, sizeof ICON - 1});
}

static const struct route {
    const char *path;
    bool post;
    void (*answer)(struct page *page, struct exchange *exchange);
} ROUTES[] = {
    {"/", false, on_html},
    {"/page.css", false, on_css},
    {"/page.js", false, on_js},
    {"/icon.svg", false, on_icon},
    {"/favicon.ico", false, on_icon}, // asked for beside what is no page
    {"/events", false, on_events},
    {"/state", false, on_state},
    {"/timeline", false, on_timeline},
    {"/plan", false, on_plan},
    {"/task", false, on_task},
    {"/output", false, on_output},
    {"/metrics", false, on_metrics},
    {"/healthz", false, on_healthz},
    {"/decide", true, on_decide},
};

void page_answer(void *context, struct exchange *exchange)
{
    const char *const path = exchange_path(exchange);
    for (size_t i = 0; i < sizeof ROUTES / sizeof ROUTES[0]; i++) {
        if (strcmp(path, ROUTES[i].path) != 0)
            continue;
        if (exchange_is_post(exchange) == ROUTES[i].post)
            ROUTES[i].answer(context, exchange);
        else
            exchange_refuse(exchange, NOT_ALLOWED,
                            ROUTES[i].post ? "that takes a POST"
                                           : "that takes a GET");
        return;
    }
    exchange_refuse(exchange, NOT_FOUND, "there is no such page");
}
