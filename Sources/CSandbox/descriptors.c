// Unix sockets: credentials of the peer and descriptors in messages, which need the CMSG macros.
#define _GNU_SOURCE
#include "csandbox_descriptors.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

int cs_peer_credentials(int socket, int32_t *pid, uint32_t *uid, uint32_t *gid) {
    struct ucred credentials;
    socklen_t length = sizeof credentials;
    if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &length) != 0) return errno;
    *pid = credentials.pid;
    *uid = credentials.uid;
    *gid = credentials.gid;
    return 0;
}

// Fills `address` with `path`; a path that is too long for it goes through a descriptor of its directory,
// which the caller closes when it is not -1.
static int unix_address(const char *path, struct sockaddr_un *address, int *directory) {
    *directory = -1;
    memset(address, 0, sizeof *address);
    address->sun_family = AF_UNIX;
    if (strlen(path) < sizeof address->sun_path) {
        strcpy(address->sun_path, path);
        return 0;
    }
    const char *name = strrchr(path, '/');
    if (name == NULL || (size_t)(name - path) >= PATH_MAX) return ENAMETOOLONG;
    char parent[PATH_MAX];
    memcpy(parent, path, (size_t)(name - path));
    parent[name - path] = '\0';
    *directory = open(parent, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (*directory < 0) return errno;
    int length = snprintf(address->sun_path, sizeof address->sun_path, "/proc/self/fd/%d%s", *directory, name);
    if (length >= 0 && (size_t)length < sizeof address->sun_path) return 0;
    close(*directory);
    *directory = -1;
    return ENAMETOOLONG;
}

int cs_unix_connect(const char *path, int timeout_ms, int *connection) {
    struct sockaddr_un address;
    int directory;
    int error = unix_address(path, &address, &directory);
    if (error != 0) return error;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        error = errno;
    } else {
        struct timeval wait = {.tv_sec = timeout_ms / 1000, .tv_usec = (timeout_ms % 1000) * 1000};
        if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait) != 0) error = errno;
        while (error == 0 && connect(fd, (struct sockaddr *)&address, sizeof address) != 0) {
            if (errno != EINTR) error = errno;
        }
        if (error != 0) close(fd);
    }
    if (directory >= 0) close(directory);
    if (error == 0) *connection = fd;
    return error;
}

static int bind_with_mode(int fd, const char *path, mode_t mode, uint32_t owner, int backlog) {
    struct sockaddr_un address;
    int directory;
    int error = unix_address(path, &address, &directory);
    if (error != 0) return error;
    // fchmod before bind sets the mode that the name is made with, less the umask: nobody can connect in between.
    if (fchmod(fd, 0600) != 0 || bind(fd, (struct sockaddr *)&address, sizeof address) != 0) error = errno;
    if (directory >= 0) close(directory);
    if (error != 0) return error;
    if ((owner != UINT32_MAX && lchown(path, owner, (gid_t)-1) != 0) || chmod(path, mode) != 0 || listen(fd, backlog) != 0) {
        error = errno;
        unlink(path);
    }
    return error;
}

int cs_unix_listen(const char *path, mode_t mode, uint32_t owner, int backlog, int *listener) {
    struct stat existing;
    if (lstat(path, &existing) == 0) {
        int probe;
        if (!S_ISSOCK(existing.st_mode)) return EEXIST;
        if (cs_unix_connect(path, 1000, &probe) == 0) {
            close(probe);
            return EADDRINUSE;
        }
    }
    char temporary[PATH_MAX];
    int length = snprintf(temporary, sizeof temporary, "%s.%d", path, (int)getpid());
    if (length < 0 || (size_t)length >= sizeof temporary) return ENAMETOOLONG;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return errno;
    (void)unlink(temporary);
    int error = bind_with_mode(fd, temporary, mode, owner, backlog);
    if (error == 0 && rename(temporary, path) != 0) {
        error = errno;
        unlink(temporary);
    }
    if (error != 0) {
        close(fd);
    } else {
        *listener = fd;
    }
    return error;
}

int cs_accept(int listener, int *connection) {
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0) return errno;
    *connection = fd;
    return 0;
}

int cs_event_descriptor(void) {
    int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return fd < 0 ? -errno : fd;
}

ssize_t cs_send(int socket, const void *bytes, size_t count, const int *descriptors, size_t descriptor_count) {
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(CS_MAX_DESCRIPTORS * sizeof(int))];
    } control;
    if (descriptor_count > CS_MAX_DESCRIPTORS) return -EMSGSIZE;
    struct iovec part = {.iov_base = (void *)bytes, .iov_len = count};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    if (descriptor_count > 0) {
        memset(&control, 0, sizeof control);
        message.msg_control = &control;
        message.msg_controllen = CMSG_SPACE(descriptor_count * sizeof(int));
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(descriptor_count * sizeof(int));
        memcpy(CMSG_DATA(header), descriptors, descriptor_count * sizeof(int));
    }
    for (;;) {
        ssize_t sent = sendmsg(socket, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent >= 0) return sent;
        if (errno != EINTR) return -errno;
    }
}

ssize_t cs_receive(int socket, void *bytes, size_t capacity, int *descriptors, size_t *descriptor_count) {
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(CS_MAX_DESCRIPTORS * sizeof(int))];
    } control;
    struct iovec part = {.iov_base = bytes, .iov_len = capacity};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    ssize_t received;
    do {
        received = recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    } while (received < 0 && errno == EINTR);
    if (received < 0) return -errno;
    int excess = (message.msg_flags & MSG_CTRUNC) != 0;
    for (struct cmsghdr *header = CMSG_FIRSTHDR(&message); header != NULL; header = CMSG_NXTHDR(&message, header)) {
        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
        size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < count; i++) {
            int fd;
            memcpy(&fd, CMSG_DATA(header) + i * sizeof(int), sizeof fd);
            if (excess || *descriptor_count >= CS_MAX_DESCRIPTORS) {
                excess = 1;
                close(fd);
            } else {
                descriptors[(*descriptor_count)++] = fd;
            }
        }
    }
    return excess ? -EMSGSIZE : received;
}

int cs_pipe(int *reading, int *writing) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) return errno;
    *reading = ends[0];
    *writing = ends[1];
    return 0;
}
