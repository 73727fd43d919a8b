// Starts a sandbox's launcher: from clone to exec in C, since a child of a threaded Swift process may make system calls only.
#define _GNU_SOURCE
#include "csandbox_launch.h"

#include "csandbox_files.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum stage {
    STAGE_READY,  // not a failure: the user namespace waits for its map
    STAGE_CGROUP, STAGE_SESSION, STAGE_MOUNT_NAMESPACE, STAGE_STAGING, STAGE_VOLUME, STAGE_LAYERS, STAGE_OVERLAY, STAGE_READ_ONLY, STAGE_BIND, STAGE_BLOCK, STAGE_NETWORK,
    STAGE_USER_NAMESPACE, STAGE_MAP, STAGE_IDENTITY, STAGE_DESCRIPTORS, STAGE_EXEC, STAGE_CLONE, STAGE_SOCKETS, STAGE_ANSWER,
};

static const char *const stage_names[] = {
    "ready", "write(cgroup)", "setsid", "unshare(CLONE_NEWNS)", "mount(staging)", "mount(volume)", "open(layer)", "mount(overlay)", "overlay is read-only",
    "mount(bind)", "mount(blocked command)", "setns(network)", "unshare(CLONE_NEWUSER)", "write(uid_map)", "setresuid", "dup2", "execve(bwrap)", "clone3",
    "socketpair", "the launcher's answer",
};

struct report {
    int stage, error;
};

// How long the launcher may take until it runs its executable.
enum { ANSWER_TIMEOUT_MS = 20000 };

static int write_text(const char *path, const char *text) {
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0) return -1;
    ssize_t written = write(fd, text, strlen(text));
    int error = errno;
    close(fd);
    errno = error;
    return written == (ssize_t)strlen(text) ? 0 : -1;
}

// ---- in the child: system calls and formatting into local buffers only ----

