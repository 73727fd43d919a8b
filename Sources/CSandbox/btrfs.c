// btrfs and loop devices, by descriptors. The mount API is called by number: its header can't be included beside the older one.
#define _GNU_SOURCE
#include "csandbox_btrfs.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/btrfs.h>
#include <linux/loop.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

int cs_is_btrfs(int descriptor) {
    struct statfs status;
    return fstatfs(descriptor, &status) == 0 && status.f_type == BTRFS_SUPER_MAGIC;
}

// ---- loop devices ----

// The bounds of a search: machines have few of them.
enum { LOOP_DEVICES = 4096, LOOP_ATTEMPTS = 64 };

static int open_loop(int number, char *name, size_t capacity) {
    snprintf(name, capacity, "/dev/loop%d", number);
    return open(name, O_RDWR | O_CLOEXEC);
}

static int holds(int device, const struct stat *image) {
    struct loop_info64 information;
    if (ioctl(device, LOOP_GET_STATUS64, &information) != 0) return 0;
    return information.lo_device == image->st_dev && information.lo_inode == image->st_ino;
}

static int find_loop(const struct stat *image, char *name, size_t capacity) {
    for (int number = 0; number < LOOP_DEVICES; number++) {
        struct stat status;
        snprintf(name, capacity, "/sys/block/loop%d/loop", number);
        if (stat(name, &status) != 0) {
            snprintf(name, capacity, "/sys/block/loop%d", number);
            // Numbers may have gaps, but not wide ones.
            if (number > 256 && stat(name, &status) != 0) return -1;
            continue;
        }
        int device = open_loop(number, name, capacity);
        if (device < 0) continue;
        if (holds(device, image)) return device;
        close(device);
    }
    return -1;
}

static int new_loop(int image, char *name, size_t capacity, int *device) {
    int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
    if (control < 0) return errno;
    int error = EBUSY;
    // Another program may take the free one first.
    for (int attempt = 0; attempt < LOOP_ATTEMPTS && error == EBUSY; attempt++) {
        int number = ioctl(control, LOOP_CTL_GET_FREE);
        int opened = number < 0 ? -1 : open_loop(number, name, capacity);
        if (opened < 0) {
            error = errno;
            break;
        }
        struct loop_config configuration;
        memset(&configuration, 0, sizeof configuration);
        configuration.fd = (uint32_t)image;
        configuration.info.lo_flags = LO_FLAGS_AUTOCLEAR;
        error = ioctl(opened, LOOP_CONFIGURE, &configuration) == 0 ? 0 : errno;
        if (error == 0) *device = opened;
        else close(opened);
    }
    close(control);
    return error;
}

int cs_loop_device(int image, int *device, char *name, size_t capacity) {
    struct stat status;
    if (fstat(image, &status) != 0) return errno;
    // Two devices over one file would each keep blocks of their own, and ruin it.
    *device = find_loop(&status, name, capacity);
    return *device >= 0 ? 0 : new_loop(image, name, capacity, device);
}

// ---- mounts ----

static int configure(int context, const char *device, const char *const *options, size_t count) {
    if (syscall(SYS_fsconfig, context, FSCONFIG_SET_STRING, "source", device, 0) != 0) return errno;
    for (size_t i = 0; i < count; i++) {
        const char *value = strchr(options[i], '=');
        char key[64];
        if (value == NULL) {
            if (syscall(SYS_fsconfig, context, FSCONFIG_SET_FLAG, options[i], NULL, 0) != 0) return errno;
            continue;
        }
        snprintf(key, sizeof key, "%.*s", (int)(value - options[i]), options[i]);
        if (syscall(SYS_fsconfig, context, FSCONFIG_SET_STRING, key, value + 1, 0) != 0) return errno;
    }
    return syscall(SYS_fsconfig, context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) == 0 ? 0 : errno;
}

