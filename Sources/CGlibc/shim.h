#ifndef CGLIBC_SHIM_H
#define CGLIBC_SHIM_H
#include <malloc.h>
#include <spawn.h>
// glibc has these (2.29 and 2.34), but declares them only to programs that ask for GNU extensions, which Swift's Glibc does not.
extern int posix_spawn_file_actions_addclosefrom_np(posix_spawn_file_actions_t *actions, int from);
extern int posix_spawn_file_actions_addchdir_np(posix_spawn_file_actions_t *actions, const char *path);
#endif
