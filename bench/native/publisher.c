/*
 * Implementation of publisher.h.
 *
 * The one idea: a publication is a few memcpy's into one buffer that leaves in one write, so that publishing costs
 * this process next to nothing. MessagePack is written and read by hand, only the forms the publish port uses.
 */
#include "publisher.h"
#include "comet.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stddef.h>
#include <sys/socket.h>

#define HELLO_TIMEOUT_MS 10000
#define OVERHEAD_BYTES_MAX 512 /* of one publication beside its data, in either protocol */

enum { OP_HELLO = 1, OP_PUBLISH = 2, OP_WELCOME = 64, OP_ACK = 65, OP_ACK_CUMULATIVE = 66, OP_ERROR = 68 };

/* ---- writing ---- */

static uint8_t *reserve(struct publisher *publisher, size_t bytes) {
  if (!publisher_is_blocked(publisher)) publisher->out_sent = publisher->out_used = 0;
  size_t needed = publisher->out_used + bytes;
  if (needed > publisher->out_size) {
    publisher->out = realloc(publisher->out, needed);
    if (!publisher->out) fail("Cannot allocate %zu bytes", needed);
    publisher->out_size = needed;
  }
  return publisher->out + publisher->out_used;
}

void publisher_flush(struct publisher *publisher) {
  while (publisher_is_blocked(publisher)) {
    ssize_t sent = send(publisher->fd, publisher->out + publisher->out_sent,
                        publisher->out_used - publisher->out_sent, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && errno == EAGAIN) return;
    if (sent < 0) fail("Cannot write to the publish connection: %s", strerror(errno));
    publisher->out_sent += (size_t)sent;
  }
}

static uint8_t *put_string(uint8_t *at, const char *text) {
  size_t length = strlen(text);
  *at++ = 0xd9; /* str 8 */
  *at++ = (uint8_t)length;
  memcpy(at, text, length);
  return at + length;
}

static uint8_t *put_binary_header(uint8_t *at, size_t length) {
  *at++ = 0xc6; /* bin 32 */
  put_u32(at, (uint32_t)length);
  return at + 4;
}

uint8_t *put_data(uint8_t *at, const struct publisher *publisher, size_t bytes, uint64_t time_ns) {
  int head = sprintf((char *)at, "{\"t\":%llu,\"p\":%d,\"n\":%llu,\"pad\":\"", (unsigned long long)time_ns,
                     publisher->number, (unsigned long long)publisher->sent + 1);
  memset(at + head, 'x', bytes - (size_t)head - 2);
  memcpy(at + bytes - 2, "\"}", 2);
  return at + bytes;
}

/*  |u32 length| 0x94 | op 2 | 0xce u32 seq | str 8 channel | bin 32 data |  */
static uint8_t *put_publish_frame(uint8_t *start, struct publisher *publisher, size_t bytes, uint64_t time_ns) {
  uint8_t *at = start + 4;
  *at++ = 0x94;
  *at++ = OP_PUBLISH;
  *at++ = 0xce;
  put_u32(at, (uint32_t)(publisher->sent + FIRST_SEQ));
  at = put_string(at + 4, publisher->channel);
  at = put_data(put_binary_header(at, bytes), publisher, bytes, time_ns);
  put_u32(start, (uint32_t)(at - start - 4));
  return at;
}

/* The message Encke would send for this publication, so that a ceiling sends just the same bytes. */
static uint8_t *put_round_message(uint8_t *start, struct publisher *publisher, size_t bytes, uint64_t time_ns) {
  uint8_t *at = start + 4;
  at += sprintf((char *)at, "{\"channel\":\"%s\",\"offset\":%llu,\"data\":", publisher->channel,
                (unsigned long long)publisher->sent + 1);
  at = put_data(at, publisher, bytes, time_ns);
  *at++ = '}';
  put_u32(start, (uint32_t)(at - start - 4));
  return at;
}

