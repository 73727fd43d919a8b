#ifndef CSANDBOX_LAUNCH_H
#define CSANDBOX_LAUNCH_H
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/// Something of the host that the launcher binds under its staging directory, from where bubblewrap takes it.
struct cs_bind {
    const char *source;  // a path
    const char *name;    // one component below the staging directory
    int is_directory;
};

/// How to start one sandbox. Everything is prepared by the caller: between clone and exec the child makes system calls only.
struct cs_launch {
    int cgroup;                    // a cgroup v2 directory to be born in, or -1
    const int *tasks;              // cgroup v1 `tasks` files, open for writing
    size_t task_count;
    int network;                   // a network namespace to enter
    const char *staging;           // a directory that the launcher covers with a small tmpfs in its own mount namespace
    const char *const *layers;     // directories of the root's overlay, mounted at STAGING/root: upper, work, then lowers from the top
    size_t layer_count;
    const char *overlay_options;   // what comes after these directories
    const struct cs_bind *binds;
    size_t bind_count;
    const char *id_map;            // of users and groups, written by the parent
    const char *executable;
    char *const *argv;
    char *const *envp;
    const int *descriptors;        // become 0, 1, 2, … of the executable; all others are closed
    size_t descriptor_count;
};

/// The most directories of an overlay: what the kernel's page of options holds.
#define CS_LAUNCH_LAYERS 190

/// The most descriptors that a launch passes on.
#define CS_LAUNCH_DESCRIPTORS 8

/// Starts the launcher and returns once it runs `executable`. The process is a child of the caller, in a session, user namespace
/// and mount namespace of its own; nothing ties its life to the caller's.
/// 0 with *pid and *pidfd (close-on-exec); else an errno, and *stage names the call that failed (a static text).
int cs_launch(const struct cs_launch *launch, pid_t *pid, int *pidfd, const char **stage);

/// Makes a network namespace in which only the loopback device is up and unprivileged ports start at 0, with a TCP listener on
/// 127.0.0.1 for each of `ports`. *network and `listeners` are close-on-exec. Same results as cs_launch.
int cs_make_network(const uint16_t *ports, size_t count, int *network, int *listeners, const char **stage);

/// Makes the same listeners in the existing namespace `network`.
int cs_listen_in_network(int network, const uint16_t *ports, size_t count, int *listeners, const char **stage);

/// The seccomp program of every sandbox, as bubblewrap reads it: struct sock_filter, one after the other.
/// Returns its size in bytes, or 0 when `capacity` is too small or this processor's system calls are not known.
size_t cs_seccomp_program(void *buffer, size_t capacity);

/// A descriptor that becomes readable when the process ends, or -errno.
int cs_pidfd_open(pid_t pid);
/// 0, or an errno.
int cs_pidfd_signal(int pidfd, int signal);
#endif
