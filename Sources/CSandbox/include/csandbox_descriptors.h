#ifndef CSANDBOX_DESCRIPTORS_H
#define CSANDBOX_DESCRIPTORS_H
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/// The most descriptors that one message carries.
#define CS_MAX_DESCRIPTORS 16

/// The poll event for a peer that closed its end (POLLRDHUP, which needs _GNU_SOURCE).
#define CS_POLL_PEER_CLOSED 0x2000

/// Who is at the other end of a Unix socket, as the kernel recorded it at connect or listen. 0, or an errno.
int cs_peer_credentials(int socket, int32_t *pid, uint32_t *uid, uint32_t *gid);

/// A listening Unix stream socket at `path`, with `mode` and (unless `owner` is UINT32_MAX) that owner before anyone can reach it:
/// it is made under a temporary name and renamed over whatever stale socket was there. Close-on-exec.
/// 0 and *listener, else an errno: EADDRINUSE when a live server answers at `path`.
int cs_unix_listen(const char *path, mode_t mode, uint32_t owner, int backlog, int *listener);

/// Connects to the Unix stream socket at `path`, waiting at most `timeout_ms` when its backlog is full.
/// 0 and *connection (close-on-exec), else an errno.
int cs_unix_connect(const char *path, int timeout_ms, int *connection);

/// Accepts a connection, close-on-exec. 0 and *connection, else an errno.
int cs_accept(int listener, int *connection);

/// A new event counter (eventfd), non-blocking and close-on-exec, or -errno.
int cs_event_descriptor(void);

/// Sends without blocking what fits of `bytes`, and `descriptors` with their first byte; never raises SIGPIPE.
/// Returns the count sent, or -errno.
ssize_t cs_send(int socket, const void *bytes, size_t count, const int *descriptors, size_t descriptor_count);

/// Receives without blocking. Descriptors that came along are appended to `descriptors` at *descriptor_count
/// (at most CS_MAX_DESCRIPTORS in all; close-on-exec). Returns the count received, 0 at the end, or -errno;
/// -EMSGSIZE when more descriptors came than fit: all of that message are closed.
ssize_t cs_receive(int socket, void *bytes, size_t capacity, int *descriptors, size_t *descriptor_count);
/// A pipe's reading and writing end, close-on-exec. 0, or an errno.
int cs_pipe(int *reading, int *writing);
#endif
