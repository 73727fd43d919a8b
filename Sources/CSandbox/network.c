// Network namespaces and the listeners in them. A namespace belongs to a thread: each job runs on a thread that ends with it,
// so that no other work ever runs in a foreign namespace.
#define _GNU_SOURCE
#include "csandbox_launch.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_log.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <spawn.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

struct job {
    const struct cs_network_plan *plan;
    int network;  // an existing namespace, or -1 for a new one, which it becomes
    int *sockets;
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

static int open_stream(struct job *job, uint16_t port, int any) {
    int one = 1, zero = 0;
    int fd = any ? socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0) : -1;
    int both = fd >= 0;
    if (fd < 0) fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) return failed(job, "socket(listener)");
    struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    struct sockaddr_in four = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(any ? INADDR_ANY : INADDR_LOOPBACK)};
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) != 0 ||
        (both && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof zero) != 0) ||
        bind(fd, both ? (struct sockaddr *)&six : (struct sockaddr *)&four, both ? sizeof six : sizeof four) != 0 ||
        listen(fd, 256) != 0) {
        failed(job, "bind(listener)");
        close(fd);
        return -1;
    }
    return fd;
}

// Bound to the loopback address: answers must come from where the redirection sent the question.
static int open_datagram(struct job *job, uint16_t port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) return failed(job, "socket(datagrams)");
    if (bind(fd, (struct sockaddr *)&address, sizeof address) != 0) {
        failed(job, "bind(datagrams)");
        close(fd);
        return -1;
    }
    return fd;
}

// Sends one netlink request and reads its acknowledgement. 0, or an errno.
static int netlink_request(int fd, struct nlmsghdr *message) {
    char answer[512] __attribute__((aligned(NLMSG_ALIGNTO)));
    message->nlmsg_flags |= NLM_F_REQUEST | NLM_F_ACK;
    if (send(fd, message, message->nlmsg_len, 0) < 0) return errno;
    ssize_t count = recv(fd, answer, sizeof answer, 0);
    if (count < 0) return errno;
    struct nlmsghdr *head = (struct nlmsghdr *)answer;
    if (count < (ssize_t)NLMSG_LENGTH(sizeof(struct nlmsgerr)) || head->nlmsg_type != NLMSG_ERROR) return EPROTO;
    return -((struct nlmsgerr *)NLMSG_DATA(head))->error;
}

static void add_attribute(struct nlmsghdr *message, uint16_t type, const void *value, uint16_t size) {
    struct nlattr *attribute = (struct nlattr *)((char *)message + NLMSG_ALIGN(message->nlmsg_len));
    attribute->nla_type = type;
    attribute->nla_len = (uint16_t)(NLA_HDRLEN + size);
    memcpy((char *)attribute + NLA_HDRLEN, value, size);
    message->nlmsg_len = NLMSG_ALIGN(message->nlmsg_len) + NLA_ALIGN(attribute->nla_len);
}

static struct nlmsghdr *log_message(char *buffer, size_t size, uint16_t group) {
    memset(buffer, 0, size);
    struct nlmsghdr *message = (struct nlmsghdr *)buffer;
    message->nlmsg_len = NLMSG_LENGTH(sizeof(struct nfgenmsg));
    message->nlmsg_type = NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_CONFIG;
    struct nfgenmsg *head = NLMSG_DATA(message);
    head->nfgen_family = AF_UNSPEC;
    head->version = NFNETLINK_V0;
    head->res_id = htons(group);
    return message;
}

