/*
 * Many client connections in one process: opening them, and counting what arrives on them.
 *
 * Owns `struct clients`, a table of sockets in one epoll set. Opening is bounded by a window; receiving parses
 * WebSocket frame headers only, so that this side is cheaper than any server it measures. On a sample of the
 * sockets the start of every message is read too: offsets must rise by one, gaps that were told aside, and the time
 * in the data gives the latency. Clients that poll are in polls.c; what those say that speak CppComet's protocol is in
 * comet.c, and as it has no offsets the numbers in the data must rise by one instead. Bound: 72 bytes per connection and
 * 650 bytes per connection being opened or sampled.
 */
#ifndef BENCH_CLIENTS_H
#define BENCH_CLIENTS_H

#include <netinet/in.h>
#include <stdbool.h>

#include "histogram.h"
#include "publisher.h"

#define CAPTURE_BYTES 512
#define REASONS_MAX 16
#define ROUNDS_IN_FLIGHT_MAX 64

enum transport { TRANSPORT_WEBSOCKET, TRANSPORT_TCP, TRANSPORT_POLL, TRANSPORT_COMET };
enum phase { PHASE_CONNECTING, PHASE_UPGRADING, PHASE_SUBSCRIBING, PHASE_READY, PHASE_CLOSED };

/* The start of a message, kept while a connection opens, answers a ping, or for good when it is sampled. */
struct capture {
  uint64_t started_ns;
  uint64_t first_offset; /* of the subscription: what follows it is owed */
  uint64_t last_offset;
  uint64_t gapped;       /* offsets the server said would not come */
  bool has_offset;       /* a server that is none of ours names no offset when it answers subscribe */
  uint64_t last_numbers[PUBLISHERS_MAX]; /* of each publisher, where there are no offsets; 0 = none yet */
  uint32_t used;
  char bytes[CAPTURE_BYTES];
};

struct client {
  int fd;
  uint8_t phase;
  uint8_t replies;
  uint8_t opcode;
  bool is_sampled;
  uint8_t header_used;
  uint8_t header[10];
  uint64_t payload_left;
  uint64_t payload_bytes;
  uint64_t frames;    /* data frames in this run */
  uint64_t next_edge; /* value of `frames` at which the next round is complete here */
  struct capture *capture;
  struct poll *poll; /* of clients that poll */
};

struct reason {
  char text[96];
  int count;
};

struct clients {
  struct client *all;
  int count;
  int epoll;
  enum transport transport;
  struct sockaddr_in address;
  int sources; /* source addresses 127.0.0.1 … used in turn */
  int window;  /* connections being opened at once */
  int segment_bytes;        /* TCP_MAXSEG: loopback's 64 KB would make the server's socket buffers huge; 0 = as it is */
  int receive_buffer_bytes; /* SO_RCVBUF; 0 = as it is */
  const char *channel;
  const char *comet_version;
  int first_number; /* of the connections' uuids: no other generator may use the same */
  char **tokens; /* one per connection, or NULL */

  int begun, opening, ready, failed, closed;
  uint64_t first_ns, last_ready_ns;
  struct reason reasons[REASONS_MAX];
  struct histogram opening_ns;

  uint64_t deliveries, bytes;
  uint64_t burst;
  uint32_t missing[ROUNDS_IN_FLIGHT_MAX]; /* connections that wait for the rest of a round */
  uint64_t rounds_complete;
  uint64_t gaps;           /* sampled messages whose offset was not the next one; with polls, of all */
  bool holds_polls;        /* a client with a complete round waits for polls_release */
  uint64_t overhead_bytes; /* bytes of a message beside data and offset digits, as last sampled */
  uint64_t data_bytes;
  bool is_measuring;
  struct histogram latency_ns;
};

/* Prepares `count` connections; every one is sampled whose number divides by count / samples. */
void clients_prepare(struct clients *clients, int count, int samples);

/* Begins as many connections as the window allows. */
void clients_open_more(struct clients *clients);

/* True once every connection is either ready or failed. */
bool clients_are_open(const struct clients *clients);

/* Takes what epoll said about connection `index`. */
void clients_handle(struct clients *clients, uint32_t index, uint32_t events);

/* Makes every ready connection count from zero, in rounds of `burst` messages with `data_bytes` of data each. */
void clients_begin_run(struct clients *clients, uint64_t burst, uint64_t data_bytes);

/* For polls.c and handshake.c: ends a connection, for a reason that is counted. */
void client_end(struct clients *clients, struct client *client, const char *reason);

/* For polls.c and handshake.c: the connection is open and subscribed. */
void client_become_ready(struct clients *clients, struct client *client);

/* The digits that follow `name` in a capture, and how many there are; 0 of none. */
uint64_t capture_number(const struct capture *capture, const char *name, int *digits);

/* Sends bytes that surely fit an empty socket buffer; a short write is a failure of the connection. */
void client_send(struct clients *clients, struct client *client, const void *bytes, size_t length);

#endif
