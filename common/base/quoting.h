/* quoting - where in a line of CSV a byte stands (RFC 4180)
 *
 * A quote opens only at the start of a field; in a quoted one a separator of
 * fields or records is a byte as any, and two quotes are one.
 */
#ifndef COMMON_BASE_QUOTING_H
#define COMMON_BASE_QUOTING_H

#include <stdint.h>

enum quoting { AT_FIELD, IN_FIELD, IN_QUOTES, AFTER_QUOTE };

/* Where the next byte stands, behind this one. */
static inline enum quoting quoting_after(enum quoting quoting, uint8_t byte)
{
    switch (quoting) {
    case IN_QUOTES:
        return byte == '"' ? AFTER_QUOTE : IN_QUOTES;
    case AFTER_QUOTE:
    case AT_FIELD:
        if (byte == '"')
            return IN_QUOTES;
        break;
    case IN_FIELD:
        break;
    }
    return byte == ',' ? AT_FIELD : IN_FIELD;
}

#endif
