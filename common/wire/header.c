#include "common/wire/codec.h"

#include <assert.h>
#include <string.h>
#include <zlib.h>

enum {
    FLAGS_OFFSET = 6,
    BODY_SIZE_OFFSET = 12,
    INFLATED_SIZE_OFFSET = 16,
    DEFLATE_MIN = 64,         // bytes of the smallest body worth trying
    INFLATE_RATIO_MAX = 1032, // deflate's limit (zlib technical details)
};

#define FROM(role) (1U << (role))
enum {
    NOBODY_YET = FROM(ROLE_NONE),
    VENTILATOR = FROM(ROLE_VENTILATOR),
    WORKER = FROM(ROLE_WORKER),
    SINK = FROM(ROLE_SINK),
    OPERATOR = FROM(ROLE_OPERATOR),
};

const struct wire_row WIRE_TABLE[WIRE_TYPES] = {
    [0] = {"unknown", 0, 0, false},
    [WIRE_HELLO] = {"HELLO", NOBODY_YET | WORKER | SINK | OPERATOR, 72, true},
    [WIRE_WELCOME] = {"WELCOME", VENTILATOR, 51, false},
    [WIRE_REFUSED] = {"REFUSED", VENTILATOR | SINK, 4, true},
    [WIRE_TASKS] = {"TASKS", VENTILATOR, 32, false},
    [WIRE_REPORT] = {"REPORT", WORKER, 64, false},
    [WIRE_RECALL] = {"RECALL", VENTILATOR, 8, false},
    [WIRE_RETURNED] = {"RETURNED", WORKER, 8, false},
    [WIRE_CANCEL] = {"CANCEL", VENTILATOR, 4, false},
    [WIRE_RESULTS] = {"RESULTS", WORKER, 20, false},
    [WIRE_STORED] = {"STORED", SINK, 52, false},
    [WIRE_RETIRE] = {"RETIRE", VENTILATOR, 8, false},
    [WIRE_RESEND] = {"RESEND", VENTILATOR, 26, false},
    [WIRE_RECORD] = {"RECORD", VENTILATOR, 20, false},
    [WIRE_SYNC] = {"SYNC", VENTILATOR, 28, false},
    [WIRE_SYNCED] = {"SYNCED", SINK, 200, false},
    [WIRE_END] = {"END", VENTILATOR, 90, false},
    [WIRE_BYE] = {"BYE", WORKER | SINK, 25, false},
    [WIRE_MATCH] = {"MATCH", VENTILATOR, 13, false},
    [WIRE_MATCHED] = {"MATCHED", SINK, 20, false},
    [WIRE_ASK] = {"ASK", NOBODY_YET | OPERATOR, 8, true},
    [WIRE_ANSWER] = {"ANSWER", VENTILATOR, 8, true},
    [WIRE_PROGRESS] = {"PROGRESS", WORKER, 6, false},
};

static const char *const FAULT_NAMES[] = {
    [WIRE_FINE] = "fine",           [WIRE_SHORT] = "short",
    [WIRE_MAGIC] = "magic",         [WIRE_VERSION_UNKNOWN] = "version",
    [WIRE_TYPE_UNKNOWN] = "type",   [WIRE_FLAGS] = "flags",
    [WIRE_TOO_LARGE] = "too-large", [WIRE_INFLATE] = "inflate",
    [WIRE_BODY] = "body",
};
static_assert(sizeof FAULT_NAMES / sizeof *FAULT_NAMES == WIRE_FAULTS,
              "one name per fault");

const char *wire_type_name(uint8_t type)
{
    return WIRE_TABLE[type < WIRE_TYPES ? type : 0].name;
}

const char *wire_fault_name(enum wire_fault fault)
{
    return (unsigned)fault < WIRE_FAULTS ? FAULT_NAMES[fault] : "unknown";
}

static size_t type_max(uint8_t type, size_t size_max)
{
    const bool bulk = type == WIRE_TASKS || type == WIRE_RESULTS;
    return !bulk && size_max > WIRE_CONTROL_MAX ? WIRE_CONTROL_MAX : size_max;
}

static bool is_spoken(const struct wire_header *header)
{
    if (header->type < WIRE_TYPES && WIRE_TABLE[header->type].ageless)
        return header->version == WIRE_VERSION_FIRST;
    return header->version >= WIRE_VERSION_MIN &&
           header->version <= WIRE_VERSION;
}

