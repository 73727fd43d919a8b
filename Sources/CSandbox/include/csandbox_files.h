#ifndef CSANDBOX_FILES_H
#define CSANDBOX_FILES_H
#include <stdint.h>
#include <sys/types.h>

/// O_PATH, which needs _GNU_SOURCE: a descriptor that only names its file.
#define CS_OPEN_PATH 010000000

/// Opens `path` below `directory` without following a symbolic link anywhere and without leaving `directory`.
/// The descriptor is close-on-exec; -errno on failure.
int cs_open_beneath(int directory, const char *path, int flags, mode_t mode);

/// Swaps two names atomically (RENAME_EXCHANGE). 0, or an errno.
int cs_exchange(int from_directory, const char *from, int to_directory, const char *to);
/// Renames to a name that must be free (RENAME_NOREPLACE). 0, or an errno.
int cs_rename_new(int from_directory, const char *from, int to_directory, const char *to);

/// Writes out the file system that `descriptor` is on. 0, or an errno.
int cs_sync_filesystem(int descriptor);

/// An anonymous file in memory, close-on-exec, or -errno.
int cs_memory_file(const char *name);
#endif
