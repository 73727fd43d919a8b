// What the runner's loop needs beyond what Swift's Glibc module shows: polling, signals as events, holes in files.
#define _GNU_SOURCE
#include "csandbox_spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

size_t cs_pipe_level(int pipe) {
    int count = 0;
    return ioctl(pipe, FIONREAD, &count) == 0 && count > 0 ? (size_t)count : 0;
}

int cs_punch(int file, uint64_t offset, uint64_t count) {
    return fallocate(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)offset, (off_t)count) == 0 ? 0 : errno;
}

uint64_t cs_data_start(int file, uint64_t from) {
    off_t start = lseek(file, (off_t)from, SEEK_DATA);
    if (start >= 0) return (uint64_t)start;
    struct stat status;
    return errno == ENXIO && fstat(file, &status) == 0 ? (uint64_t)status.st_size : from;
}

int cs_signal_descriptor(void) {
    struct sigaction ignored;
    memset(&ignored, 0, sizeof ignored);
    ignored.sa_handler = SIG_IGN;
    if (sigaction(SIGPIPE, &ignored, NULL) != 0) return -errno;
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    if (sigprocmask(SIG_BLOCK, &set, NULL) != 0) return -errno;
    int descriptor = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return descriptor < 0 ? -errno : descriptor;
}

int cs_next_signal(int descriptor) {
    struct signalfd_siginfo information;
    return read(descriptor, &information, sizeof information) == (ssize_t)sizeof information ? (int)information.ssi_signo : 0;
}

int cs_poller(void) {
    int poller = epoll_create1(EPOLL_CLOEXEC);
    return poller < 0 ? -errno : poller;
}

static int control(int poller, int operation, int descriptor, uint64_t token, enum cs_interest interest) {
    struct epoll_event event = {.events = 0, .data = {.u64 = token}};
    if (interest & CS_INTEREST_READ) event.events |= EPOLLIN;
    if (interest & CS_INTEREST_WRITE) event.events |= EPOLLOUT;
    return epoll_ctl(poller, operation, descriptor, &event) == 0 ? 0 : errno;
}

int cs_poller_add(int poller, int descriptor, uint64_t token, enum cs_interest interest) {
    return control(poller, EPOLL_CTL_ADD, descriptor, token, interest);
}

int cs_poller_change(int poller, int descriptor, uint64_t token, enum cs_interest interest) {
    return control(poller, EPOLL_CTL_MOD, descriptor, token, interest);
}

int cs_poller_remove(int poller, int descriptor) {
    return control(poller, EPOLL_CTL_DEL, descriptor, 0, CS_INTEREST_NONE);
}

int cs_poller_wait(int poller, struct cs_poll_event *events, int timeout_ms) {
    struct epoll_event ready[CS_POLL_EVENTS];
    int count = epoll_wait(poller, ready, CS_POLL_EVENTS, timeout_ms);
    for (int index = 0; index < count; index++) {
        uint32_t bits = ready[index].events;
        int gone = (bits & (EPOLLHUP | EPOLLERR)) != 0;
        events[index] = (struct cs_poll_event){
            .token = ready[index].data.u64,
            .readable = (bits & EPOLLIN) != 0 || gone,
            .writable = (bits & EPOLLOUT) != 0 || gone,
            .hung_up = gone,
        };
    }
    return count < 0 ? 0 : count;
}

int cs_accept_nonblocking(int listener) {
    int connection = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    return connection < 0 ? -errno : connection;
}
