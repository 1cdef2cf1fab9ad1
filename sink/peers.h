/* peers - the workers the sink knows: the roster and the RESULTS links
 *
 * A worker is in the roster from its `joined` record to its `left`, and has a
 * link once it sent RESULTS. One entry serves both; it goes when neither needs
 * it. Pure; at most PEERS_MAX entries.
 */
#ifndef SINK_PEERS_H
#define SINK_PEERS_H

#include "common/base/bytes.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PEERS_MAX = 65536 };

struct peer {
    struct id128 id;
    bool rostered, linked;
    bool left;        /* its `left` was recorded: the link goes too */
    bool dirty;       /* `taken` may be ahead of what STORED has told */
    uint64_t taken;   /* every RESULTS up to it was decided */
    uint64_t durable; /* and up to here is durable */
    struct id128 boot;
    uint64_t pid_start;
    uint32_t pid;
    char *host; /* owned; may be NULL */
    size_t host_size;
};

struct peers;

struct peers *peers_create(void); /* NULL when out of memory */
void peers_destroy(struct peers **peers);
/* Pointers live until the next peers_add or peers_drop. O(1). */
struct peer *peers_find(const struct peers *peers, const struct id128 *id);
/* Finds or makes it; NULL when out of memory or full. */
struct peer *peers_add(struct peers *peers, const struct id128 *id);
void peers_drop(struct peers *peers, const struct id128 *id);
size_t peers_count(const struct peers *peers);
struct peer *peers_at(const struct peers *peers, size_t index);
/* Replaces the host name. Returns 0 or -ENOMEM. */
int peer_set_host(struct peer *peer, struct span host);

#endif
