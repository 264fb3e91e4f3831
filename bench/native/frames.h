/*
 * WebSocket frames as a client writes them, and the one request that opens a connection.
 *
 * Owns small inline functions only; what arrives is parsed in clients.c and comet.c. Payloads below 64 KB.
 */
#ifndef BENCH_FRAMES_H
#define BENCH_FRAMES_H

#include "common.h"

#define FRAME_HEADER_BYTES_MAX 8 /* of what is written here: 4 of length, 4 of mask */

#define OPCODE_TEXT 1
#define OPCODE_CLOSE 8
#define OPCODE_PING 9
#define OPCODE_PONG 10

static const uint8_t FRAME_MASK[4] = {0x37, 0xfa, 0x21, 0x3d};

/* RFC 6455 §5.3: frames of a client are masked. Returns the bytes written to `to`. */
static inline size_t mask_frame(uint8_t *to, uint8_t opcode, const char *payload, size_t length) {
  size_t at = 0;
  to[at++] = 0x80 | opcode;
  if (length < 126) {
    to[at++] = 0x80 | (uint8_t)length;
  } else {
    to[at++] = 0x80 | 126;
    to[at++] = (uint8_t)(length >> 8);
    to[at++] = (uint8_t)length;
  }
  memcpy(to + at, FRAME_MASK, sizeof FRAME_MASK);
  at += sizeof FRAME_MASK;
  for (size_t i = 0; i < length; i++) to[at + i] = (uint8_t)payload[i] ^ FRAME_MASK[i & 3];
  return at + length;
}

/* Writes the request for a WebSocket at `path`; returns its length, as snprintf does. */
static inline int write_upgrade(char *to, size_t size, const char *path) {
  return snprintf(to, size,
                  "GET %s HTTP/1.1\r\nHost: bench\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                  "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
                  path);
}

#endif
