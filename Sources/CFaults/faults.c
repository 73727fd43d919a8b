#define _GNU_SOURCE
#include "CFaults.h"
#include <errno.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

// pidfd_open(2) and pidfd_getfd(2), Linux 5.6: their numbers are the same on every architecture.
int rookery_shutdown_of(pid_t pid, int descriptor) {
  int process = (int)syscall(434, pid, 0);
  if (process < 0) return -1;
  int copy = (int)syscall(438, process, descriptor, 0);
  int result = copy < 0 ? -1 : shutdown(copy, SHUT_RDWR);
  int cause = errno;
  if (copy >= 0) close(copy);
  close(process);
  errno = cause;
  return result;
}
