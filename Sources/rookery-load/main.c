// Measures how a server fans messages out over WebSockets: one publisher, many readers, one thread, epoll.
//
// The publisher is a WebSocket of its own (peers that broadcast what a client sends), or a plain TCP connection to which each message
// is one line (--line-port: our server, whose events do not come from sockets). A message is JSON with "n" (its number) and "t" (when
// it was sent, in nanoseconds); servers may put it into an envelope. Prints one line of JSON.

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { CHUNK = 32 << 10, SAMPLES = 4 << 20, LINE = 64 << 10 };
enum phase { HANDSHAKE, OPEN, OVER };

struct reader {
  int descriptor;
  enum phase phase;
  uint8_t *bytes;
  size_t count, room;
  int64_t last;
};

static struct {
  const char *path, *headers;
  int port, line_port, readers, stalled, size, window, process;
  double rate, seconds, warm_up;
} options = {.path = "/", .headers = "", .port = 9001, .readers = 1000, .size = 200, .window = 1, .seconds = 10, .warm_up = 1};

static int poller;
static uint32_t *samples;
static size_t sampled;
static uint64_t measured_from, measured_to, delivered, all_delivered, gaps, repeats, closed;

static void fail(const char *step) {
  fprintf(stderr, "rookery-load: %s: %s\n", step, errno ? strerror(errno) : "unexpected");
  exit(2);
}

static uint64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static int dial(int port, int receive_buffer) {
  int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
  if (descriptor < 0) fail("socket");
  if (receive_buffer > 0) setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
  setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  if (connect(descriptor, (struct sockaddr *)&address, sizeof address)) fail("connect");
  return descriptor;
}

static void send_all(int descriptor, const void *bytes, size_t count) {
  const char *next = bytes;
  while (count > 0) {
    ssize_t sent = send(descriptor, next, count, MSG_NOSIGNAL);
    if (sent < 0 && (errno == EAGAIN || errno == EINTR)) {
      usleep(20);
      continue;
    }
    if (sent <= 0) fail("send");
    next += sent;
    count -= (size_t)sent;
  }
}

static void send_frame(int descriptor, uint8_t opcode, const uint8_t *payload, size_t count) {
  uint8_t *frame = malloc(count + 14), *next = frame;
  const uint8_t key[4] = {0x5a, 0xa5, 0x3c, 0xc3};
  if (!frame) fail("malloc");
  *next++ = 0x80 | opcode;
  if (count < 126) {
    *next++ = 0x80 | (uint8_t)count;
  } else if (count < 65536) {
    *next++ = 0x80 | 126;
    *next++ = (uint8_t)(count >> 8);
    *next++ = (uint8_t)count;
  } else {
    *next++ = 0x80 | 127;
    for (int shift = 56; shift >= 0; shift -= 8) *next++ = (uint8_t)((uint64_t)count >> shift);
  }
  memcpy(next, key, 4);
  next += 4;
  for (size_t place = 0; place < count; place++) *next++ = payload[place] ^ key[place & 3];
  send_all(descriptor, frame, (size_t)(next - frame));
  free(frame);
}

static void open_reader(struct reader *reader, bool stalls) {
  reader->descriptor = dial(options.port, stalls ? 4096 : 0);
  char request[4096];
  int count = snprintf(
      request, sizeof request,
      "GET %s HTTP/1.1\r\nHost: localhost:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Key: AQIDBAUGBwgJCgsMDQ4PEA==\r\nSec-WebSocket-Version: 13\r\n%s\r\n",
      options.path, options.port, options.headers);
  if (count >= (int)sizeof request) fail("request");
  send_all(reader->descriptor, request, (size_t)count);
  reader->last = -1;
  reader->room = CHUNK;
  if (!(reader->bytes = malloc(reader->room))) fail("malloc");
  fcntl(reader->descriptor, F_SETFL, O_NONBLOCK);
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = reader};
  if (epoll_ctl(poller, EPOLL_CTL_ADD, reader->descriptor, &event)) fail("epoll_ctl");
}

// A number that stands behind `name` in the message; -1 where there is none.
static int64_t number(const uint8_t *bytes, size_t count, const char *name) {
  const uint8_t *found = memmem(bytes, count, name, strlen(name));
  if (!found) return -1;
  int64_t value = 0;
  for (found += strlen(name); found < bytes + count && *found >= '0' && *found <= '9'; found++) value = value * 10 + (*found - '0');
  return value;
}

static void take_message(struct reader *reader, const uint8_t *bytes, size_t count) {
  int64_t place = number(bytes, count, "\"n\":"), sent = number(bytes, count, "\"t\":");
  if (place < 0 || sent < 0) return;
  if (place <= reader->last) {
    repeats++;
  } else {
    if (reader->last >= 0) gaps += (uint64_t)(place - reader->last - 1);
    reader->last = place;
  }
  all_delivered++;
  if ((uint64_t)sent < measured_from || (uint64_t)sent >= measured_to) return;
  delivered++;
  uint64_t took = (now() - (uint64_t)sent) / 1000;
  if (sampled < SAMPLES) samples[sampled++] = took > UINT32_MAX ? UINT32_MAX : (uint32_t)took;
}

