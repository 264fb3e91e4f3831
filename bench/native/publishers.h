/*
 * The connections a generator publishes over at once: usually one.
 *
 * Owns how a round is spread over them, and their books together. All are of one kind; they are opened before the first
 * publication and can be exchanged between runs. Bound: PUBLISHERS_MAX of them.
 */
#ifndef BENCH_PUBLISHERS_H
#define BENCH_PUBLISHERS_H

#include "publisher.h"

struct publishers {
  struct publisher all[PUBLISHERS_MAX];
  int count; /* 0 = none is open */
};

/*
 * Opens `count` copies of `like` and adds them to an epoll set. Fails loudly.
 *
 * @param tag data of the first in the epoll set; the others follow
 */
void publishers_open(struct publishers *publishers, const struct publisher *like, int count,
                     struct sockaddr_in address, int epoll, uint32_t tag);

/* Ends them and forgets what they sent. */
void publishers_close(struct publishers *publishers);

/* Sends a round of `burst` publications, spread evenly; `burst` divides by their number. */
void publishers_send(struct publishers *publishers, uint64_t burst, size_t data_bytes, uint64_t time_ns);

/* Sends what is left of their output. */
void publishers_flush(struct publishers *publishers);

bool publishers_are_blocked(const struct publishers *publishers);

uint64_t publishers_sent(const struct publishers *publishers);
uint64_t publishers_answered(const struct publishers *publishers);
uint64_t publishers_refused(const struct publishers *publishers);

#endif
