/*
 * Rounds to clients that poll, one at a time: publish, all answers, all polls back, and the next.
 *
 * Owns the times of these cycles. "Back" means that the server has read the polls: a request sent after them, on a
 * connection of its own, is answered only once it has, because a server that waits with epoll meets sockets in the
 * order in which they became readable. Bound: one connection and two histograms.
 */
#ifndef BENCH_CYCLE_H
#define BENCH_CYCLE_H

#include <netinet/in.h>
#include <stdbool.h>

#include "histogram.h"

enum cycle_phase {
  CYCLE_WAITING,   /* every client has a poll at the server */
  CYCLE_ANSWERING, /* a round is on its way to the clients */
  CYCLE_POLLING    /* the clients have polled, and the server is asked whether it has seen it */
};

struct cycle {
  enum cycle_phase phase;
  int fd;
  int server_pid;
  bool is_counted; /* began while measuring */
  uint64_t began_ns, began_cpu_ns;

  uint64_t cycles;
  uint64_t answer_cpu_ns, cycle_cpu_ns; /* of the server, sums */
  uint64_t answers_ns, cycles_ns;       /* by the clock, sums */
  struct histogram answer_ns, cycle_ns; /* one entry per cycle */
};

/* Connects, forgets the times of earlier runs, and asks whether all polls are there. @returns the socket */
int cycle_open(struct cycle *cycle, struct sockaddr_in address, int server_pid);

/* A round is about to be published. */
void cycle_begin(struct cycle *cycle, bool is_counted);

/* All clients have their answers. */
void cycle_answered(struct cycle *cycle);

/* Asks the server to say when it has read what was sent so far. */
void cycle_ask(struct cycle *cycle);

/* Reads the server's word; afterwards the phase is CYCLE_WAITING if it has come. Fails loudly when it can't. */
void cycle_read(struct cycle *cycle);

void cycle_close(struct cycle *cycle);

#endif
