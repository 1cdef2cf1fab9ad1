/* role - what the files of the ventilator's role share; for them alone */
#ifndef VENTILATOR_ROLE_H
#define VENTILATOR_ROLE_H

#include "common/base/process.h"
#include "common/net/net.h"
#include "common/policy/halt.h"
#include "common/setting/setting.h"
#include "common/template/edits.h"
#include "common/template/template.h"
#include "ventilator/payloads.h"
#include "ventilator/priority.h"
#include "ventilator/source.h"
#include "ventilator/tracker.h"

enum { WORKERS_MAX = 4900 };
enum { ROLE_ASKED_MAX = 64 };

struct lane_frame {
    uint64_t number;
    struct share *frame;
};

/* A worker as the sockets see it, by the tracker's handle. */
struct peer {
    bool used;
    struct id128 incarnation;
    struct net_peer address;
    uint32_t lane_id;
    struct net_socket *lane;
    struct lane_frame *frames; // not yet known to be in, oldest first
    size_t frame_count, frame_capacity;
    size_t frame_sent;      // of them, given to the socket
    int pidfd;              // of a process on this host; -1 otherwise
    bool bye;               // has answered END
    char *host;             // of HELLO, or NULL
    struct buffer progress; // the body of its last PROGRESS
    int64_t progress_ms;    // when that came
    uint32_t slots;         // as many as tasks fit
    char *unfit;            // why there are none; or NULL
};

/* Makes tasks of the input. */
struct input {
    struct source *front, *redo, *fetch;
    struct template *template;
    struct priority priority;
    uint64_t mark;
    uint64_t seed;
    bool placed; // the cursors stand where the mark says
    bool later;  // the copied input has no more yet
    struct buffer scratch;
    struct payloads payloads;
    uint64_t offset; // reached by the front cursor
};

/* What persons have changed of tasks, and room to make them anew. */
struct edited {
    struct edits *edits;
    struct wire_pair *values;
    bool *changed;
    struct buffer words, input;
};

struct role {
    const struct settings *settings;
    const char *dir;
    struct id128 run, incarnation;
    uint32_t generation_known;
    struct tracker *tracker;
    struct net_socket *control;
    int lock, signal_fd;
    int ends_fd;    // an epoll of the peers' pidfds, by handle
    unsigned stops; // INT and TERM so far
    int signal;     // the first of them
    struct resume *resume;
    uint64_t number_max; // highest task number used before this life
    struct input input;
    struct edited edited;
    struct peer peers[WORKERS_MAX + 1];
    unsigned peer_top;
    uint64_t lanes; // opened so far: no name is used twice
    bool sink_there;
    struct id128 sink;
    struct net_peer sink_address;
    struct process sink_process;
    uint64_t syncs, sync_us; // of the sink, as it says
    char results_endpoint[WIRE_TEXT_MAX];
    bool sink_bye;
    struct buffer out, scratch;
    struct buffer end; // the END message
    int64_t started_ms, now_ms;
    int64_t stopping_since_ms; // 0: no signal yet
    int64_t roster_due_ms;     // when to look again for those that are alive
    int64_t unfit_since_ms;    // nobody fits; 0: somebody does, or is not there
    bool unfit_told, apart_told;
    struct halt halt;
    struct id128 asked[ROLE_ASKED_MAX]; // what persons said last
    size_t asked_next;
    bool halt_watched;  // its count is from where this ventilator began
    uint64_t halt_held; // when it was first looked at
    bool halting;       // it has come true
    bool draining, ending;
    bool fenced; // another has followed: end, and say nothing
    int exit;
    uint64_t refused;
    struct problem *problem;
};

/* input.c */
int input_open(struct role *role);
void input_close(struct role *role);
void input_place(struct role *role);
void input_pump(struct role *role);
/* Lets the redo cursor begin anew, up to what the front one has read. */
void input_redo(struct role *role);
void input_fetch(struct role *role, const struct tracker_action *action);

/* edited.c */
int edited_open(struct edited *edited); // 0 or -ENOMEM
void edited_close(struct edited *edited);
/* Makes of a task as it was read what the person wants. It then borrows from
 * `edited`, too. 0, -EINVAL or -ENOMEM with a problem. */
int edited_task(struct edited *edited, const struct settings *settings,
                const struct wire_edit *edit, struct source_task *task,
                struct problem *bad);