static uint8_t *put_one(uint8_t *at, struct publisher *publisher, size_t bytes, uint64_t time_ns) {
  switch (publisher->kind) {
    case PUBLISHER_ROUNDS: return put_round_message(at, publisher, bytes, time_ns);
    case PUBLISHER_COMET: return comet_put_publication(at, publisher, bytes, time_ns);
    default: return put_publish_frame(at, publisher, bytes, time_ns);
  }
}

void publisher_send(struct publisher *publisher, uint64_t count, size_t data_bytes, uint64_t time_ns) {
  uint8_t *start = reserve(publisher, 4 + count * (data_bytes + OVERHEAD_BYTES_MAX));
  uint8_t *at = start;
  if (publisher->kind == PUBLISHER_ROUNDS) {
    put_u32(at, (uint32_t)count);
    at += 4;
  }
  for (uint64_t i = 0; i < count; i++) {
    at = put_one(at, publisher, data_bytes, time_ns);
    publisher->sent++;
  }
  publisher->out_used += (size_t)(at - start);
  publisher_flush(publisher);
}

/* ---- reading ---- */

struct reader {
  const uint8_t *at, *end;
};

static uint64_t read_big_endian(struct reader *reader, size_t bytes) {
  uint64_t value = 0;
  if ((size_t)(reader->end - reader->at) < bytes) fail("Cannot read an answer: cut short");
  while (bytes-- > 0) value = value << 8 | *reader->at++;
  return value;
}

static uint64_t read_uint(struct reader *reader) {
  uint8_t form = (uint8_t)read_big_endian(reader, 1);
  if (form < 0x80) return form;
  if (form == 0xc0) return 0; /* nil: the error is about no frame in particular */
  if (form >= 0xcc && form <= 0xcf) return read_big_endian(reader, (size_t)1 << (form - 0xcc));
  if (form == 0xcb) { /* float 64: how an encoder in JavaScript may write a large integer */
    uint64_t bits = read_big_endian(reader, 8);
    double value;
    memcpy(&value, &bits, sizeof value);
    return (uint64_t)value;
  }
  fail("Cannot read an answer: byte 0x%02x where an integer should be", form);
}

static void read_string(struct reader *reader, char *to, size_t size) {
  uint8_t form = (uint8_t)read_big_endian(reader, 1);
  size_t length = form & 31;
  if (form >= 0xd9 && form <= 0xdb) length = (size_t)read_big_endian(reader, (size_t)1 << (form - 0xd9));
  else if ((form & 0xe0) != 0xa0) fail("Cannot read an answer: byte 0x%02x where a string should be", form);
  if ((size_t)(reader->end - reader->at) < length) fail("Cannot read an answer: cut short");
  snprintf(to, size, "%.*s", (int)length, (const char *)reader->at);
  reader->at += length;
}

static void take_error(struct publisher *publisher, struct reader *reader, uint64_t seq) {
  char name[48], message[200];
  uint64_t code = read_uint(reader);
  read_string(reader, name, sizeof name);
  read_string(reader, message, sizeof message);
  if (seq < FIRST_SEQ) fail("The node refused the publisher: %llu %s: %s", (unsigned long long)code, name, message);
  if (publisher->refused++ == 0)
    snprintf(publisher->first_refusal, sizeof publisher->first_refusal, "%s: %.70s", name, message);
}

/* Finds "window" in the welcome's map. */
static void take_welcome(struct publisher *publisher, struct reader *reader) {
  static const char name[] = "\xa6window";
  for (; reader->end - reader->at >= (ptrdiff_t)sizeof name; reader->at++) {
    if (memcmp(reader->at, name, sizeof name - 1)) continue;
    reader->at += sizeof name - 1;
    publisher->window = read_uint(reader);
    return;
  }
  fail("The welcome of the node names no window");
}

