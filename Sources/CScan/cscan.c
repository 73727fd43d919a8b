#define _GNU_SOURCE
#include "cscan.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

struct cscan_inflation {
  z_stream stream;
};

long cscan_find(const void *haystack, size_t haystack_length, const void *needle, size_t needle_length) {
  const void *place = memmem(haystack, haystack_length, needle, needle_length);
  return place == NULL ? -1 : (const char *)place - (const char *)haystack;
}

cscan_inflation *cscan_inflation_new(void) {
  cscan_inflation *inflation = calloc(1, sizeof(*inflation));
  // 32 + 15: gzip or zlib framing, whichever it is, with the largest window.
  if (inflation != NULL && inflateInit2(&inflation->stream, 32 + 15) != Z_OK) {
    free(inflation);
    return NULL;
  }
  return inflation;
}

void cscan_inflation_free(cscan_inflation *inflation) {
  if (inflation == NULL) return;
  inflateEnd(&inflation->stream);
  free(inflation);
}

int cscan_inflate(
    cscan_inflation *inflation, const uint8_t *in, size_t in_length, size_t *consumed, uint8_t *out, size_t out_length,
    size_t *produced) {
  z_stream *stream = &inflation->stream;
  // zlib only reads through next_in, although its type is not const.
  stream->next_in = (uint8_t *)in;
  stream->avail_in = (unsigned)in_length;
  stream->next_out = out;
  stream->avail_out = (unsigned)out_length;
  int result = inflate(stream, Z_NO_FLUSH);
  *consumed = in_length - stream->avail_in;
  *produced = out_length - stream->avail_out;
  if (result == Z_STREAM_END) return inflateReset(stream) == Z_OK ? 0 : -1;
  // Z_BUF_ERROR: nothing to do without more input.
  return result == Z_OK || result == Z_BUF_ERROR ? 0 : -1;
}
