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
    const char *volume;            // a device with a btrfs that the launcher mounts at STAGING/volume, where layers are; or NULL
    const char *const *layers;     // directories of the root's overlay, mounted at STAGING/root: upper, work, then lowers from the top
    size_t layer_count;
    const char *overlay_options;   // what comes after these directories
    const struct cs_bind *binds;
    size_t bind_count;
    const char *explainer;         // a file that covers each of `blocked`, or NULL
    const char *const *blocked;    // paths in the root; only those that are regular files behind no link are covered
    size_t blocked_count;
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

/// What a socket in a sandbox's network namespace is for.
enum cs_socket_kind {
    CS_SOCKET_LOOPBACK = 0,  // TCP, listening on 127.0.0.1
    CS_SOCKET_ANY = 1,       // TCP, listening on every address, IPv6 ones included where the kernel has them
    CS_SOCKET_DATAGRAM = 2,  // UDP on 127.0.0.1
    CS_SOCKET_LOG = 3,       // netlink, for packets logged to the group `port`; none where the kernel has no NFLOG
};

struct cs_socket_plan {
    enum cs_socket_kind kind;
    uint16_t port;
};

struct cs_network_plan {
    const struct cs_socket_plan *sockets;
    size_t count;
    const char *nft;    // the program of nftables; NULL: the network leads nowhere but to its loopback
    const char *rules;  // what it is given to read
};

/// Makes a network namespace in which only the loopback device is up and unprivileged ports start at 0. With `nft` every address is
/// routed to that device, and the rules decide what becomes of it. *network and `sockets` are close-on-exec; a socket that the kernel
/// does not have is -1. Same results as cs_launch; ECHILD: nft refused the rules.
int cs_make_network(const struct cs_network_plan *plan, int *network, int *sockets, const char **stage);

/// Makes the same sockets in the existing namespace `network`.
int cs_listen_in_network(int network, const struct cs_network_plan *plan, int *sockets, const char **stage);

/// The seccomp program of every sandbox, as bubblewrap reads it: struct sock_filter, one after the other.
/// Returns its size in bytes, or 0 when `capacity` is too small or this processor's system calls are not known.
size_t cs_seccomp_program(void *buffer, size_t capacity);

/// A descriptor that becomes readable when the process ends, or -errno.
int cs_pidfd_open(pid_t pid);
/// 0, or an errno.
int cs_pidfd_signal(int pidfd, int signal);
#endif
