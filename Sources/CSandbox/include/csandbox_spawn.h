#ifndef CSANDBOX_SPAWN_H
#define CSANDBOX_SPAWN_H
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/// The limit that carries a mark (RLIMIT_LOCKS, which has no constant in Swift's view of the C library).
#define CS_MARK_LIMIT 10

/// The step at which a process could not be started.
enum cs_spawn_step {
    CS_SPAWN_NONE = 0,
    CS_SPAWN_PIPE = 1,
    CS_SPAWN_FORK = 2,
    CS_SPAWN_SESSION = 3,
    CS_SPAWN_STDIO = 4,
    CS_SPAWN_LIMITS = 5,
    CS_SPAWN_GROUPS = 6,
    CS_SPAWN_GROUP = 7,
    CS_SPAWN_USER = 8,
    CS_SPAWN_CAPABILITIES = 9,
    CS_SPAWN_PRIVILEGES = 10,
    CS_SPAWN_CHDIR = 11,
    CS_SPAWN_EXEC = 12,
    CS_SPAWN_TIMEOUT = 13,
};

/// A process to start. Everything is prepared by the caller: the child makes system calls only.
struct cs_spawn_plan {
    const char *const *candidates;  // paths to execute, in the order of PATH; ends with NULL
    char *const *argv;
    char *const *envp;
    const char *directory;          // entered under the new account
    int standard[3];                // become 0, 1, 2; each at least 3; all other descriptors are closed
    int change_account;             // whether to become uid and gid, without groups
    uint32_t uid, gid;
    int drop_capabilities;          // whether to give up every capability
    uint64_t mark;                  // see cs_spawn
    uint64_t files;                 // soft limit of open files; 0 leaves the caller's
    uint64_t most_files;            // hard limit of open files; 0 leaves the caller's
    int timeout_ms;                 // for the steps up to execve
};

/// Starts a process in a session of its own, without core files, unable to gain privileges.
///
/// Its limit on file locks, which Linux keeps but has not enforced since 2.4.25, is set to `mark`: everything that it starts inherits
/// that, whatever it does with sessions and parents, and /proc/PID/limits shows it.
/// 0 with *pid; else an errno, and *step names what failed: no process is left then.
int cs_spawn(const struct cs_spawn_plan *plan, pid_t *pid, enum cs_spawn_step *step);

/// Confines the calling process, the first of a sandbox: not dumpable, no capability but those that package installs and the signalling
/// of other users' processes need, also for everything that it starts. What takes a privilege that the caller lacks is left as it is.
/// Orphans among its descendants become its children. 0, or an errno.
int cs_confine_runner(void);

/// The count of bytes waiting in a pipe, or 0.
size_t cs_pipe_level(int pipe);

/// Frees the disk blocks of that part of a file; its size stays. 0, or an errno.
int cs_punch(int file, uint64_t offset, uint64_t count);

/// The lowest offset at or after `from` that holds data, or the file's size when none does; a filesystem that can't tell says `from`.
uint64_t cs_data_start(int file, uint64_t from);

/// A descriptor (close-on-exec, non-blocking) that becomes readable when SIGCHLD, SIGTERM or SIGINT arrives. They are blocked from then
/// on, and SIGPIPE is ignored. -errno on failure.
int cs_signal_descriptor(void);

/// Takes one signal from such a descriptor; 0 when there is none.
int cs_next_signal(int descriptor);

/// What a poller waits for; closing of the other end is always reported.
enum cs_interest {
    CS_INTEREST_NONE = 0,
    CS_INTEREST_READ = 1,
    CS_INTEREST_WRITE = 2,
    CS_INTEREST_BOTH = 3,
};

struct cs_poll_event {
    uint64_t token;  // of the descriptor
    int readable;
    int writable;
    int hung_up;     // the other end is gone for both directions; readable and writable are set, too
};

/// The most events that one wait returns.
#define CS_POLL_EVENTS 64

/// A set of descriptors to wait for (epoll), close-on-exec, or -errno.
int cs_poller(void);
/// Adds a descriptor under a token. 0, or an errno.
int cs_poller_add(int poller, int descriptor, uint64_t token, enum cs_interest interest);
/// Changes what is waited for. 0, or an errno.
int cs_poller_change(int poller, int descriptor, uint64_t token, enum cs_interest interest);
/// Removes a descriptor. 0, or an errno.
int cs_poller_remove(int poller, int descriptor);
/// Waits at most `timeout_ms` (for ever when negative) and fills `events`, of CS_POLL_EVENTS; the count, 0 when interrupted.
int cs_poller_wait(int poller, struct cs_poll_event *events, int timeout_ms);

/// Accepts a connection, close-on-exec and non-blocking; -errno on failure.
int cs_accept_nonblocking(int listener);
#endif
