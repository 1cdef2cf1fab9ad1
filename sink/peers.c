#include "sink/peers.h"

#include "common/base/map.h"
#include "sink/grow.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct peers {
    struct map *index; // folded id -> place in `at`
    struct peer *at;
    size_t count, capacity;
};

static uint64_t fold(const struct id128 *id)
{
    uint64_t half[2];
    static_assert(sizeof half == sizeof id->byte, "an id is two words");
    memcpy(half, id->byte, sizeof half);
    return half[0] ^ (half[1] << 1 | half[1] >> 63);
}

struct peers *peers_create(void)
{
    struct peers *peers = calloc(1, sizeof *peers);
    if (peers == NULL)
        return NULL;
    peers->index = map_create();
    if (peers->index == NULL)
        peers_destroy(&peers);
    return peers;
}

void peers_destroy(struct peers **peers)
{
    if (*peers == NULL)
        return;
    for (size_t i = 0; i < (*peers)->count; i++)
        free((*peers)->at[i].host);
    free((*peers)->at);
    if ((*peers)->index != NULL)
        map_destroy(&(*peers)->index);
    free(*peers);
    *peers = NULL;
}

struct peer *peers_find(const struct peers *peers, const struct id128 *id)
{
    uint64_t place = 0;
    if (!map_get(peers->index, fold(id), &place))
        return NULL;
    struct peer *peer = &peers->at[place];
    return id128_equal(&peer->id, id) ? peer : NULL;
}

struct peer *peers_add(struct peers *peers, const struct id128 *id)
{
    struct peer *known = peers_find(peers, id);
    if (known != NULL)
        return known;
    uint64_t place = 0;
    // Two ids that fold alike are chosen, not drawn: the second is refused.
    if (peers->count >= PEERS_MAX || map_get(peers->index, fold(id), &place))
        return NULL;
    if (grow(&peers->at, &peers->capacity, peers->count, sizeof *peers->at) < 0)
        return NULL;
    if (map_put(peers->index, fold(id), peers->count) < 0)
        return NULL;
    struct peer *made = &peers->at[peers->count++];
    *made = (struct peer){.id = *id};
    return made;
}

void peers_drop(struct peers *peers, const struct id128 *id)
{
    struct peer *gone = peers_find(peers, id);
    if (gone == NULL)
        return;
    free(gone->host);
    map_remove(peers->index, fold(id));
    struct peer *last = &peers->at[--peers->count];
    if (gone == last)
        return;
    *gone = *last;
    // The key is there already: putting it again allocates nothing.
    (void)map_put(peers->index, fold(&gone->id), (uint64_t)(gone - peers->at));
}

size_t peers_count(const struct peers *peers)
{
    return peers->count;
}

struct peer *peers_at(const struct peers *peers, size_t index)
{
    return &peers->at[index];
}

int peer_set_host(struct peer *peer, struct span host)
{
    char *text = malloc(host.size + 1);
    if (text == NULL)
        return -ENOMEM;
    if (host.size > 0)
        memcpy(text, host.at, host.size);
    text[host.size] = '\0';
    free(peer->host);
    peer->host = text;
    peer->host_size = host.size;
    return 0;
}
