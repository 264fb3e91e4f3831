/*
 * Implementation of clients.h: opening sockets and the receiving loop.
 *
 * The one idea: the receive path does per frame only what RFC 6455 §5.2 makes unavoidable (read a header, skip a
 * payload), everything else happens per read or on sampled sockets. Must not allocate while a run is measured.
 */
#define _GNU_SOURCE
#include "clients.h"
#include "comet.h"
#include "frames.h"
#include "handshake.h"
#include "polls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#define READ_BYTES (512 * 1024)

/* ---- ending ---- */

static void count_reason(struct clients *clients, const char *text) {
  for (int i = 0; i < REASONS_MAX; i++) {
    struct reason *reason = &clients->reasons[i];
    bool is_last = i == REASONS_MAX - 1;
    if (reason->count == 0) snprintf(reason->text, sizeof reason->text, "%s", is_last ? "other" : text);
    if (!is_last && strcmp(reason->text, text)) continue;
    reason->count++;
    return;
  }
}

void client_end(struct clients *clients, struct client *client, const char *reason) {
  if (client->phase == PHASE_CLOSED) return;
  if (client->phase == PHASE_READY) {
    clients->ready--;
    clients->closed++;
  } else {
    clients->opening--;
    clients->failed++;
  }
  count_reason(clients, reason);
  client->phase = PHASE_CLOSED;
  if (client->fd >= 0) close(client->fd);
  client->fd = -1;
}

/* ---- opening ---- */

void clients_prepare(struct clients *clients, int count, int samples) {
  clients->all = allocate((size_t)count, sizeof *clients->all);
  clients->count = count;
  int stride = samples > 0 && count > samples ? count / samples : 1;
  for (int i = 0; i < count; i++) {
    clients->all[i].fd = -1;
    clients->all[i].is_sampled = samples > 0 && i % stride == 0;
  }
}

bool clients_are_open(const struct clients *clients) {
  return clients->ready + clients->failed + clients->closed == clients->count;
}

