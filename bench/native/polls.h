/*
 * Clients that poll: POST /poll over keep-alive HTTP/1.1, one poll after the other.
 *
 * Owns what a poll says (capsule and position) and what its answer means. A client is ready once its first poll, which
 * connects and subscribes, is answered; from then on one poll of it waits at all times, sent in the same turn in which
 * the answer before arrived. Offsets must follow each other on every client: `clients->gaps` counts where they do not.
 * Bound: about 600 bytes per client, and an answer that arrives in pieces until its last one is there.
 */
#ifndef BENCH_POLLS_H
#define BENCH_POLLS_H

#include "clients.h"

/* Sends the first poll of a connection that has just opened. */
void poll_begin(struct clients *clients, struct client *client);

/* Takes bytes that arrived; answers that are whole are counted, and the next poll leaves. */
void poll_feed(struct clients *clients, struct client *client, const uint8_t *at, size_t bytes);

/* Sends the polls of all clients that were held back after their round was complete. */
void polls_release(struct clients *clients);

#endif
