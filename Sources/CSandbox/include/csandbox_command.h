#ifndef CSANDBOX_COMMAND_H
#define CSANDBOX_COMMAND_H
#include <sys/types.h>

/// Starts a program (looked up in our PATH unless it holds a slash) as the leader of a process group of its own, with exactly
/// `environment`, in `directory`, stdin from /dev/null, `output` and `errors` as stdout and stderr, no other descriptor, and
/// signals as they are by default. 0 and *child, or an errno.
int cs_spawn_command(
    char *const argv[], char *const environment[], const char *directory, int output, int errors, pid_t *child);
#endif