static void take_frame(struct publisher *publisher, const uint8_t *frame, size_t bytes) {
  struct reader reader = {frame, frame + bytes};
  uint8_t array = (uint8_t)read_big_endian(&reader, 1);
  if ((array & 0xf0) != 0x90) fail("Cannot read an answer: byte 0x%02x where an array should be", array);
  uint64_t op = read_uint(&reader);
  uint64_t seq = read_uint(&reader);
  uint64_t through = seq < FIRST_SEQ ? 0 : seq - FIRST_SEQ + 1;
  if (op == OP_WELCOME) take_welcome(publisher, &reader);
  else if (op == OP_ERROR) take_error(publisher, &reader, seq);
  else if (op != OP_ACK && op != OP_ACK_CUMULATIVE) fail("The node sent op %llu", (unsigned long long)op);
  if (op != OP_WELCOME && through > publisher->answered) publisher->answered = through;
}

/* Takes whole answers off the front of `in`; returns the bytes taken. */
static size_t take_binary_answers(struct publisher *publisher) {
  size_t at = 0;
  while (publisher->in_used - at >= 4) {
    uint32_t first = get_u32(publisher->in + at);
    if (publisher->kind == PUBLISHER_ROUNDS) {
      publisher->answered += first;
      at += 4;
      continue;
    }
    if (first > ANSWER_BYTES - 4) fail("The node sent an answer of %u bytes", first);
    if (publisher->in_used - at < 4 + (size_t)first) break;
    take_frame(publisher, publisher->in + at + 4, first);
    at += 4 + (size_t)first;
  }
  return at;
}

/* What is not whole moves to the front. */
static void take_answers(struct publisher *publisher) {
  bool is_comet = publisher->kind == PUBLISHER_COMET;
  size_t taken = is_comet ? comet_take_answers(publisher) : take_binary_answers(publisher);
  publisher->in_used -= taken;
  memmove(publisher->in, publisher->in + taken, publisher->in_used);
}

void publisher_read(struct publisher *publisher) {
  ssize_t bytes =
      recv(publisher->fd, publisher->in + publisher->in_used, ANSWER_BYTES - publisher->in_used, 0);
  if (bytes < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (bytes < 0) fail("The publish connection broke: %s", strerror(errno));
  publisher->in_used += (size_t)bytes;
  take_answers(publisher);
  if (bytes == 0) fail("The server closed the publish connection");
}

/* ---- opening ---- */

/*  [1, 1, {version: 1, acks: "each" | "cumulative", name: "bench"[, key: "…"]}]  */
static void say_hello(struct publisher *publisher) {
  uint8_t *start = reserve(publisher, OVERHEAD_BYTES_MAX);
  uint8_t *at = start + 4;
  const uint8_t head[] = {0x93, OP_HELLO, 1, (uint8_t)(publisher->key ? 0x84 : 0x83)};
  memcpy(at, head, sizeof head);
  at = put_string(at + sizeof head, "version");
  *at++ = 1;
  at = put_string(put_string(at, "acks"), publisher->acks_each ? "each" : "cumulative");
  at = put_string(put_string(at, "name"), "bench");
  if (publisher->key) at = put_string(put_string(at, "key"), publisher->key);
  put_u32(start, (uint32_t)(at - start - 4));
  publisher->out_used += (size_t)(at - start);
  publisher_flush(publisher);

  struct pollfd socket = {.fd = publisher->fd, .events = POLLIN};
  while (publisher->window == 0) {
    if (poll(&socket, 1, HELLO_TIMEOUT_MS) <= 0) fail("No welcome came within %d ms", HELLO_TIMEOUT_MS);
    publisher_read(publisher);
  }
}

void publisher_open(struct publisher *publisher, struct sockaddr_in address) {
  int on = 1;
  publisher->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (publisher->fd < 0 || connect(publisher->fd, (struct sockaddr *)&address, sizeof address))
    fail("Cannot open the publish connection: %s", strerror(errno));
  setsockopt(publisher->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  fcntl(publisher->fd, F_SETFL, O_NONBLOCK);
  publisher->window = 0;
  if (publisher->kind == PUBLISHER_ENCKE) say_hello(publisher);
  else if (publisher->kind == PUBLISHER_COMET) comet_publisher_open(publisher);
  else publisher->window = UINT32_MAX;
}

void publisher_close(struct publisher *publisher) {
  close(publisher->fd);
  free(publisher->out);
  *publisher = (struct publisher){.fd = -1};
}
