#ifndef CFAULTS_H
#define CFAULTS_H
#include <sys/types.h>

// Shuts a socket of another process, as a broken network would. 0, or -1 with errno. Needs CAP_SYS_PTRACE.
int rookery_shutdown_of(pid_t pid, int descriptor);
#endif
