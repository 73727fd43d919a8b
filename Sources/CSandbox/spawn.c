// Starting a process inside a sandbox, and confining the runner that does it.
#define _GNU_SOURCE
#include "csandbox_spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

_Static_assert(CS_MARK_LIMIT == RLIMIT_LOCKS, "the limit on file locks");

struct report {
    int step, error;
};

#define CAPABILITY(name) (1ULL << (name))
static const uint64_t kept_capabilities = CAPABILITY(CAP_CHOWN) | CAPABILITY(CAP_DAC_OVERRIDE) | CAPABILITY(CAP_FOWNER) |
                                          CAPABILITY(CAP_FSETID) | CAPABILITY(CAP_SETUID) | CAPABILITY(CAP_SETGID) |
                                          CAPABILITY(CAP_SYS_CHROOT) | CAPABILITY(CAP_KILL);

// Leaves the calling thread at most `kept`, none of it inheritable.
static int limit_capabilities(uint64_t kept) {
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
    struct __user_cap_data_struct data[2];
    memset(data, 0, sizeof data);
    if (syscall(SYS_capget, &header, data) != 0) return errno;
    for (int word = 0; word < 2; word++) {
        uint32_t mask = (uint32_t)(kept >> (32 * word));
        data[word].permitted &= mask;
        data[word].effective = data[word].permitted;
        data[word].inheritable = 0;
    }
    return syscall(SYS_capset, &header, data) == 0 ? 0 : errno;
}

int cs_confine_runner(void) {
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) return errno;
    if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0) return errno;
    for (unsigned long capability = 0; capability < 64; capability++) {
        if (kept_capabilities & (1ULL << capability)) continue;
        // EINVAL: the kernel has no more of them. EPERM: not privileged, so there is nothing to give away either.
        if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0 && errno != EINVAL && errno != EPERM) return errno;
    }
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0) return errno;
    return limit_capabilities(kept_capabilities);
}

static int limit(int resource, uint64_t soft, uint64_t hard) {
    struct rlimit value = {.rlim_cur = soft, .rlim_max = hard};
    return setrlimit(resource, &value);
}

static int set_limits(const struct cs_spawn_plan *plan) {
    if (limit(RLIMIT_CORE, 0, 0) != 0) return -1;
    if (limit(CS_MARK_LIMIT, plan->mark, plan->mark) != 0) return -1;
    if (plan->files == 0) return 0;
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) != 0) return -1;
    uint64_t most = plan->most_files != 0 && plan->most_files < files.rlim_max ? plan->most_files : files.rlim_max;
    return limit(RLIMIT_NOFILE, plan->files < most ? plan->files : most, most);
}

static void reset_signals(void) {
    struct sigaction standard;
    memset(&standard, 0, sizeof standard);
    standard.sa_handler = SIG_DFL;
    for (int number = 1; number < NSIG; number++) sigaction(number, &standard, NULL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

// As execvp does: a candidate that isn't there or may not be executed gives way to the next, and the latter is the better explanation.
static int execute(const struct cs_spawn_plan *plan) {
    int denied = 0;
    errno = ENOENT;
    for (const char *const *path = plan->candidates; *path != NULL; path++) {
        execve(*path, plan->argv, plan->envp);
        if (errno == EACCES) denied = 1;
        else if (errno != ENOENT && errno != ENOTDIR && errno != ENAMETOOLONG && errno != ELOOP) return errno;
    }
    return denied ? EACCES : errno;
}

static struct report prepare(const struct cs_spawn_plan *plan) {
    reset_signals();
    umask(022);
    if (setsid() < 0) return (struct report){CS_SPAWN_SESSION, errno};
    for (int number = 0; number < 3; number++)
        if (dup2(plan->standard[number], number) < 0) return (struct report){CS_SPAWN_STDIO, errno};
    if (syscall(SYS_close_range, 3u, ~0u, CLOSE_RANGE_CLOEXEC) != 0) return (struct report){CS_SPAWN_STDIO, errno};
    if (set_limits(plan) != 0) return (struct report){CS_SPAWN_LIMITS, errno};
    if (plan->change_account) {
        if (setgroups(0, NULL) != 0) return (struct report){CS_SPAWN_GROUPS, errno};
        if (setresgid(plan->gid, plan->gid, plan->gid) != 0) return (struct report){CS_SPAWN_GROUP, errno};
        if (setresuid(plan->uid, plan->uid, plan->uid) != 0) return (struct report){CS_SPAWN_USER, errno};
    }
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0) return (struct report){CS_SPAWN_CAPABILITIES, errno};
    int error = limit_capabilities(plan->drop_capabilities ? 0 : kept_capabilities);
    if (error != 0) return (struct report){CS_SPAWN_CAPABILITIES, error};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return (struct report){CS_SPAWN_PRIVILEGES, errno};
    if (chdir(plan->directory) != 0) return (struct report){CS_SPAWN_CHDIR, errno};
    return (struct report){CS_SPAWN_EXEC, execute(plan)};
}

static int64_t milliseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

// Waits for the child's report; its end without one means that the program runs.
static struct report await_report(int pipe, int timeout_ms) {
    int64_t deadline = milliseconds() + timeout_ms;
    for (;;) {
        int64_t left = deadline - milliseconds();
        struct pollfd event = {.fd = pipe, .events = POLLIN};
        int count = poll(&event, 1, left > 0 ? (int)left : 0);
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) return (struct report){CS_SPAWN_TIMEOUT, count == 0 ? ETIMEDOUT : errno};
        struct report report;
        ssize_t size = read(pipe, &report, sizeof report);
        if (size == (ssize_t)sizeof report) return report;
        if (size == 0) return (struct report){CS_SPAWN_NONE, 0};
        if (size < 0 && errno == EINTR) continue;
        return (struct report){CS_SPAWN_PIPE, size < 0 ? errno : EIO};
    }
}

int cs_spawn(const struct cs_spawn_plan *plan, pid_t *pid, enum cs_spawn_step *step) {
    int pipe[2];
    *step = CS_SPAWN_PIPE;
    if (pipe2(pipe, O_CLOEXEC) != 0) return errno;
    *step = CS_SPAWN_FORK;
    pid_t child = fork();
    if (child == 0) {
        struct report report = prepare(plan);
        ssize_t ignored = write(pipe[1], &report, sizeof report);
        (void)ignored;
        _exit(127);
    }
    int error = errno;
    close(pipe[1]);
    if (child < 0) {
        close(pipe[0]);
        return error;
    }
    struct report report = await_report(pipe[0], plan->timeout_ms);
    close(pipe[0]);
    if (report.step == CS_SPAWN_NONE) {
        *pid = child;
        return 0;
    }
    kill(child, SIGKILL);
    while (waitpid(child, NULL, 0) < 0 && errno == EINTR) {
    }
    *step = (enum cs_spawn_step)report.step;
    return report.error;
}
