// Copying what a sandbox wrote, between descriptors: no name is resolved here.
#define _GNU_SOURCE
#include "csandbox_copy.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

// The kernel's bounds for one file.
enum { NAMES_SIZE = 65536, VALUE_SIZE = 65536 };

static int copy_through_memory(int from, int to, off_t offset, size_t count) {
    static const size_t part = 256 << 10;
    char *buffer = malloc(part);
    if (buffer == NULL) return ENOMEM;
    int error = 0;
    while (count > 0 && error == 0) {
        ssize_t size = pread(from, buffer, count < part ? count : part, offset);
        if (size < 0 && errno == EINTR) continue;
        if (size <= 0) {
            error = size < 0 ? errno : 0;
            break;
        }
        for (ssize_t done = 0; done < size && error == 0;) {
            ssize_t written = pwrite(to, buffer + done, (size_t)(size - done), offset + done);
            if (written >= 0) done += written;
            else if (errno != EINTR) error = errno;
        }
        offset += size;
        count -= (size_t)size;
    }
    free(buffer);
    return error;
}

static int copy_range(int from, int to, off_t start, off_t end) {
    off_t source = start, target = start;
    while (source < end) {
        ssize_t size = copy_file_range(from, &source, to, &target, (size_t)(end - source), 0);
        if (size > 0) continue;
        if (size < 0 && errno == EINTR) continue;
        if (size < 0 && errno != EXDEV && errno != EINVAL && errno != EOPNOTSUPP && errno != ENOSYS) return errno;
        // Across file systems, or one that can't do it by itself. A file that became shorter ends there.
        return copy_through_memory(from, to, source, (size_t)(end - source));
    }
    return 0;
}

int cs_copy_contents(int from, int to, uint64_t limit, uint64_t *copied) {
    struct stat status;
    *copied = 0;
    if (fstat(from, &status) != 0) return errno;
    if (ftruncate(to, status.st_size) != 0) return errno;
    off_t position = 0;
    while (position < status.st_size) {
        off_t start = lseek(from, position, SEEK_DATA);
        if (start < 0) return errno == ENXIO ? 0 : errno;
        off_t end = lseek(from, start, SEEK_HOLE);
        if (end < 0) return errno;
        *copied += (uint64_t)(end - start);
        if (*copied > limit) return EFBIG;
        int error = copy_range(from, to, start, end);
        if (error != 0) return error;
        position = end;
    }
    return 0;
}

int cs_copy_attributes(int from, int to) {
    char source[40], target[40];
    // Through these names attributes of any kind of file can be reached, of links too, which have no descriptor but O_PATH's.
    snprintf(source, sizeof source, "/proc/self/fd/%d", from);
    snprintf(target, sizeof target, "/proc/self/fd/%d", to);
    ssize_t size = listxattr(source, NULL, 0);
    if (size == 0 || (size < 0 && (errno == ENOTSUP || errno == EPERM))) return 0;
    if (size < 0) return errno;
    char *names = malloc(NAMES_SIZE + VALUE_SIZE);
    if (names == NULL) return ENOMEM;
    char *value = names + NAMES_SIZE;
    int error = 0;
    size = listxattr(source, names, NAMES_SIZE);
    if (size < 0) error = errno;
    for (char *name = names; error == 0 && name < names + size; name += strlen(name) + 1) {
        ssize_t length = getxattr(source, name, value, VALUE_SIZE);
        if (length < 0) error = errno == ENODATA ? 0 : errno;
        else if (setxattr(target, name, value, (size_t)length, 0) != 0) error = errno;
    }
    free(names);
    return error;
}
