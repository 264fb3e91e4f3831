/*
 * How a WebSocket of the bench opens: the upgrade, then two messages and their two answers.
 *
 * Owns both conversations, Encke's own and CppComet's. A client is ready once the node said that it is connected and
 * subscribed; whatever else it says ends the client, with that as the reason. Bound: the capture of a client.
 */
#ifndef BENCH_HANDSHAKE_H
#define BENCH_HANDSHAKE_H

#include "clients.h"

/* Sends the request for the upgrade. */
void handshake_begin(struct clients *clients, struct client *client);

/* Takes bytes of the answer to the upgrade until its empty line, and sends the messages; returns how many it took. */
size_t handshake_feed(struct clients *clients, struct client *client, const uint8_t *at, size_t bytes);

/* Takes the answer that is in the capture. */
void handshake_reply(struct clients *clients, struct client *client);

#endif
