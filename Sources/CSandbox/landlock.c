// Landlock by number: its header in older distributions lacks what newer kernels know.
#define _GNU_SOURCE
#include "csandbox_landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { CREATE_RULESET = 444, ADD_RULE = 445, RESTRICT_SELF = 446 };
enum { VERSION = 1, PATH_BENEATH = 1 };

#define MAKE_CHAR (1ULL << 6)
#define MAKE_BLOCK (1ULL << 11)
#define REFER (1ULL << 13)
#define IOCTL_DEVICE (1ULL << 15)
#define SCOPE_ABSTRACT_SOCKET (1ULL << 0)
#define SCOPE_SIGNAL (1ULL << 1)

struct ruleset {
    uint64_t files, network, scoped;
};

struct __attribute__((packed)) path_rule {
    uint64_t access;
    int32_t parent;
};

int cs_landlock_version(void) {
    long version = syscall(CREATE_RULESET, NULL, 0, VERSION);
    return version < 0 ? 0 : (int)version;
}

static int allow(int ruleset, const char *path, uint64_t access) {
    int directory = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0) return errno == ENOENT ? 0 : errno;
    struct path_rule rule = {.access = access, .parent = directory};
    int error = syscall(ADD_RULE, ruleset, PATH_BENEATH, &rule, 0) == 0 ? 0 : errno;
    close(directory);
    return error;
}

int cs_landlock_confine(void) {
    int version = cs_landlock_version();
    // Version 1 forbids every rename into another directory.
    if (version < 2) return ENOSYS;
    struct ruleset attributes = {.files = MAKE_CHAR | MAKE_BLOCK | REFER};
    size_t size = sizeof attributes.files;
    if (version >= 5) attributes.files |= IOCTL_DEVICE;
    if (version >= 6) {
        attributes.scoped = SCOPE_ABSTRACT_SOCKET | SCOPE_SIGNAL;
        size = sizeof attributes;
    }
    int ruleset = (int)syscall(CREATE_RULESET, &attributes, size, 0);
    if (ruleset < 0) return errno;
    int error = allow(ruleset, "/", REFER);
    if (error == 0) error = allow(ruleset, "/dev", REFER | (attributes.files & IOCTL_DEVICE));
    if (error == 0 && syscall(RESTRICT_SELF, ruleset, 0) != 0) error = errno;
    close(ruleset);
    return error;
}
