// Network namespaces and the listeners in them. A namespace belongs to a thread: each job runs on a thread that ends with it,
// so that no other work ever runs in a foreign namespace.
#define _GNU_SOURCE
#include "csandbox_launch.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

struct job {
    int enter;  // an existing namespace, or -1 for a new one
    const uint16_t *ports;
    size_t count;
    int network;
    int *listeners;
    int error;
    const char *stage;
};

static int failed(struct job *job, const char *stage) {
    job->error = errno;
    job->stage = stage;
    return -1;
}

static int bring_up_loopback(struct job *job) {
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return failed(job, "socket(loopback)");
    struct ifreq request;
    memset(&request, 0, sizeof request);
    strcpy(request.ifr_name, "lo");
    request.ifr_flags = IFF_UP | IFF_RUNNING;
    int result = ioctl(fd, SIOCSIFFLAGS, &request) == 0 ? 0 : failed(job, "ioctl(SIOCSIFFLAGS)");
    close(fd);
    return result;
}

// Lets the agent's user serve on port 80 and the like. Best effort: only convenience is lost without it.
static void open_low_ports(void) {
    int fd = open("/proc/sys/net/ipv4/ip_unprivileged_port_start", O_WRONLY | O_CLOEXEC);
    if (fd < 0) return;
    (void)!write(fd, "0", 1);
    close(fd);
}

static int listen_on(struct job *job, uint16_t port, int *listener) {
    int one = 1;
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) return failed(job, "socket(listener)");
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) != 0 ||
        bind(fd, (struct sockaddr *)&address, sizeof address) != 0 || listen(fd, 256) != 0) {
        failed(job, "bind(listener)");
        close(fd);
        return -1;
    }
    *listener = fd;
    return 0;
}

static int enter(struct job *job) {
    if (job->enter >= 0) return setns(job->enter, CLONE_NEWNET) == 0 ? 0 : failed(job, "setns(network)");
    if (unshare(CLONE_NEWNET) != 0) return failed(job, "unshare(CLONE_NEWNET)");
    if (bring_up_loopback(job) != 0) return -1;
    open_low_ports();
    job->network = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
    return job->network >= 0 ? 0 : failed(job, "open(ns/net)");
}

static void *run(void *argument) {
    struct job *job = argument;
    if (enter(job) != 0) return NULL;
    for (size_t i = 0; i < job->count; i++) {
        if (listen_on(job, job->ports[i], &job->listeners[i]) == 0) continue;
        while (i-- > 0) close(job->listeners[i]);
        if (job->network >= 0) close(job->network);
        return NULL;
    }
    return NULL;
}

static int run_job(struct job *job, const char **stage) {
    pthread_t thread;
    int error = pthread_create(&thread, NULL, run, job);
    if (error != 0) {
        *stage = "pthread_create";
        return error;
    }
    pthread_join(thread, NULL);
    *stage = job->stage;
    return job->error;
}

int cs_make_network(const uint16_t *ports, size_t count, int *network, int *listeners, const char **stage) {
    struct job job = {.enter = -1, .ports = ports, .count = count, .network = -1, .listeners = listeners, .stage = ""};
    int error = run_job(&job, stage);
    if (error == 0) *network = job.network;
    return error;
}

int cs_listen_in_network(int network, const uint16_t *ports, size_t count, int *listeners, const char **stage) {
    struct job job = {.enter = network, .ports = ports, .count = count, .network = -1, .listeners = listeners, .stage = ""};
    return run_job(&job, stage);
}