// A socket to which the kernel tells the headers of packets that a rule logs to `group`; -1 where it can't.
static int open_log(uint16_t group) {
    char buffer[256] __attribute__((aligned(NLMSG_ALIGNTO)));
    struct nfulnl_msg_config_cmd bind_command = {.command = NFULNL_CFG_CMD_BIND};
    struct nfulnl_msg_config_mode mode = {.copy_range = htonl(64), .copy_mode = NFULNL_COPY_PACKET};
    struct timeval patience = {.tv_sec = 2};
    int size = 1 << 16;
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
    if (fd < 0) return -1;
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    struct nlmsghdr *message = log_message(buffer, sizeof buffer, group);
    add_attribute(message, NFULA_CFG_CMD, &bind_command, sizeof bind_command);
    int error = netlink_request(fd, message);
    if (!error) {
        message = log_message(buffer, sizeof buffer, group);
        add_attribute(message, NFULA_CFG_MODE, &mode, sizeof mode);
        error = netlink_request(fd, message);
    }
    if (error || fcntl(fd, F_SETFL, O_NONBLOCK) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

// Routes every address of `family` to the loopback device, so that a connection to it can be answered here.
static int route_all(struct job *job, unsigned char family) {
    char buffer[128] __attribute__((aligned(NLMSG_ALIGNTO))) = {0};
    struct nlmsghdr *message = (struct nlmsghdr *)buffer;
    message->nlmsg_len = NLMSG_LENGTH(sizeof(struct rtmsg));
    message->nlmsg_type = RTM_NEWROUTE;
    message->nlmsg_flags = NLM_F_CREATE | NLM_F_EXCL;
    struct rtmsg *route = NLMSG_DATA(message);
    route->rtm_family = family;
    route->rtm_table = RT_TABLE_LOCAL;
    route->rtm_protocol = RTPROT_STATIC;
    route->rtm_scope = RT_SCOPE_HOST;
    route->rtm_type = RTN_LOCAL;
    uint32_t loopback = 1;  // the first device of every namespace
    add_attribute(message, RTA_OIF, &loopback, sizeof loopback);
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    if (fd < 0) return failed(job, "socket(route)");
    int error = netlink_request(fd, message);
    close(fd);
    if (error == 0) return 0;
    errno = error;
    return failed(job, "route(local default)");
}

static int spawn_nft(const char *nft, int input, pid_t *child) {
    char *const argv[] = {"nft", "-f", "-", NULL};
    char *const none[] = {NULL};
    posix_spawn_file_actions_t files;
    int error = posix_spawn_file_actions_init(&files);
    if (error) return error;
    error = posix_spawn_file_actions_adddup2(&files, input, STDIN_FILENO);
    if (!error) error = posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    if (!error) error = posix_spawn_file_actions_addopen(&files, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    if (!error) error = posix_spawn_file_actions_addclosefrom_np(&files, STDERR_FILENO + 1);
    // The child is in the namespace of this thread.
    if (!error) error = posix_spawn(child, nft, &files, NULL, argv, none);
    posix_spawn_file_actions_destroy(&files);
    return error;
}

static int apply_rules(struct job *job) {
    size_t size = strlen(job->plan->rules);
    int input = memfd_create("rules", MFD_CLOEXEC);
    if (input < 0 || write(input, job->plan->rules, size) != (ssize_t)size || lseek(input, 0, SEEK_SET) != 0) {
        failed(job, "memfd(rules)");
        if (input >= 0) close(input);
        return -1;
    }
    pid_t child = -1;
    int error = spawn_nft(job->plan->nft, input, &child);
    close(input);
    if (error) {
        errno = error;
        return failed(job, "posix_spawn(nft)");
    }
    int status = 0;
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR) return failed(job, "waitpid(nft)");
    if (status == 0) return 0;
    errno = ECHILD;
    return failed(job, "nft");
}

static int enter(struct job *job) {
    if (job->network >= 0) return setns(job->network, CLONE_NEWNET) == 0 ? 0 : failed(job, "setns(network)");
    if (unshare(CLONE_NEWNET) != 0) return failed(job, "unshare(CLONE_NEWNET)");
    if (bring_up_loopback(job) != 0) return -1;
    open_low_ports();
    if (job->plan->nft) {
        if (apply_rules(job) != 0 || route_all(job, AF_INET) != 0) return -1;
        // A kernel without IPv6 has nothing to route there.
        if (route_all(job, AF_INET6) != 0) job->error = 0;
    }
    return 0;
}

static int open_socket(struct job *job, struct cs_socket_plan plan, int *fd) {
    *fd = plan.kind == CS_SOCKET_LOG        ? open_log(plan.port)
          : plan.kind == CS_SOCKET_DATAGRAM ? open_datagram(job, plan.port)
                                            : open_stream(job, plan.port, plan.kind == CS_SOCKET_ANY);
    return *fd >= 0 || plan.kind == CS_SOCKET_LOG ? 0 : -1;
}

static void *run(void *argument) {
    struct job *job = argument;
    int is_new = job->network < 0;
    if (enter(job) != 0) return NULL;
    size_t made = 0;
    while (made < job->plan->count && open_socket(job, job->plan->sockets[made], &job->sockets[made]) == 0) made++;
    if (made == job->plan->count) {
        if (!is_new) return NULL;
        job->network = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
        if (job->network >= 0) return NULL;
        failed(job, "open(ns/net)");
    }
    while (made-- > 0)
        if (job->sockets[made] >= 0) close(job->sockets[made]);
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

int cs_make_network(const struct cs_network_plan *plan, int *network, int *sockets, const char **stage) {
    struct job job = {.plan = plan, .network = -1, .sockets = sockets, .stage = ""};
    int error = run_job(&job, stage);
    if (error == 0) *network = job.network;
    return error;
}

int cs_listen_in_network(int network, const struct cs_network_plan *plan, int *sockets, const char **stage) {
    struct job job = {.plan = plan, .network = network, .sockets = sockets, .stage = ""};
    return run_job(&job, stage);
}
