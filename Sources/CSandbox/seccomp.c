// The system calls that no process in a sandbox may make, as a BPF program: a list of refusals, everything else is allowed.
#define _GNU_SOURCE
#include "csandbox_launch.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#if defined(__x86_64__)
#define CS_ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define CS_ARCHITECTURE AUDIT_ARCH_AARCH64
#endif

// Newer than the headers of the oldest distribution we build on.
#ifndef SYS_open_tree_attr
#define SYS_open_tree_attr 467
#endif

// Kernel keys, tracing of the kernel, io_uring (which passes by this filter), mounts, other namespaces, the machine itself.
static const uint32_t refused[] = {
    SYS_keyctl, SYS_add_key, SYS_request_key, SYS_bpf, SYS_userfaultfd, SYS_perf_event_open, SYS_fanotify_init,
    SYS_mount, SYS_umount2, SYS_pivot_root, SYS_open_tree, SYS_open_tree_attr, SYS_move_mount, SYS_fsopen, SYS_fsconfig, SYS_fsmount,
    SYS_fspick, SYS_mount_setattr, SYS_setns, SYS_open_by_handle_at, SYS_quotactl, SYS_quotactl_fd, SYS_swapon, SYS_swapoff,
    SYS_kexec_load, SYS_kexec_file_load, SYS_init_module, SYS_finit_module, SYS_delete_module, SYS_reboot, SYS_acct, SYS_syslog,
    SYS_settimeofday, SYS_clock_settime, SYS_clock_adjtime, SYS_adjtimex, SYS_vhangup,
    SYS_lookup_dcookie, SYS_nfsservctl,
#if defined(__x86_64__)
    SYS_iopl, SYS_ioperm, SYS_uselib, SYS_ustat, SYS_sysfs, SYS__sysctl,
#endif
};

// Said to be absent, so that programs fall back: clone3 hides its flags in memory, where a filter cannot look.
static const uint32_t absent[] = {SYS_clone3, SYS_io_uring_setup, SYS_io_uring_enter, SYS_io_uring_register};

static const uint32_t allowed_families[] = {AF_UNIX, AF_INET, AF_INET6, AF_NETLINK};

struct program {
    struct sock_filter *next, *end;
    int overflow;
};

static void emit(struct program *program, uint16_t code, uint32_t value, uint8_t if_true, uint8_t if_false) {
    if (program->next >= program->end) {
        program->overflow = 1;
        return;
    }
    *program->next++ = (struct sock_filter){code, if_true, if_false, value};
}

static void load(struct program *program, size_t offset) { emit(program, BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset, 0, 0); }
static void answer(struct program *program, uint32_t action) { emit(program, BPF_RET | BPF_K, action, 0, 0); }
static uint32_t failure(int error) { return SECCOMP_RET_ERRNO | (uint32_t)error; }

static void refuse_call(struct program *program, uint32_t number, int error) {
    emit(program, BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1);
    answer(program, failure(error));
}

// Little-endian: the low half of an argument comes first. The kernel itself reads these arguments as 32 bits.
static size_t argument(int index) { return offsetof(struct seccomp_data, args) + (size_t)index * sizeof(uint64_t); }

static void refuse_new_users(struct program *program, uint32_t number) {
    emit(program, BPF_JMP | BPF_JEQ | BPF_K, number, 0, 4);
    load(program, argument(0));
    emit(program, BPF_JMP | BPF_JSET | BPF_K, CLONE_NEWUSER, 0, 1);
    answer(program, failure(EPERM));
    answer(program, SECCOMP_RET_ALLOW);
}

static void refuse_terminal_input(struct program *program) {
    emit(program, BPF_JMP | BPF_JEQ | BPF_K, SYS_ioctl, 0, 5);
    load(program, argument(1));
    emit(program, BPF_JMP | BPF_JEQ | BPF_K, TIOCSTI, 1, 0);
    emit(program, BPF_JMP | BPF_JEQ | BPF_K, TIOCLINUX, 0, 1);
    answer(program, failure(EPERM));
    answer(program, SECCOMP_RET_ALLOW);
}

static void limit_families(struct program *program, uint32_t number) {
    uint8_t count = sizeof allowed_families / sizeof *allowed_families;
    emit(program, BPF_JMP | BPF_JEQ | BPF_K, number, 0, (uint8_t)(count + 3));
    load(program, argument(0));
    for (uint8_t i = 0; i < count; i++) {
        emit(program, BPF_JMP | BPF_JEQ | BPF_K, allowed_families[i], (uint8_t)(count - i), 0);
    }
    answer(program, failure(EAFNOSUPPORT));
    answer(program, SECCOMP_RET_ALLOW);
}

size_t cs_seccomp_program(void *buffer, size_t capacity) {
#ifndef CS_ARCHITECTURE
    (void)buffer, (void)capacity;
    return 0;
#else
    struct program program = {buffer, (struct sock_filter *)buffer + capacity / sizeof(struct sock_filter), 0};
    load(&program, offsetof(struct seccomp_data, arch));
    emit(&program, BPF_JMP | BPF_JEQ | BPF_K, CS_ARCHITECTURE, 1, 0);
    // Another instruction set has other numbers, and none of our programs uses one.
    answer(&program, failure(ENOSYS));
    load(&program, offsetof(struct seccomp_data, nr));
#if defined(__x86_64__)
    emit(&program, BPF_JMP | BPF_JGE | BPF_K, 0x40000000, 0, 1);
    answer(&program, failure(ENOSYS));
#endif
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) refuse_call(&program, refused[i], EPERM);
    for (size_t i = 0; i < sizeof absent / sizeof *absent; i++) refuse_call(&program, absent[i], ENOSYS);
    refuse_new_users(&program, SYS_clone);
    refuse_new_users(&program, SYS_unshare);
    refuse_terminal_input(&program);
    limit_families(&program, SYS_socket);
    limit_families(&program, SYS_socketpair);
    answer(&program, SECCOMP_RET_ALLOW);
    return program.overflow ? 0 : (size_t)((char *)program.next - (char *)buffer);
#endif
}
