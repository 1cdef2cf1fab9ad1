/* codec - what the files of this folder share: frames, lists, common entries
 *
 * Private to common/wire. Entry readers set the reader's `failed` when an
 * entry breaks its grammar, so that a decoder asks once, at the end.
 */
#ifndef COMMON_WIRE_CODEC_H
#define COMMON_WIRE_CODEC_H

#include "common/wire/wire.h"

/* Appends a header of this type, its body_size still open, and returns where
 * the frame begins in the buffer; codec_end fills in the size. */
size_t codec_begin(struct buffer *out, const struct wire_header *header,
                   enum wire_type type);
void codec_end(struct buffer *out, size_t begun);

/* Writes over bytes put earlier; out of bounds: nothing happens. */
void codec_set_u64(struct buffer *out, size_t offset, uint64_t value);

/* A bool as one byte, 0 or 1; a text of up to WIRE_TEXT_MAX. */
uint8_t codec_read_flag(struct reader *reader);
struct span codec_read_text(struct reader *reader);

/* Reads one entry and fails the reader when it is bad. */
typedef void codec_check(struct reader *reader);

struct codec_kind {
    codec_check *check;
    size_t entry_min; /* bytes of the smallest entry */
    uint32_t count_max;
};

/* A list behind a u32 (u16) count: checks each entry and steps over it. */
struct wire_list codec_read_list(struct reader *reader,
                                 const struct codec_kind *kind);
struct wire_list codec_read_list16(struct reader *reader,
                                   const struct codec_kind *kind);
/* Takes one entry off the count; false when none is left. */
bool codec_next(struct wire_list *list);

struct wire_list codec_read_runs(struct reader *reader);
struct wire_list codec_read_refs(struct reader *reader);
struct wire_list codec_read_pairs(struct reader *reader);
struct wire_list codec_read_pairs16(struct reader *reader);

void codec_put_count(struct buffer *out, size_t count);
void codec_put_count16(struct buffer *out, size_t count);
void codec_put_runs(struct buffer *out, struct wire_runs_out runs);
void codec_put_refs(struct buffer *out, struct wire_refs_out refs);
void codec_put_pairs(struct buffer *out, struct wire_pairs_out pairs);

#endif