/* obey.c */
enum { PERSON_TEXT_MAX = 250 };
struct json_t;
/* What a person says. */
struct person_word {
    struct id128 id;
    struct json_t *root;        // all of it
    int64_t time_us;            // UTC, since 1970
    char text[PERSON_TEXT_MAX]; // who, a line break, a note
};
/* Does what ASK says, if that is a person's word. */
void role_obey(struct role *role, struct span question);
/* decide.c: about held tasks. */
void role_decide(struct role *role, const struct person_word *person);

/* resume.c */
struct resume;
/* After the first SYNCED of a resume: takes up its numbers, or begins to match
 * (again). Returns 0, or -errno: the run has been ended. */
int resume_begin(struct role *role, uint64_t number_max);
void resume_close(struct role *role);
/* Until it is over there is nothing to dispatch. */
bool resume_is_matching(const struct role *role);
/* The copied input whose growth is waited for, or NULL. */
struct source *resume_waits_for(const struct role *role);
void resume_pump(struct role *role);
/* Is there more of the input to match, which nothing will tell of? */
bool resume_reads_on(const struct role *role);
/* -EBADMSG: not the answer that is waited for. */
int resume_matched(struct role *role, const struct wire_matched *matched);
/* The task number at this place of the input; 0: the input has grown there
 * since it was matched. */
uint64_t resume_number(const struct role *role, uint64_t ordinal);

/* peers.c; `unfit` is theirs to free */
struct wire_header role_header(const struct role *role, enum wire_type type);
/* The largest RESULTS: two outputs at their limit, and 1 MiB for the rest. */
uint64_t role_results_max(const struct role *role);
void peer_welcome(struct role *role, unsigned handle,
                  const struct wire_hello *hello,
                  const struct net_peer *address,
                  const struct id128 *incarnation, char *unfit);
void peer_close(struct role *role, unsigned handle);
void peer_tasks(struct role *role, const struct tracker_action *action);
void peer_flush(struct peer *peer);
void peer_forget(struct peer *peer, uint64_t number);
void peer_again(struct peer *peer, uint64_t number);
/* Takes the process behind a handle into `ends_fd`. */
void peer_watch(struct role *role, unsigned handle,
                const struct wire_hello *hello);
/* Tells the tracker which of them have ended. */
void peers_watch_ends(struct role *role);

/* hosts.c */
/* Appends a member for status: the hosts, and which are quarantined. */
void role_put_hosts(const struct role *role, struct buffer *json);

/* explain.c */
/* Appends why a task or the run goes no further, if that is asked. */
void role_put_explain(const struct role *role, struct span question,
                      struct buffer *json);

/* longest.c */
/* Keeps the body of a PROGRESS that was found good. */
void peer_progress(const struct role *role, struct peer *peer,
                   struct span body);
/* Appends members for status: the tasks that have run longest, and which
 * workers start nothing, and why. */
void role_put_longest(const struct role *role, struct buffer *json);
/* fitting.c */
/* How many tasks a worker has room for at once, in `slots`; else a clause that
 * says why none, for the caller to free: an empty one when out of memory. */
char *fitting_of(const struct role *role, const struct wire_hello *hello,
                 uint32_t *slots);
/* Are there workers, and no task fits any of them? Gives the first of those;
 * else NULL. */
const struct peer *fitting_missing(const struct role *role);
/* Appends `,"unfit":[{"host":...,"why":...}, ...]`: the first few of those no
 * task fits. */
void fitting_put_json(const struct role *role, struct buffer *json);
/* Says so where it lasts, once; and when it is over. */
void fitting_watch(struct role *role);

/* messages.c */
void role_receive(struct role *role);
enum { ROSTER_MS = 100 };
/* Tells the tracker which rostered workers of this host have ended. While any
 * is alive that has not said HELLO, roster_due_ms says when to ask again: it
 * may be dying. */
void role_watch_roster(struct role *role);

/* actions.c */
/* Sends what `out` holds; what is lost is said again by its own rule. */
void role_send(struct role *role, const struct net_peer *address);
void role_refuse(struct role *role, const struct net_peer *address,
                 enum wire_refusal code, const char *text);
/* Ends the run for want of memory. */
void role_starve(struct role *role);
/* Does all that the tracker wants. */
void role_act(struct role *role);
void role_end(struct role *role, enum end_reason reason, int exit);
/* Says END to all that have not answered it. */
void role_say_end(struct role *role);

#endif
