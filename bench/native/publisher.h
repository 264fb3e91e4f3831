/*
 * A connection a generator publishes over, and the data it publishes.
 *
 * Owns three ways to say the same: Encke's publish port; the round protocol of the two ceilings, which is as little as
 * can be: u32 count, then count times (u32 length, message), answered with u32 count on receipt; and a browser's socket
 * in CppComet's protocol (comet.h has its words). Bound: one output buffer of what one round or one chunk takes, one
 * input buffer of 64 KB. Must not touch subscribers.
 */
#ifndef BENCH_PUBLISHER_H
#define BENCH_PUBLISHER_H

#include <netinet/in.h>
#include <stdbool.h>

#include "common.h"

#define ANSWER_BYTES (64 * 1024)
#define DATA_BYTES_MIN 72 /* {"t":<20 digits>,"p":<digit>,"n":<20 digits>,"pad":""} and some room */
#define FIRST_SEQ 2       /* hello is 1 */
#define PUBLISHERS_MAX 8 /* one digit in the data */

enum publisher_kind { PUBLISHER_ENCKE, PUBLISHER_ROUNDS, PUBLISHER_COMET };

struct publisher {
  int fd;
  enum publisher_kind kind;
  int number; /* from 0; goes into the data, so that the order of each publisher's publications shows */
  const char *channel;
  const char *key;
  bool acks_each;
  const char *comet_version;
  bool is_upgrading;  /* the answer to the upgrade has not come */
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

/* Ends the connection and forgets everything about it. */
void publisher_close(struct publisher *publisher);

/* Writes {"t":<ns>,"p":<publisher>,"n":<its publications so far>,"pad":"…"} of exactly `bytes` bytes. */
uint8_t *put_data(uint8_t *at, const struct publisher *publisher, size_t bytes, uint64_t time_ns);

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