static enum wire_fault check_header(const struct wire_header *header,
                                    size_t body_size, size_t size_max)
{
    if (!is_spoken(header))
        return WIRE_VERSION_UNKNOWN;
    if (header->type == 0 || header->type >= WIRE_TYPES)
        return WIRE_TYPE_UNKNOWN;
    const bool deflated = (header->flags & WIRE_DEFLATED) != 0;
    if ((header->flags & ~WIRE_DEFLATED) != 0 ||
        deflated != (header->inflated_size != 0))
        return WIRE_FLAGS;
    if (header->body_size != body_size)
        return WIRE_SHORT;
    const size_t max = type_max(header->type, size_max);
    if (max < WIRE_HEADER_SIZE || body_size > max - WIRE_HEADER_SIZE ||
        header->inflated_size > max - WIRE_HEADER_SIZE)
        return WIRE_TOO_LARGE;
    // No honest body promises more; so a bomb costs no memory either.
    if (header->inflated_size / INFLATE_RATIO_MAX > header->body_size)
        return WIRE_INFLATE;
    return WIRE_FINE;
}

static enum wire_fault inflate_body(struct span *body, uint32_t inflated_size,
                                    struct buffer *scratch)
{
    buffer_clear(scratch);
    uint8_t *room = buffer_extend(scratch, inflated_size);
    if (!room)
        return WIRE_TOO_LARGE;
    uLongf made = inflated_size;
    uLong taken = body->size;
    if (uncompress2(room, &made, body->at, &taken) != Z_OK ||
        made != inflated_size || taken != body->size) {
        buffer_clear(scratch);
        return WIRE_INFLATE;
    }
    *body = buffer_span(scratch);
    return WIRE_FINE;
}

enum wire_fault wire_open(struct span frame, size_t size_max,
                          struct buffer *scratch, struct wire_header *header,
                          struct span *body)
{
    *header = (struct wire_header){0};
    *body = (struct span){0};
    if (frame.size < WIRE_HEADER_SIZE)
        return WIRE_SHORT;
    struct reader reader = reader_over(frame);
    if (!span_equal(read_bytes(&reader, 4), SPAN_OF("FAN1")))
        return WIRE_MAGIC;
    header->version = read_u8(&reader);
    header->type = read_u8(&reader);
    header->flags = read_u16(&reader);
    header->generation = read_u32(&reader);
    header->body_size = read_u32(&reader);
    header->inflated_size = read_u32(&reader);
    header->run = read_id(&reader);
    header->sender = read_id(&reader);

    enum wire_fault fault =
        check_header(header, reader_left(&reader), size_max);
    if (fault != WIRE_FINE)
        return fault;
    struct span inside = read_bytes(&reader, header->body_size);
    if (header->flags & WIRE_DEFLATED)
        fault = inflate_body(&inside, header->inflated_size, scratch);
    if (fault == WIRE_FINE && inside.size < WIRE_TABLE[header->type].body_min)
        fault = WIRE_BODY;
    if (fault == WIRE_FINE)
        *body = inside;
    return fault;
}

void wire_deflate(struct buffer *frame)
{
    if (frame->failed || frame->size < WIRE_HEADER_SIZE + DEFLATE_MIN ||
        frame->at[FLAGS_OFFSET] & WIRE_DEFLATED)
        return;
    const size_t plain = frame->size - WIRE_HEADER_SIZE;
    uLongf size = plain - plain / 8;
    struct buffer small = {0};
    uint8_t *room = buffer_extend(&small, size);
    // A result that does not fit saves too little: compress2 says so.
    if (room && compress2(room, &size, frame->at + WIRE_HEADER_SIZE, plain,
                          Z_BEST_SPEED) == Z_OK) {
        memcpy(frame->at + WIRE_HEADER_SIZE, room, size);
        frame->size = WIRE_HEADER_SIZE + size;
        frame->at[FLAGS_OFFSET] |= WIRE_DEFLATED;
        set_u32(frame, BODY_SIZE_OFFSET, (uint32_t)size);
        set_u32(frame, INFLATED_SIZE_OFFSET, (uint32_t)plain);
    }
    buffer_free(&small);
}
