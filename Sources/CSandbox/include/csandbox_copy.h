#ifndef CSANDBOX_COPY_H
#define CSANDBOX_COPY_H
#include <stdint.h>
#include <sys/types.h>

/// Copies a regular file's contents from one open file to another, empty one: holes stay holes, blocks are shared where the file
/// system can. At most `limit` bytes of data; *copied says how many. 0, or an errno: EFBIG beyond the limit.
int cs_copy_contents(int from, int to, uint64_t limit, uint64_t *copied);

/// Copies every extended attribute, those of overlay and of capabilities included, between two descriptors, which may be O_PATH.
/// 0, or an errno.
int cs_copy_attributes(int from, int to);
#endif
