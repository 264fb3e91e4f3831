/*
 * The one connection a generator publishes over, and the data it publishes.
 *
 * Owns two ways to say the same: Encke's publish port, and the round protocol of the two ceilings, which is as
 * little as can be: u32 count, then count times (u32 length, message); answered with u32 count on receipt. Bound:
 * one output buffer of what one round or one chunk takes, one input buffer of 64 KB. Must not touch subscribers.
 */
#ifndef BENCH_PUBLISHER_H
#define BENCH_PUBLISHER_H

#include <netinet/in.h>
#include <stdbool.h>

#include "common.h"

#define ANSWER_BYTES (64 * 1024)
#define DATA_BYTES_MIN 48 /* {"t":<up to 20 digits>,"pad":""} and some room */
#define FIRST_SEQ 2       /* hello is 1 */

enum publisher_kind { PUBLISHER_ENCKE, PUBLISHER_ROUNDS };

struct publisher {
  int fd;
  enum publisher_kind kind;
  const char *channel;
  const char *key;
  bool acks_each;
  uint64_t window;    /* publications the node lets us have unanswered */
  uint64_t sent;      /* publications written, or waiting in `out` */
  uint64_t answered;  /* publications acknowledged */
  uint64_t refused;   /* publications answered with an error */
  char first_refusal[128];
  uint8_t *out;
  size_t out_used, out_sent, out_size;
  uint8_t in[ANSWER_BYTES];
  size_t in_used;
};

/* Connects, says hello where there is one, and leaves the socket non-blocking. Fails loudly. */
void publisher_open(struct publisher *publisher, struct sockaddr_in address);

/*
 * Appends `count` publications of `data_bytes` to the output; sends what the socket takes.
 *
 * @param time_ns goes into the data: latency counts from it
 */
void publisher_send(struct publisher *publisher, uint64_t count, size_t data_bytes, uint64_t time_ns);

/* Sends what is left of the output. */
void publisher_flush(struct publisher *publisher);

static inline bool publisher_is_blocked(const struct publisher *publisher) {
  return publisher->out_sent < publisher->out_used;
}

/* Reads answers that have arrived; ends the program when the connection is gone. */
void publisher_read(struct publisher *publisher);

#endif