static void begin_client(struct clients *clients, int index) {
  struct client *client = &clients->all[index];
  client->phase = PHASE_CONNECTING;
  clients->opening++;
  client->capture = allocate(1, sizeof *client->capture);
  client->capture->started_ns = now_ns();
  client->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (client->fd < 0) return client_end(clients, client, strerror(errno));

  int on = 1;
  struct linger reset = {.l_onoff = 1, .l_linger = 0}; /* leaves no TIME_WAIT behind, which would use up ports */
  setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  setsockopt(client->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
  if (clients->sources > 1) {
    struct sockaddr_in source = {.sin_family = AF_INET};
    source.sin_addr.s_addr = htonl(INADDR_LOOPBACK + (uint32_t)(index % clients->sources));
    setsockopt(client->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    if (bind(client->fd, (struct sockaddr *)&source, sizeof source))
      return client_end(clients, client, strerror(errno));
  }
  if (clients->segment_bytes > 0)
    setsockopt(client->fd, IPPROTO_TCP, TCP_MAXSEG, &clients->segment_bytes, sizeof clients->segment_bytes);
  if (clients->receive_buffer_bytes > 0)
    setsockopt(client->fd, SOL_SOCKET, SO_RCVBUF, &clients->receive_buffer_bytes,
               sizeof clients->receive_buffer_bytes);
  struct epoll_event event = {.events = EPOLLOUT, .data.u32 = (uint32_t)index};
  epoll_ctl(clients->epoll, EPOLL_CTL_ADD, client->fd, &event);
  if (connect(client->fd, (struct sockaddr *)&clients->address, sizeof clients->address) && errno != EINPROGRESS)
    client_end(clients, client, strerror(errno));
}

void clients_open_more(struct clients *clients) {
  if (clients->begun == 0 && clients->count > 0) clients->first_ns = now_ns();
  while (clients->begun < clients->count && clients->opening < clients->window)
    begin_client(clients, clients->begun++);
}

void client_become_ready(struct clients *clients, struct client *client) {
  clients->last_ready_ns = now_ns();
  histogram_add(&clients->opening_ns, clients->last_ready_ns - client->capture->started_ns, 1);
  clients->opening--;
  clients->ready++;
  client->phase = PHASE_READY;
  client->capture->used = 0;
  if (client->is_sampled) return;
  free(client->capture);
  client->capture = NULL;
}

void client_send(struct clients *clients, struct client *client, const void *bytes, size_t length) {
  ssize_t sent = send(client->fd, bytes, length, MSG_NOSIGNAL);
  if (sent != (ssize_t)length) client_end(clients, client, sent < 0 ? strerror(errno) : "short write");
}

static void connected(struct clients *clients, struct client *client, uint32_t index) {
  int error = 0;
  socklen_t bytes = sizeof error;
  getsockopt(client->fd, SOL_SOCKET, SO_ERROR, &error, &bytes);
  if (error) return client_end(clients, client, strerror(error));
  /* Edge-triggered: saves the kernel a second look at every socket after it was read. */
  struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP | EPOLLET, .data.u32 = index};
  epoll_ctl(clients->epoll, EPOLL_CTL_MOD, client->fd, &event);
  if (clients->transport == TRANSPORT_TCP) client_become_ready(clients, client);
  else if (clients->transport == TRANSPORT_POLL) poll_begin(clients, client);
  else handshake_begin(clients, client);
}

/* ---- receiving ---- */

void clients_begin_run(struct clients *clients, uint64_t burst, uint64_t data_bytes) {
  clients->burst = burst;
  clients->data_bytes = data_bytes;
  clients->rounds_complete = clients->deliveries = clients->bytes = clients->gaps = 0;
  clients->is_measuring = false;
  memset(&clients->latency_ns, 0, sizeof clients->latency_ns);
  for (int i = 0; i < clients->count; i++) {
    struct client *client = &clients->all[i];
    client->frames = 0;
    client->next_edge = burst;
    if (client->capture) memset(client->capture->last_numbers, 0, sizeof client->capture->last_numbers);
  }
}

uint64_t capture_number(const struct capture *capture, const char *name, int *digits) {
  const char *found = memmem(capture->bytes, capture->used, name, strlen(name));
  uint64_t value = 0;
  *digits = 0;
  if (!found) return 0;
  const char *end = capture->bytes + capture->used;
  for (found += strlen(name); found < end && *found >= '0' && *found <= '9'; found++, ++*digits)
    value = value * 10 + (uint64_t)(*found - '0');
  return value;
}

static void take_latency(struct clients *clients, uint64_t sent_ns) {
  uint64_t now = now_ns();
  if (clients->is_measuring && sent_ns > 0 && now >= sent_ns) histogram_add(&clients->latency_ns, now - sent_ns, 1);
}

/* There are no offsets: the publications of each publisher must come in the order of their numbers. */
static void take_comet_sample(struct clients *clients, struct client *client) {
  struct capture *capture = client->capture;
  int digits;
  uint64_t publisher = capture_number(capture, "\\\"p\\\":", &digits);
  uint64_t number = capture_number(capture, "\\\"n\\\":", &digits);
  if (digits == 0 || publisher >= PUBLISHERS_MAX) {
    clients->gaps++;
    return;
  }
  uint64_t *last = &capture->last_numbers[publisher];
  if (*last > 0 && number != *last + 1) clients->gaps++;
  *last = number;
  clients->overhead_bytes = client->payload_bytes - clients->data_bytes;
  take_latency(clients, capture_number(capture, "\\\"t\\\":", &digits));
}

static void take_sample(struct clients *clients, struct client *client) {
  struct capture *capture = client->capture;
  int digits, time_digits;
  uint64_t offset = capture_number(capture, "\"offset\":", &digits);
  if (capture->has_offset && offset != capture->last_offset + 1) clients->gaps++;
  capture->last_offset = offset;
  capture->has_offset = true;
  clients->overhead_bytes = client->payload_bytes - clients->data_bytes - (uint64_t)digits;
  take_latency(clients, capture_number(capture, "\"t\":", &time_digits));
}

/* What is no publication: a gap moves the place in the channel, anything else is passed over. */
static void take_notice(struct clients *clients, struct client *client) {
  struct capture *capture = client->capture;
  int from_digits, to_digits;
  uint64_t from = capture_number(capture, "\"gap\":{\"from\":", &from_digits);
  uint64_t to = capture_number(capture, "\"to\":", &to_digits);
  if (from_digits == 0 || to_digits == 0) return;
  if (from != capture->last_offset + 1 || to < from) clients->gaps++;
  else capture->gapped += to - from + 1;
  capture->last_offset = to;
}

static bool is_notice(const struct clients *clients, const struct client *client) {
  const struct capture *capture = client->capture;
  if (!client->is_sampled) return false;
  if (clients->transport == TRANSPORT_COMET) return comet_is_notice(capture->bytes, capture->used);
  return !memmem(capture->bytes, capture->used, "\"offset\":", 9);
}

/* RFC 6455 §5.5: close is taken as the end; a ping is answered with its own payload; a pong is ignored. */
static void take_control(struct clients *clients, struct client *client) {
  struct capture *capture = client->capture;
  if (client->opcode == OPCODE_PING) {
    uint8_t pong[160];
    size_t length = capture && client->payload_bytes <= 125 ? capture->used : 0;
    client_send(clients, client, pong, mask_frame(pong, OPCODE_PONG, capture ? capture->bytes : "", length));
  } else if (client->opcode == OPCODE_CLOSE) {
    char reason[64] = "closed by the server";
    if (capture && capture->used >= 2)
      snprintf(reason, sizeof reason, "closed by the server with %d",
               (uint8_t)capture->bytes[0] << 8 | (uint8_t)capture->bytes[1]);
    client_end(clients, client, reason);
  }
}

static void frame_done(struct clients *clients, struct client *client) {
  if (client->opcode >= OPCODE_CLOSE) take_control(clients, client);
  else if (client->phase == PHASE_SUBSCRIBING) handshake_reply(clients, client);
  else if (is_notice(clients, client)) take_notice(clients, client);
  else {
    client->frames++;
    clients->deliveries++;
    if (client->is_sampled && clients->transport == TRANSPORT_COMET) take_comet_sample(clients, client);
    else if (client->is_sampled) take_sample(clients, client);
  }
  if (!client->capture) return;
  client->capture->used = 0;
  if (client->is_sampled || client->phase != PHASE_READY) return;
  free(client->capture);
  client->capture = NULL;
}

/*
 * RFC 6455 §5.2, as a server sends it:  |FIN rsv opcode|0 length7|length16 or length64|payload|
 * Returns the header's length, 0 when it is not all there yet.
 */
static size_t parse_header(struct clients *clients, struct client *client, const uint8_t *at, size_t bytes) {
  if (bytes < 2) return 0;
  if (at[0] < 0x80 || at[1] & 0x80) return client_end(clients, client, "fragmented or masked frame"), bytes;
  uint64_t length = at[1];
  size_t header = 2;
  if (length >= 126) {
    header = length == 126 ? 4 : 10;
    if (bytes < header) return 0;
    length = 0;
    for (size_t i = 2; i < header; i++) length = length << 8 | at[i];
  }
  client->opcode = at[0] & 15;
  client->payload_left = client->payload_bytes = length;
  if (client->opcode >= OPCODE_CLOSE && length > 0 && !client->capture)
    client->capture = allocate(1, sizeof *client->capture);
  return header;
}

/* Collects a header that a read cut in two; returns how many bytes it took. */
static size_t feed_split_header(struct clients *clients, struct client *client, const uint8_t *at, size_t bytes) {
  size_t taken = 0;
  while (taken < bytes && client->phase != PHASE_CLOSED) {
    client->header[client->header_used++] = at[taken++];
    if (!parse_header(clients, client, client->header, client->header_used)) continue;
    client->header_used = 0;
    if (client->payload_left == 0 && client->phase != PHASE_CLOSED) frame_done(clients, client);
    break;
  }
  return taken;
}

static size_t feed_payload(struct clients *clients, struct client *client, const uint8_t *at, size_t bytes) {
  size_t taken = bytes < client->payload_left ? bytes : (size_t)client->payload_left;
  struct capture *capture = client->capture;
  if (capture && capture->used < CAPTURE_BYTES) {
    size_t kept = taken < CAPTURE_BYTES - capture->used ? taken : CAPTURE_BYTES - capture->used;
    memcpy(capture->bytes + capture->used, at, kept);
    capture->used += (uint32_t)kept;
  }
  client->payload_left -= taken;
  if (client->payload_left == 0) frame_done(clients, client);
  return taken;
}

static void feed(struct clients *clients, struct client *client, const uint8_t *at, size_t bytes) {
  const uint8_t *end = at + bytes;
  while (at < end && client->phase != PHASE_CLOSED) {
    size_t left = (size_t)(end - at);
    if (client->phase == PHASE_UPGRADING) {
      at += handshake_feed(clients, client, at, left);
    } else if (client->payload_left > 0) {
      at += feed_payload(clients, client, at, left);
    } else {
      size_t header = client->header_used > 0 ? 0 : parse_header(clients, client, at, left);
      if (header == 0) {
        at += feed_split_header(clients, client, at, left);
      } else {
        at += header;
        if (client->payload_left == 0 && client->phase != PHASE_CLOSED) frame_done(clients, client);
      }
    }
  }
}

static void count_rounds(struct clients *clients, struct client *client) {
  while (client->frames >= client->next_edge) {
    uint64_t round = client->next_edge / clients->burst - 1;
    if (--clients->missing[round % ROUNDS_IN_FLIGHT_MAX] == 0) clients->rounds_complete++;
    client->next_edge += clients->burst;
  }
}

/* Reads once; returns true when there may be more. A read that leaves room in the buffer has emptied the socket. */
static bool read_once(struct clients *clients, struct client *client, bool has_ended) {
  static uint8_t buffer[READ_BYTES];
  ssize_t bytes = recv(client->fd, buffer, sizeof buffer, 0);
  if (bytes < 0 && errno == EINTR) return true;
  if (bytes < 0 && errno == EAGAIN) return false;
  if (bytes <= 0) return client_end(clients, client, bytes < 0 ? strerror(errno) : "closed without goodbye"), false;
  clients->bytes += (uint64_t)bytes;
  if (client->poll) poll_feed(clients, client, buffer, (size_t)bytes);
  else feed(clients, client, buffer, (size_t)bytes);
  if (clients->burst > 0 && client->phase == PHASE_READY) count_rounds(clients, client);
  return has_ended || bytes == READ_BYTES;
}

void clients_handle(struct clients *clients, uint32_t index, uint32_t events) {
  struct client *client = &clients->all[index];
  if (client->phase == PHASE_CONNECTING) return connected(clients, client, index);
  bool has_ended = events & (EPOLLRDHUP | EPOLLERR | EPOLLHUP);
  while (client->phase != PHASE_CLOSED && read_once(clients, client, has_ended)) continue;
}
