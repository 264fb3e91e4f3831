/*
 * Implementation of handshake.h.
 */
#define _GNU_SOURCE
#include "handshake.h"

#include "comet.h"
#include "frames.h"

#define REQUEST_BYTES 4096
#define PATH_BYTES 256
#define REPLIES_EXPECTED 2 /* to connect and to subscribe */

void handshake_begin(struct clients *clients, struct client *client) {
  char path[PATH_BYTES] = "/ws", request[REQUEST_BYTES];
  client->phase = PHASE_UPGRADING;
  if (clients->transport == TRANSPORT_COMET)
    comet_path(path, sizeof path, clients->comet_version, (int)(client - clients->all) + clients->first_number);
  client_send(clients, client, request, (size_t)write_upgrade(request, sizeof request, path));
}

static size_t write_commands(struct clients *clients, const struct client *client, uint8_t *frames) {
  char connect[REQUEST_BYTES], subscribe[REQUEST_BYTES];
  const char *token = clients->tokens ? clients->tokens[client - clients->all] : NULL;
  int connect_bytes =
      token ? snprintf(connect, sizeof connect, "{\"id\":1,\"connect\":{\"token\":\"%s\"}}", token)
            : snprintf(connect, sizeof connect, "{\"id\":1,\"connect\":{}}");
  int subscribe_bytes = snprintf(subscribe, sizeof subscribe, "{\"id\":2,\"subscribe\":{\"channel\":\"%s\"}}",
                                 clients->channel);
  if (connect_bytes >= REQUEST_BYTES || subscribe_bytes >= REQUEST_BYTES) return 0;
  size_t bytes = mask_frame(frames, OPCODE_TEXT, connect, (size_t)connect_bytes);
  return bytes + mask_frame(frames + bytes, OPCODE_TEXT, subscribe, (size_t)subscribe_bytes);
}

static void send_commands(struct clients *clients, struct client *client) {
  uint8_t frames[2 * (REQUEST_BYTES + FRAME_HEADER_BYTES_MAX)];
  size_t bytes = clients->transport == TRANSPORT_COMET ? comet_subscription(frames, clients->channel)
                                                       : write_commands(clients, client, frames);
  if (bytes == 0) return client_end(clients, client, "command too long");
  client->phase = PHASE_SUBSCRIBING;
  client_send(clients, client, frames, bytes);
}

size_t handshake_feed(struct clients *clients, struct client *client, const uint8_t *at, size_t bytes) {
  static const char status[] = "HTTP/1.1 101";
  struct capture *capture = client->capture;
  for (size_t i = 0; i < bytes; i++) {
    if (capture->used == CAPTURE_BYTES) return client_end(clients, client, "upgrade answer too long"), bytes;
    capture->bytes[capture->used++] = (char)at[i];
    if (capture->used < 4 || memcmp(capture->bytes + capture->used - 4, "\r\n\r\n", 4)) continue;
    if (memcmp(capture->bytes, status, sizeof status - 1)) {
      char reason[64];
      snprintf(reason, sizeof reason, "upgrade refused: %.12s", capture->bytes);
      return client_end(clients, client, reason), bytes;
    }
    if (!memmem(capture->bytes, capture->used, "ccept:", 6))
      return client_end(clients, client, "upgrade answer without accept"), bytes;
    capture->used = 0;
    send_commands(clients, client);
    return i + 1;
  }
  return bytes;
}

static bool is_reply(const struct clients *clients, const struct client *client) {
  const struct capture *capture = client->capture;
  if (clients->transport == TRANSPORT_COMET) return comet_is_reply(capture->bytes, capture->used, client->replies);
  return memmem(capture->bytes, capture->used, "\"ok\"", 4) != NULL;
}

void handshake_reply(struct clients *clients, struct client *client) {
  struct capture *capture = client->capture;
  if (!is_reply(clients, client)) {
    char reason[96];
    snprintf(reason, sizeof reason, "refused: %.*s", (int)(capture->used < 80 ? capture->used : 80), capture->bytes);
    return client_end(clients, client, reason);
  }
  if (++client->replies < REPLIES_EXPECTED) return;
  int digits;
  capture->first_offset = capture->last_offset = capture_number(capture, "\"offset\":", &digits);
  capture->has_offset = digits > 0;
  client_become_ready(clients, client);
}
