/*
 * The most a fan-out can be on this machine: a loop of send() over all sockets, and nothing else.
 *
 * Owns a TCP server with two ports. Subscribers connect to the first and say nothing. The second takes rounds (u32
 * count, then count times u32 length and message), answers each with its count at once, frames the messages
 * as a WebSocket server would, and gives every subscriber the whole round in one send(). A full socket buffer is
 * waited for. Bound: one round in memory. Must not do anything a push node has to do beside this.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "common.h"

#define SUBSCRIBERS_MAX 20000
#define EVENTS_PER_WAIT 256
#define BACKLOG 4096
#define FRAME_HEADER_MAX 10

struct buffer {
  uint8_t *bytes;
  size_t used, size;
};

static int subscribers[SUBSCRIBERS_MAX];
static int subscriber_count;

static int listen_on_loopback(uint16_t *port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t bytes = sizeof address;
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0 || bind(fd, (struct sockaddr *)&address, bytes) || listen(fd, BACKLOG) ||
      getsockname(fd, (struct sockaddr *)&address, &bytes))
    fail("Cannot listen: %s", strerror(errno));
  *port = ntohs(address.sin_port);
  return fd;
}

static void watch(int epoll, int fd) {
  struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event)) fail("Cannot watch a socket: %s", strerror(errno));
}

static int accept_one(int listener) {
  int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
  int on = 1;
  if (fd >= 0) setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return fd;
}

static void accept_subscribers(int epoll, int listener) {
  int fd;
  while ((fd = accept_one(listener)) >= 0) {
    if (subscriber_count == SUBSCRIBERS_MAX) fail("Cannot hold more than %d subscribers", SUBSCRIBERS_MAX);
    subscribers[subscriber_count++] = fd;
    watch(epoll, fd);
  }
}

/* A subscriber never speaks: what epoll tells of it is its end. */
static void drop_subscriber(int fd) {
  for (int i = 0; i < subscriber_count; i++) {
    if (subscribers[i] != fd) continue;
    subscribers[i] = subscribers[--subscriber_count];
    close(fd);
    return;
  }
}

static uint8_t *extend(struct buffer *buffer, size_t bytes) {
  if (buffer->used + bytes > buffer->size) {
    buffer->size = (buffer->used + bytes) * 2;
    buffer->bytes = realloc(buffer->bytes, buffer->size);
    if (!buffer->bytes) fail("Cannot allocate %zu bytes", buffer->size);
  }
  return buffer->bytes + buffer->used;
}

/* RFC 6455 §5.2: an unmasked text frame. */
static void append_frame(struct buffer *frames, const uint8_t *message, uint32_t length) {
  uint8_t *at = extend(frames, FRAME_HEADER_MAX + length);
  size_t header = length < 126 ? 2 : length < 65536 ? 4 : 10;
  at[0] = 0x81;
  at[1] = length < 126 ? (uint8_t)length : length < 65536 ? 126 : 127;
  for (size_t i = header, rest = length; i-- > 2; rest >>= 8) at[i] = (uint8_t)rest;
  memcpy(at + header, message, length);
  frames->used += header + length;
}

static void send_all(int fd, const struct buffer *frames) {
  size_t at = 0;
  while (at < frames->used) {
    ssize_t sent = send(fd, frames->bytes + at, frames->used - at, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent >= 0) {
      at += (size_t)sent;
    } else if (errno == EAGAIN) {
      struct pollfd socket = {.fd = fd, .events = POLLOUT};
      poll(&socket, 1, -1);
    } else if (errno != EINTR) {
      return; /* the peer is gone; epoll will say so */
    }
  }
}

/* Length of the first round in `input`, 0 when it is not all there yet. */
static size_t round_bytes(const struct buffer *input) {
  if (input->used < 4) return 0;
  uint32_t count = get_u32(input->bytes);
  size_t at = 4;
  while (count-- > 0) {
    if (input->used - at < 4) return 0;
    uint32_t length = get_u32(input->bytes + at);
    at += 4;
    if (input->used - at < length) return 0;
    at += length;
  }
  return at;
}

static void send_round(int control, const uint8_t *round, size_t bytes, struct buffer *frames) {
  if (send(control, round, 4, MSG_NOSIGNAL) != 4) fail("Cannot answer a round: %s", strerror(errno));
  frames->used = 0;
  for (size_t at = 4; at < bytes;) {
    uint32_t length = get_u32(round + at);
    append_frame(frames, round + at + 4, length);
    at += 4 + (size_t)length;
  }
  for (int i = 0; i < subscriber_count; i++) send_all(subscribers[i], frames);
}

/* Reads rounds and sends one of them; true while more are waiting. */
static bool handle_control(int control, struct buffer *input, struct buffer *frames) {
  uint8_t *at = extend(input, 65536);
  ssize_t bytes = recv(control, at, 65536, MSG_DONTWAIT);
  if (bytes == 0) exit(0); /* the generator is done */
  if (bytes > 0) input->used += (size_t)bytes;
  size_t round = round_bytes(input);
  if (round == 0) return bytes > 0;
  send_round(control, input->bytes, round, frames);
  input->used -= round;
  memmove(input->bytes, input->bytes + round, input->used);
  return input->used > 0;
}

int main(void) {
  uint16_t port, control_port;
  int epoll = epoll_create1(EPOLL_CLOEXEC);
  int control = -1;
  raise_descriptor_limit();
  int listener = listen_on_loopback(&port);
  int control_listener = listen_on_loopback(&control_port);
  watch(epoll, listener);
  watch(epoll, control_listener);
  printf("{\"event\":\"ready\",\"port\":%u,\"controlPort\":%u}\n", port, control_port);
  fflush(stdout);

  struct buffer input = {0}, frames = {0};
  bool is_more_waiting = false;
  for (;;) {
    struct epoll_event events[EVENTS_PER_WAIT];
    int count = epoll_wait(epoll, events, EVENTS_PER_WAIT, is_more_waiting ? 0 : -1);
    bool is_control_ready = is_more_waiting;
    for (int i = 0; i < count; i++) {
      int fd = events[i].data.fd;
      if (fd == listener) accept_subscribers(epoll, listener);
      else if (fd == control_listener) watch(epoll, control = accept_one(control_listener));
      else if (fd == control) is_control_ready = true;
      else drop_subscriber(fd);
    }
    if (is_control_ready) is_more_waiting = handle_control(control, &input, &frames);
  }
}
