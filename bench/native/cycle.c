/*
 * Implementation of cycle.h.
 *
 * The one idea: CPU time of the server is read from the kernel's clock of that process, in nanoseconds, at the moments
 * between which something happened; so answering and polling again are told apart on a machine that does both at once.
 */
#define _GNU_SOURCE
#include "cycle.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#define WORD_BYTES 2048

/* CPU time of a process, ns; 0 when there is none to ask. */
static uint64_t process_cpu_ns(int pid) {
  clockid_t clock;
  struct timespec time;
  if (pid <= 0 || clock_getcpuclockid(pid, &clock) || clock_gettime(clock, &time)) return 0;
  return (uint64_t)time.tv_sec * NS_PER_SECOND + (uint64_t)time.tv_nsec;
}

int cycle_open(struct cycle *cycle, struct sockaddr_in address, int server_pid) {
  int on = 1;
  memset(cycle, 0, sizeof *cycle);
  cycle->server_pid = server_pid;
  cycle->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (cycle->fd < 0 || connect(cycle->fd, (struct sockaddr *)&address, sizeof address))
    fail("Cannot open a connection: %s", strerror(errno));
  setsockopt(cycle->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  fcntl(cycle->fd, F_SETFL, O_NONBLOCK);
  cycle_ask(cycle);
  return cycle->fd;
}

void cycle_begin(struct cycle *cycle, bool is_counted) {
  cycle->phase = CYCLE_ANSWERING;
  cycle->is_counted = is_counted;
  cycle->began_ns = now_ns();
  cycle->began_cpu_ns = process_cpu_ns(cycle->server_pid);
}

void cycle_answered(struct cycle *cycle) {
  uint64_t took_ns = now_ns() - cycle->began_ns;
  if (!cycle->is_counted) return;
  cycle->answers_ns += took_ns;
  cycle->answer_cpu_ns += process_cpu_ns(cycle->server_pid) - cycle->began_cpu_ns;
  histogram_add(&cycle->answer_ns, took_ns, 1);
}

/* A preflight: the cheapest thing there is to ask at the path of polls. */
void cycle_ask(struct cycle *cycle) {
  static const char request[] = "OPTIONS /poll HTTP/1.1\r\nHost: bench\r\n\r\n";
  cycle->phase = CYCLE_POLLING;
  if (send(cycle->fd, request, sizeof request - 1, MSG_NOSIGNAL) != sizeof request - 1)
    fail("Cannot ask the server: %s", strerror(errno));
}

static void completed(struct cycle *cycle) {
  uint64_t took_ns = now_ns() - cycle->began_ns;
  cycle->phase = CYCLE_WAITING;
  if (!cycle->is_counted) return;
  cycle->is_counted = false;
  cycle->cycles++;
  cycle->cycles_ns += took_ns;
  cycle->cycle_cpu_ns += process_cpu_ns(cycle->server_pid) - cycle->began_cpu_ns;
  histogram_add(&cycle->cycle_ns, took_ns, 1);
}

void cycle_read(struct cycle *cycle) {
  char word[WORD_BYTES];
  ssize_t bytes = recv(cycle->fd, word, sizeof word, 0);
  if (bytes < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (bytes <= 0) fail("The server closed a connection: %s", bytes < 0 ? strerror(errno) : "no reason");
  if (cycle->phase == CYCLE_POLLING && memmem(word, (size_t)bytes, "\r\n\r\n", 4)) completed(cycle);
}

void cycle_close(struct cycle *cycle) {
  if (cycle->fd > 0) close(cycle->fd);
  cycle->fd = 0;
}
