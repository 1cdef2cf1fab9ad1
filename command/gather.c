#include "command/gather.h"

#include "command/spill.h"
#include "common/base/map.h"
#include "common/base/numset.h"

#include <errno.h>
#include <stdlib.h>

struct attempt {
    struct spill_piece piece; // its line
    size_t next_free;
};

struct gather {
    struct gather_options options;
    struct map *rounds;    // task -> last round with a final record, if not 0
    struct numset *firsts; // tasks with a final record of round 0
    struct map *later;     // task -> last later round with one, as read so far
    struct map *attempts;  // task -> index of its last attempt, not final
    struct attempt *at;
    size_t count, capacity;
    size_t free; // 1 + index of an unused one; 0: none
    struct spill spill;
    struct buffer text, scratch;
};

struct gather *gather_create(struct gather_options options)
{
    struct gather *gather = calloc(1, sizeof *gather);
    if (!gather)
        return NULL;
    gather->options = options;
    spill_init(&gather->spill);
    gather->rounds = map_create();
    gather->attempts = map_create();
    gather->later = map_create();
    gather->firsts = numset_create();
    if (!gather->rounds || !gather->attempts || !gather->later ||
        !gather->firsts)
        gather_destroy(&gather);
    return gather;
}

void gather_destroy(struct gather **gather)
{
    struct gather *const gone = *gather;
    if (!gone)
        return;
    spill_clear(&gone->spill);
    map_destroy(&gone->rounds);
    map_destroy(&gone->attempts);
    map_destroy(&gone->later);
    numset_destroy(&gone->firsts);
    buffer_free(&gone->text);
    buffer_free(&gone->scratch);
    free(gone->at);
    free(gone);
    *gather = NULL;
}

static uint64_t last_round(const struct gather *gather, uint64_t task)
{
    uint64_t round = 0;
    (void)map_get(gather->rounds, task, &round);
    return round;
}

int gather_survey(struct gather *gather, const struct record *record)
{
    if (record->event != EVENT_NONE || !record->final ||
        record->round <= last_round(gather, record->task))
        return 0;
    return map_put(gather->rounds, record->task, record->round);
}

static void let_go(struct gather *gather, uint64_t task)
{
    uint64_t index;
    if (!map_get(gather->attempts, task, &index))
        return;
    map_remove(gather->attempts, task);
    spill_drop(&gather->spill);
    gather->at[index].next_free = gather->free;
    gather->free = (size_t)index + 1;
}

static int make_room(struct gather *gather, size_t *index)
{
    if (gather->free > 0) {
        *index = gather->free - 1;
        gather->free = gather->at[*index].next_free;
        return 0;
    }
    if (gather->count == gather->capacity) {
        const size_t capacity = gather->capacity ? 2 * gather->capacity : 64;
        struct attempt *const grown =
            reallocarray(gather->at, capacity, sizeof *grown);
        if (!grown)
            return -ENOMEM;
        gather->at = grown;
        gather->capacity = capacity;
    }
    *index = gather->count++;
    return 0;
}

static int keep(struct gather *gather, uint64_t task, struct span line)
{
    struct attempt attempt = {.next_free = 0};
    size_t index = 0;
    let_go(gather, task);
    int error = spill_put(&gather->spill, line, &attempt.piece);
    if (error != 0)
        return error;
    error = make_room(gather, &index);
    if (error == 0) {
        gather->at[index] = attempt;
        error = map_put(gather->attempts, task, index);
    }
    if (error != 0)
        spill_drop(&gather->spill);
    return error;
}

// The last attempt of a task; false when that is not at hand.
static bool find_attempt(struct gather *gather, uint64_t task,
                         struct record *whole, int *error)
{
    uint64_t index;
    if (!map_get(gather->attempts, task, &index))
        return false;
    buffer_clear(&gather->text);
    *error = spill_get(&gather->spill, gather->at[index].piece, &gather->text);
    if (*error == 0)
        *error =
            record_read(buffer_span(&gather->text), &gather->scratch, whole);
    return *error == 0;
}

// Fills `whole` up with the attempt that it is about; false when that is not
// at hand.
static bool fill_up(struct gather *gather, const struct record *final,
                    struct record *whole, int *error)
{
    if (record_of_worker(final) ||
        !find_attempt(gather, final->task, whole, error) ||
        whole->attempt != final->attempt ||
        whole->generation != final->generation)
        return false;
    whole->final = true;
    whole->status = final->status;
    whole->class = final->class;
    whole->round = final->round;
    whole->number = final->number;
    if (final->note.size > 0)
        whole->note = final->note;
    whole->user = final->user;
    return true;
}

static bool is_good(enum status status)
{
    return status == STATUS_OK || status == STATUS_IGNORED ||
           status == STATUS_DROPPED;
}

// 1; 0: there was one of this task and round before; or -errno.
static int first_of_round(struct gather *gather, const struct record *record)
{
    uint64_t round = 0;
    if (record->task > NUMSET_NUMBER_MAX)
        return 0;
    if (record->round == 0)
        return numset_add(gather->firsts, record->task);
    (void)map_get(gather->later, record->task, &round);
    if (record->round <= round)
        return 0;
    const int error = map_put(gather->later, record->task, record->round);
    return error != 0 ? error : 1;
}

static int take_held(struct gather *gather, const struct record *record,
                     gather_emit *emit, void *context)
{
    struct record whole;
    int error = 0;
    if (find_attempt(gather, record->task, &whole, &error)) {
        whole.status = STATUS_HELD;
        error = emit(context, &whole, (struct span){0});
    }
    return error;
}

int gather_take(struct gather *gather, const struct record *record,
                struct span line, gather_emit *emit, void *context)
{
    const struct gather_options *const options = &gather->options;
    if (record->event == EVENT_DECISION && options->all_attempts)
        return options->failed ? 0 : emit(context, record, line);
    if (options->held && record->event == EVENT_DECISION &&
        record->status == STATUS_HELD)
        return take_held(gather, record, emit, context);
    if (record->event != EVENT_NONE || record->task == 0)
        return 0;
    const int first = record->final ? first_of_round(gather, record) : 1;
    if (first <= 0)
        return first < 0 ? first : -EBADMSG;
    const bool wanted = !options->failed || !is_good(record->status);
    if (options->all_attempts)
        return wanted ? emit(context, record, line) : 0;
    if (!record->final)
        return keep(gather, record->task, line);
    int error = 0;
    if (wanted && record->round >= last_round(gather, record->task)) {
        struct record whole;
        if (fill_up(gather, record, &whole, &error))
            error = emit(context, &whole, (struct span){0});
        else if (error == 0)
            error = emit(context, record, line);
    }
    let_go(gather, record->task);
    return error;
}