static void end_reader(struct reader *reader) {
  close(reader->descriptor);
  reader->phase = OVER;
  closed++;
}

// Takes what frames are whole; returns false when the server closed.
static bool take_frames(struct reader *reader) {
  size_t start = 0;
  if (reader->phase == HANDSHAKE) {
    uint8_t *end = memmem(reader->bytes, reader->count, "\r\n\r\n", 4);
    if (!end) return true;
    if (memcmp(reader->bytes, "HTTP/1.1 101", 12)) {
      fprintf(stderr, "rookery-load: refused: %.*s\n", 120, reader->bytes);
      exit(2);
    }
    start = (size_t)(end + 4 - reader->bytes);
    reader->phase = OPEN;
  }
  while (reader->count - start >= 2) {
    uint8_t *frame = reader->bytes + start;
    size_t head = 2, left = reader->count - start;
    uint64_t size = frame[1] & 127;
    if (size >= 126) {
      size_t extra = size == 126 ? 2 : 8;
      if (left < head + extra) break;
      size = 0;
      for (size_t place = 0; place < extra; place++) size = size << 8 | frame[2 + place];
      head += extra;
    }
    if (left < head + size) break;
    switch (frame[0] & 15) {
      case 1:
      case 2: take_message(reader, frame + head, size); break;
      case 8: return false;
      case 9: send_frame(reader->descriptor, 10, frame + head, size); break;
    }
    start += head + size;
  }
  memmove(reader->bytes, reader->bytes + start, reader->count - start);
  reader->count -= start;
  return true;
}

static void read_all(struct reader *reader) {
  while (reader->phase != OVER) {
    if (reader->room - reader->count < CHUNK / 2) {
      reader->room += CHUNK;
      if (!(reader->bytes = realloc(reader->bytes, reader->room))) fail("realloc");
    }
    ssize_t got = recv(reader->descriptor, reader->bytes + reader->count, reader->room - reader->count, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) return end_reader(reader);
    reader->count += (size_t)got;
    if (!take_frames(reader)) return end_reader(reader);
  }
}

static void turn(int milliseconds) {
  struct epoll_event events[256];
  int count = epoll_wait(poller, events, 256, milliseconds);
  for (int place = 0; place < count; place++) {
    struct reader *reader = events[place].data.ptr;
    if (reader->phase != OVER) read_all(reader);
  }
}

static long memory(const char *name) {
  char path[64], line[256];
  long value = -1;
  snprintf(path, sizeof path, "/proc/%d/status", options.process);
  FILE *file = options.process ? fopen(path, "r") : NULL;
  while (file && fgets(line, sizeof line, file))
    if (!strncmp(line, name, strlen(name))) value = atol(line + strlen(name) + 1);
  if (file) fclose(file);
  return value;
}

static int by_size(const void *left, const void *right) {
  uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
  return (a > b) - (a < b);
}

static double quantile(double part) {
  return sampled ? samples[(size_t)(part * (double)(sampled - 1))] / 1000.0 : 0;
}

static void parse(int count, char **words) {
  for (int place = 1; place < count; place += 2) {
    const char *name = words[place], *value = place + 1 < count ? words[place + 1] : NULL;
    if (!value) goto usage;
    if (!strcmp(name, "--port")) options.port = atoi(value);
    else if (!strcmp(name, "--line-port")) options.line_port = atoi(value);
    else if (!strcmp(name, "--path")) options.path = value;
    else if (!strcmp(name, "--header")) {
      char *joined;
      if (asprintf(&joined, "%s%s\r\n", options.headers, value) < 0) fail("asprintf");
      options.headers = joined;
    } else if (!strcmp(name, "--readers")) options.readers = atoi(value);
    else if (!strcmp(name, "--stalled")) options.stalled = atoi(value);
    else if (!strcmp(name, "--size")) options.size = atoi(value);
    else if (!strcmp(name, "--window")) options.window = atoi(value);
    else if (!strcmp(name, "--rate")) options.rate = atof(value);
    else if (!strcmp(name, "--seconds")) options.seconds = atof(value);
    else if (!strcmp(name, "--warm-up")) options.warm_up = atof(value);
    else if (!strcmp(name, "--pid")) options.process = atoi(value);
    else goto usage;
  }
  if (options.readers > 0 && options.size >= 64 && options.size < LINE / 2 && (options.window > 0 || options.rate > 0)) return;
usage:
  fprintf(stderr,
          "usage: rookery-load --port P [--path PATH] [--header LINE]… [--line-port P] [--readers N] [--stalled N] [--size BYTES]\n"
          "                    [--window MESSAGES | --rate PER-SECOND] [--seconds S] [--warm-up S] [--pid SERVER]\n");
  exit(64);
}

