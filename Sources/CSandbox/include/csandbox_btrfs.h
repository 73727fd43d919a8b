#ifndef CSANDBOX_BTRFS_H
#define CSANDBOX_BTRFS_H
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/// Whether the file system that `descriptor` is on is btrfs.
int cs_is_btrfs(int descriptor);

/// The loop device over the file `image`: the one that exists, else a new one, which goes away with its last user. *device is an open
/// descriptor that keeps it, and `name` its path. 0, or an errno.
int cs_loop_device(int image, int *device, char *name, size_t capacity);

/// Mounts the btrfs on `device` with those options, without a place: *mount names it (close-on-exec), and it goes away with that and
/// with whatever else uses it. 0, or an errno; *stage names the call that failed.
int cs_mount_btrfs(const char *device, const char *const *options, size_t count, int *mount, const char **stage);

/// Makes an empty subvolume, or one that holds what `source`'s does, read-only. 0, or an errno.
int cs_subvolume_create(int directory, const char *name);
int cs_subvolume_snapshot(int directory, const char *name, int source);
/// Removes a subvolume with everything in it; the blocks come free in the background. 0, or an errno.
int cs_subvolume_destroy(int directory, const char *name);
/// The number of the subvolume that `descriptor` is in. 0, or an errno.
int cs_subvolume_id(int descriptor, uint64_t *id);
/// The number of the directory at the top of every subvolume.
#define CS_SUBVOLUME_INODE 256

/// Counts what each subvolume takes from now on. 0 (also where it is counted already), or an errno.
int cs_quota_enable(int descriptor);
/// Bounds the bytes that a subvolume may hold; UINT64_MAX: no bound. 0, or an errno.
int cs_quota_limit(int descriptor, uint64_t subvolume, uint64_t bytes);
/// Removes the count of a subvolume that is gone. 0, or an errno.
int cs_quota_forget(int descriptor, uint64_t subvolume);
/// The file system's identity, as /sys/fs/btrfs names it. 0, or an errno.
int cs_btrfs_uuid(int descriptor, char text[37]);
#endif