int cs_mount_btrfs(const char *device, const char *const *options, size_t count, int *mount, const char **stage) {
    *stage = "fsopen(btrfs)";
    int context = (int)syscall(SYS_fsopen, "btrfs", FSOPEN_CLOEXEC);
    if (context < 0) return errno;
    *stage = "fsconfig(btrfs)";
    int error = configure(context, device, options, count);
    if (error == 0) {
        *stage = "fsmount(btrfs)";
        *mount = (int)syscall(SYS_fsmount, context, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOATIME);
        if (*mount < 0) error = errno;
    }
    close(context);
    return error;
}

// ---- subvolumes ----

static int name_into(char *field, size_t capacity, const char *name) {
    if (strlen(name) >= capacity) return ENAMETOOLONG;
    strcpy(field, name);
    return 0;
}

int cs_subvolume_create(int directory, const char *name) {
    struct btrfs_ioctl_vol_args arguments;
    memset(&arguments, 0, sizeof arguments);
    int error = name_into(arguments.name, sizeof arguments.name, name);
    if (error != 0) return error;
    return ioctl(directory, BTRFS_IOC_SUBVOL_CREATE, &arguments) == 0 ? 0 : errno;
}

int cs_subvolume_snapshot(int directory, const char *name, int source) {
    struct btrfs_ioctl_vol_args_v2 arguments;
    memset(&arguments, 0, sizeof arguments);
    arguments.fd = source;
    arguments.flags = BTRFS_SUBVOL_RDONLY;
    int error = name_into(arguments.name, sizeof arguments.name, name);
    if (error != 0) return error;
    return ioctl(directory, BTRFS_IOC_SNAP_CREATE_V2, &arguments) == 0 ? 0 : errno;
}

int cs_subvolume_destroy(int directory, const char *name) {
    struct btrfs_ioctl_vol_args arguments;
    memset(&arguments, 0, sizeof arguments);
    int error = name_into(arguments.name, sizeof arguments.name, name);
    if (error != 0) return error;
    return ioctl(directory, BTRFS_IOC_SNAP_DESTROY, &arguments) == 0 ? 0 : errno;
}

int cs_subvolume_id(int descriptor, uint64_t *id) {
    struct btrfs_ioctl_ino_lookup_args arguments;
    memset(&arguments, 0, sizeof arguments);
    arguments.objectid = CS_SUBVOLUME_INODE;
    if (ioctl(descriptor, BTRFS_IOC_INO_LOOKUP, &arguments) != 0) return errno;
    *id = arguments.treeid;
    return 0;
}

// ---- quotas ----

int cs_quota_enable(int descriptor) {
    struct btrfs_ioctl_quota_ctl_args arguments;
    memset(&arguments, 0, sizeof arguments);
    arguments.cmd = BTRFS_QUOTA_CTL_ENABLE;
    if (ioctl(descriptor, BTRFS_IOC_QUOTA_CTL, &arguments) == 0) return 0;
    return errno == EEXIST ? 0 : errno;
}

int cs_quota_limit(int descriptor, uint64_t subvolume, uint64_t bytes) {
    struct btrfs_ioctl_qgroup_limit_args arguments;
    memset(&arguments, 0, sizeof arguments);
    arguments.qgroupid = subvolume;
    arguments.lim.flags = BTRFS_QGROUP_LIMIT_MAX_RFER;
    arguments.lim.max_rfer = bytes;
    return ioctl(descriptor, BTRFS_IOC_QGROUP_LIMIT, &arguments) == 0 ? 0 : errno;
}

int cs_quota_forget(int descriptor, uint64_t subvolume) {
    struct btrfs_ioctl_qgroup_create_args arguments;
    memset(&arguments, 0, sizeof arguments);
    arguments.create = 0;
    arguments.qgroupid = subvolume;
    return ioctl(descriptor, BTRFS_IOC_QGROUP_CREATE, &arguments) == 0 ? 0 : errno;
}

int cs_btrfs_uuid(int descriptor, char text[37]) {
    struct btrfs_ioctl_fs_info_args information;
    memset(&information, 0, sizeof information);
    if (ioctl(descriptor, BTRFS_IOC_FS_INFO, &information) != 0) return errno;
    char *next = text;
    for (int i = 0; i < 16; i++) next += sprintf(next, i == 4 || i == 6 || i == 8 || i == 10 ? "-%02x" : "%02x", information.fsid[i]);
    return 0;
}