static void reset_signals(void) {
    struct sigaction ignore_nothing = {.sa_handler = SIG_DFL};
    for (int number = 1; number < NSIG; number++) sigaction(number, &ignore_nothing, NULL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

static int join_cgroups(const struct cs_launch *launch) {
    // "0" into `tasks`, not a pid into `cgroup.procs`: that takes the kernel's global lock and ten milliseconds.
    for (size_t i = 0; i < launch->task_count; i++) {
        if (write(launch->tasks[i], "0", 1) != 1) return -1;
    }
    return 0;
}

// The overlay's options. Directories are named by descriptors: nothing to escape, no limit on paths, and nothing of the host
// shows inside. They are opened here, since the kernel takes layers from the caller's own mount namespace only.
static int overlay_options(const struct cs_launch *launch, char *options, size_t capacity) {
    size_t used = 0;
    for (size_t i = 0; i < launch->layer_count; i++) {
        const char *key = i == 0 ? "upperdir=" : i == 1 ? ",workdir=" : i == 2 ? ",lowerdir=" : ":";
        int fd = open(launch->layers[i], O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0) return -1;
        used += (size_t)snprintf(options + used, capacity - used, "%s/proc/self/fd/%d", key, fd);
        if (used >= capacity) break;
    }
    if (used < capacity) used += (size_t)snprintf(options + used, capacity - used, ",%s", launch->overlay_options);
    if (used < capacity) return 0;
    errno = E2BIG;
    return -1;
}

static enum stage mount_root(const struct cs_launch *launch, char *path, size_t capacity) {
    struct statfs status;
    char options[4000];
    if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0) return STAGE_MOUNT_NAMESPACE;
    if (mount("staging", launch->staging, "tmpfs", MS_NOSUID | MS_NODEV, "size=1m,mode=755") != 0) return STAGE_STAGING;
    if (launch->volume != NULL) {
        snprintf(path, capacity, "%s/volume", launch->staging);
        if (mkdir(path, 0700) != 0) return STAGE_VOLUME;
        if (mount(launch->volume, path, "btrfs", MS_NOSUID | MS_NODEV | MS_NOATIME, NULL) != 0) return STAGE_VOLUME;
    }
    snprintf(path, capacity, "%s/root", launch->staging);
    if (mkdir(path, 0755) != 0) return STAGE_STAGING;
    if (overlay_options(launch, options, sizeof options) != 0) return STAGE_LAYERS;
    if (mount("overlay", path, "overlay", MS_NOSUID | MS_NODEV | MS_NOATIME, options) != 0) return STAGE_OVERLAY;
    // A kernel that cannot write to the upper layer mounts silently read-only.
    if (statfs(path, &status) != 0) return STAGE_OVERLAY;
    if ((status.f_flags & ST_RDONLY) != 0) {
        errno = EROFS;
        return STAGE_READ_ONLY;
    }
    return STAGE_READY;
}

static int bind_all(const struct cs_launch *launch, char *path, size_t capacity) {
    for (size_t i = 0; i < launch->bind_count; i++) {
        const struct cs_bind *bind = &launch->binds[i];
        snprintf(path, capacity, "%s/%s", launch->staging, bind->name);
        if (bind->is_directory) {
            if (mkdir(path, 0755) != 0) return -1;
        } else {
            int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
            if (fd < 0) return -1;
            close(fd);
        }
        if (mount(bind->source, path, NULL, MS_BIND, NULL) != 0) return -1;
    }
    // The volume stays mounted beside them until bubblewrap detaches the whole old root: one wait for the kernel less.
    return 0;
}

// Covers commands with a file that explains itself. The tree is a sandbox's: nothing leads out of it, and no link is followed.
static int block_commands(const struct cs_launch *launch, char *path, size_t capacity) {
    if (launch->explainer == NULL || launch->blocked_count == 0) return 0;
    snprintf(path, capacity, "%s/root", launch->staging);
    int root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (root < 0) return -1;
    int result = 0;
    for (size_t i = 0; i < launch->blocked_count && result == 0; i++) {
        struct stat status;
        int file = cs_open_beneath(root, launch->blocked[i], O_PATH | O_NOFOLLOW, 0);
        if (file < 0) continue;
        if (fstat(file, &status) == 0 && S_ISREG(status.st_mode)) {
            snprintf(path, capacity, "/proc/self/fd/%d", file);
            result = mount(launch->explainer, path, NULL, MS_BIND, NULL);
        }
        int error = errno;
        close(file);
        errno = error;
    }
    int error = errno;
    close(root);
    errno = error;
    return result;
}

static int place_descriptors(const struct cs_launch *launch, int *answer) {
    int high[CS_LAUNCH_DESCRIPTORS];
    int first = CS_LAUNCH_DESCRIPTORS + 1;
    // Two steps, so that no target overwrites a source that is still needed.
    for (size_t i = 0; i < launch->descriptor_count; i++) {
        high[i] = fcntl(launch->descriptors[i], F_DUPFD_CLOEXEC, first);
        if (high[i] < 0) return -1;
    }
    *answer = fcntl(*answer, F_DUPFD_CLOEXEC, first);
    if (*answer < 0) return -1;
    for (size_t i = 0; i < launch->descriptor_count; i++) {
        if (dup2(high[i], (int)i) < 0) return -1;
    }
    return (int)syscall(SYS_close_range, (unsigned)launch->descriptor_count, ~0U, CLOSE_RANGE_CLOEXEC);
}

// All sandboxes share one range of users: what one of them may take of what the kernel counts by user is bounded by its namespace.
// Best effort; the system call filter refuses nested users, too.
static void limit_namespace(void) {
    (void)write_text("/proc/sys/user/max_user_namespaces", "0");
    (void)write_text("/proc/sys/user/max_net_namespaces", "0");
    (void)write_text("/proc/sys/user/max_inotify_instances", "512");
    (void)write_text("/proc/sys/user/max_inotify_watches", "131072");
}

static enum stage become_launcher(const struct cs_launch *launch, int *answer) {
    char path[128];
    char go;
    struct report ready = {STAGE_READY, 0};
    struct rlimit no_core = {0, 0};
    if (join_cgroups(launch) != 0) return STAGE_CGROUP;
    if (setsid() < 0) return STAGE_SESSION;
    umask(022);
    setrlimit(RLIMIT_CORE, &no_core);
    // When the machine itself runs out of memory, sandboxes go before Rookery.
    (void)write_text("/proc/self/oom_score_adj", "300");
    enum stage stage = mount_root(launch, path, sizeof path);
    if (stage != STAGE_READY) return stage;
    if (block_commands(launch, path, sizeof path) != 0) return STAGE_BLOCK;
    if (bind_all(launch, path, sizeof path) != 0) return STAGE_BIND;
    if (setns(launch->network, CLONE_NEWNET) != 0) return STAGE_NETWORK;
    if (unshare(CLONE_NEWUSER) != 0) return STAGE_USER_NAMESPACE;
    if (write(*answer, &ready, sizeof ready) != sizeof ready || read(*answer, &go, 1) != 1) return STAGE_MAP;
    // Not the C library's functions: those would wait for the parent's threads, which this process does not have.
    if (syscall(SYS_setgroups, 0, NULL) != 0 || syscall(SYS_setresgid, 0, 0, 0) != 0 || syscall(SYS_setresuid, 0, 0, 0) != 0) {
        return STAGE_IDENTITY;
    }
    limit_namespace();
    if (place_descriptors(launch, answer) != 0) return STAGE_DESCRIPTORS;
    execve(launch->executable, launch->argv, launch->envp);
    return STAGE_EXEC;
}

// ---- in the parent ----

// Reads one report within the timeout: 1 when one came, 0 at the end of the connection, -1 on failure or timeout.
static int read_report(int answer, struct report *report) {
    struct pollfd readable = {.fd = answer, .events = POLLIN};
    int count;
    do {
        count = poll(&readable, 1, ANSWER_TIMEOUT_MS);
    } while (count < 0 && errno == EINTR);
    if (count == 0) errno = ETIMEDOUT;
    if (count <= 0) return -1;
    ssize_t received = read(answer, report, sizeof *report);
    if (received == 0) return 0;
    return received == sizeof *report ? 1 : -1;
}

static int write_maps(pid_t pid, const char *map) {
    char path[40];
    snprintf(path, sizeof path, "/proc/%d/uid_map", (int)pid);
    if (write_text(path, map) != 0) return -1;
    snprintf(path, sizeof path, "/proc/%d/gid_map", (int)pid);
    return write_text(path, map);
}

// Waits until the child runs its executable. Fills `report` on failure.
static void follow(pid_t pid, int answer, const char *id_map, struct report *report) {
    int came = read_report(answer, report);
    if (came == 1 && report->stage == STAGE_READY) {
        if (write_maps(pid, id_map) != 0 || write(answer, "g", 1) != 1) {
            *report = (struct report){STAGE_MAP, errno};
            return;
        }
        came = read_report(answer, report);
        // The connection is close-on-exec: its end says that the executable runs.
        if (came == 0) *report = (struct report){STAGE_READY, 0};
    } else if (came == 0) {
        *report = (struct report){STAGE_ANSWER, ECONNRESET};
    }
    if (came < 0) *report = (struct report){STAGE_ANSWER, errno};
}

int cs_launch(const struct cs_launch *launch, pid_t *pid, int *pidfd, const char **stage) {
    int ends[2];
    struct report report = {STAGE_READY, 0};
    *stage = stage_names[STAGE_SOCKETS];
    if (launch->descriptor_count > CS_LAUNCH_DESCRIPTORS || launch->layer_count > CS_LAUNCH_LAYERS) return E2BIG;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return errno;
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    int child_pidfd = -1;
    struct clone_args args = {
        .flags = CLONE_PIDFD | (launch->cgroup >= 0 ? CLONE_INTO_CGROUP : 0),
        .pidfd = (uint64_t)(uintptr_t)&child_pidfd,
        .exit_signal = SIGCHLD,
        .cgroup = launch->cgroup >= 0 ? (uint64_t)launch->cgroup : 0,
    };
    long child = syscall(SYS_clone3, &args, sizeof args);
    if (child == 0) {
        close(ends[0]);
        reset_signals();
        report.stage = become_launcher(launch, &ends[1]);
        report.error = errno;
        (void)!write(ends[1], &report, sizeof report);
        _exit(127);
    }
    if (child < 0) report = (struct report){STAGE_CLONE, errno};
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    close(ends[1]);
    if (child > 0) follow((pid_t)child, ends[0], launch->id_map, &report);
    close(ends[0]);
    *stage = stage_names[report.stage];
    if (report.stage == STAGE_READY) {
        *pid = (pid_t)child;
        *pidfd = child_pidfd;
        return 0;
    }
    if (child > 0) {
        cs_pidfd_signal(child_pidfd, SIGKILL);
        waitpid((pid_t)child, NULL, 0);
        close(child_pidfd);
    }
    return report.error != 0 ? report.error : EIO;
}

int cs_pidfd_open(pid_t pid) {
    long fd = syscall(SYS_pidfd_open, pid, 0);
    return fd < 0 ? -errno : (int)fd;
}

int cs_pidfd_signal(int pidfd, int signal) {
    return syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0) == 0 ? 0 : errno;
}