int main(int count, char **words) {
  parse(count, words);
  struct rlimit limit;
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  if ((poller = epoll_create1(EPOLL_CLOEXEC)) < 0) fail("epoll_create1");
  if (!(samples = malloc(SAMPLES * sizeof *samples))) fail("malloc");

  int connections = options.readers + options.stalled;
  struct reader *readers = calloc((size_t)connections + 1, sizeof *readers);
  if (!readers) fail("calloc");
  long before = memory("VmRSS:");
  uint64_t began = now();
  for (int place = 0; place < connections; place++) {
    open_reader(&readers[place], place >= options.readers);
    if (place % 32 == 31) turn(0);
  }
  for (int open = 0; open < connections;) {
    turn(100);
    open = 0;
    for (int place = 0; place < connections; place++) open += readers[place].phase == OPEN;
    if (now() - began > 60000000000u) fail("not all connections opened within 60 s");
  }
  double connected = (double)(now() - began) / 1e9;
  long after = memory("VmRSS:");
  for (int place = options.readers; place < connections; place++) epoll_ctl(poller, EPOLL_CTL_DEL, readers[place].descriptor, NULL);

  struct reader *publisher = &readers[connections];
  if (options.line_port) {
    publisher->descriptor = dial(options.line_port, 0);
  } else {
    open_reader(publisher, false);
    while (publisher->phase == HANDSHAKE) turn(10);
  }
  // A peer that sends the publisher its own messages, or not: only readers count.
  uint64_t start = now(), sent = 0, sent_before = 0, delivered_before = 0, counted_from = 0;
  measured_from = start + (uint64_t)(options.warm_up * 1e9);
  measured_to = measured_from + (uint64_t)(options.seconds * 1e9);
  static char message[LINE];
  while (now() < measured_to) {
    if (!counted_from && now() >= measured_from) {
      counted_from = now();
      sent_before = sent;
      delivered_before = all_delivered;
    }
    for (int burst = 0; burst < 64; burst++) {
      uint64_t moment = now();
      if (options.rate > 0) {
        uint64_t due = start + (uint64_t)((double)sent * 1e9 / options.rate);
        if (due > moment) break;
        // Counted from when it should have been sent: a server that holds us up is not spared.
        moment = due;
      } else {
        int64_t slowest = INT64_MAX;
        for (int place = 0; place < options.readers; place++)
          if (readers[place].phase == OPEN && readers[place].last < slowest) slowest = readers[place].last;
        if ((int64_t)sent - 1 - slowest >= options.window) break;
      }
      int used = snprintf(message, sizeof message, "{\"n\":%" PRIu64 ",\"t\":%" PRIu64 ",\"fill\":\"", sent, moment);
      while (used < options.size - 2) message[used++] = 'x';
      used += snprintf(message + used, sizeof message - (size_t)used, "\"}");
      if (options.line_port) {
        message[used++] = '\n';
        send_all(publisher->descriptor, message, (size_t)used);
      } else {
        send_frame(publisher->descriptor, 1, (uint8_t *)message, (size_t)used);
      }
      sent++;
    }
    turn(options.rate > 0 ? 0 : 1);
  }
  double seconds = (double)(now() - counted_from) / 1e9;
  uint64_t published = sent - sent_before, counted = all_delivered - delivered_before;
  long loaded = memory("VmRSS:");
  for (uint64_t quiet = now(), seen = all_delivered; now() - quiet < 500000000u;) {
    turn(50);
    if (all_delivered != seen) {
      seen = all_delivered;
      quiet = now();
    }
    if (now() - measured_to > 5000000000u) break;
  }
  uint64_t behind = 0;
  for (int place = 0; place < options.readers; place++) behind += readers[place].last != (int64_t)sent - 1;
  qsort(samples, sampled, sizeof *samples, by_size);
  printf("{\"readers\":%d,\"stalled\":%d,\"connectSeconds\":%.3f,\"publishedPerSecond\":%.1f,\"deliveriesPerSecond\":%.1f,"
         "\"p50\":%.3f,\"p90\":%.3f,\"p99\":%.3f,\"p999\":%.3f,\"max\":%.3f,\"gaps\":%" PRIu64 ",\"repeats\":%" PRIu64
         ",\"behind\":%" PRIu64 ",\"closed\":%" PRIu64 ",\"kilobytesBefore\":%ld,\"kilobytesConnected\":%ld,\"kilobytesLoaded\":%ld}\n",
         options.readers, options.stalled, connected, (double)published / seconds, (double)counted / seconds, quantile(0.5),
         quantile(0.9), quantile(0.99), quantile(0.999), quantile(1), gaps, repeats, behind, closed, before, after, loaded);
  return 0;
}
