#ifndef CSCAN_H
#define CSCAN_H
#include <stddef.h>
#include <stdint.h>

/// The offset of the first place in `haystack` where `needle` stands; -1 when there is none.
long cscan_find(const void *haystack, size_t haystack_length, const void *needle, size_t needle_length);

/// One gzip or zlib stream, or several one behind the other, on their way through zlib. Opaque, so that no header of zlib's or of the
/// system's is part of this module.
typedef struct cscan_inflation cscan_inflation;

/// NULL when there is no memory.
cscan_inflation *cscan_inflation_new(void);
void cscan_inflation_free(cscan_inflation *inflation);

/// Takes input from `in` and puts what it expands to into `out`; says how much of each. Returns 0 while more can be done, and -1 where
/// the input is no such stream (any more).
int cscan_inflate(
    cscan_inflation *inflation, const uint8_t *in, size_t in_length, size_t *consumed, uint8_t *out, size_t out_length,
    size_t *produced);
#endif
