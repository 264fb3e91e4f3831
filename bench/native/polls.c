/*
 * Implementation of polls.h.
 *
 * The one idea: an answer that came whole in one read, as nearly all do, is searched where it lies; any other is
 * collected first. Nothing but numbers is read from the JSON: the data of this bench holds no text that looks like it.
 */
#define _GNU_SOURCE
#include "polls.h"

#include <ctype.h>
#include <strings.h>

#define REQUEST_BYTES 4096
#define CAPSULE_BYTES_MAX 2048
#define EPOCH_BYTES 48
#define ANSWER_BYTES_MAX (64u * 1024 * 1024)

struct poll {
  char *capsule;
  char epoch[EPOCH_BYTES];
  uint64_t offset;
  bool is_held;      /* its round is complete and it waits for polls_release */
  uint8_t *pending;  /* the beginning of an answer */
  size_t pending_used, pending_size;
};

struct text {
  const char *at;
  size_t bytes;
};

/* ---- asking ---- */

static void send_poll(struct clients *clients, struct client *client, const char *body, int bytes) {
  char request[REQUEST_BYTES];
  if (bytes < 0 || bytes >= REQUEST_BYTES - 256) return client_end(clients, client, "poll too long");
  int head = snprintf(request, sizeof request,
                      "POST /poll HTTP/1.1\r\nHost: bench\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n", bytes);
  memcpy(request + head, body, (size_t)bytes);
  client_send(clients, client, request, (size_t)(head + bytes));
}

void poll_begin(struct clients *clients, struct client *client) {
  char body[REQUEST_BYTES];
  client->poll = allocate(1, sizeof *client->poll);
  client->phase = PHASE_SUBSCRIBING;
  int bytes = snprintf(body, sizeof body,
                       "{\"commands\":[{\"id\":1,\"connect\":{}},{\"id\":2,\"subscribe\":{\"channel\":\"%s\"}}]}",
                       clients->channel);
  send_poll(clients, client, body, bytes);
}

static void poll_again(struct clients *clients, struct client *client) {
  char body[REQUEST_BYTES];
  const struct poll *poll = client->poll;
  int bytes = snprintf(body, sizeof body,
                       "{\"capsule\":\"%s\",\"positions\":{\"%s\":{\"epoch\":\"%s\",\"offset\":%llu}}}", poll->capsule,
                       clients->channel, poll->epoch, (unsigned long long)poll->offset);
  send_poll(clients, client, body, bytes);
}

void polls_release(struct clients *clients) {
  for (int i = 0; i < clients->count; i++) {
    struct client *client = &clients->all[i];
    if (client->phase != PHASE_READY || !client->poll->is_held) continue;
    client->poll->is_held = false;
    poll_again(clients, client);
  }
}

/* ---- what an answer says ---- */

static const char *find(struct text text, const char *name) {
  const char *found = memmem(text.at, text.bytes, name, strlen(name));
  return found ? found + strlen(name) : NULL;
}

static uint64_t number_at(const char *at, const char *end) {
  uint64_t value = 0;
  for (; at < end && isdigit((unsigned char)*at); at++) value = value * 10 + (uint64_t)(*at - '0');
  return value;
}

/* The string that follows `name` (which ends with its opening quote), copied; NULL when there is none that fits. */
static char *copy_string(struct text text, const char *name, size_t most) {
  const char *start = find(text, name);
  const char *end = start ? memchr(start, '"', (size_t)(text.at + text.bytes - start)) : NULL;
  return end && (size_t)(end - start) < most ? strndup(start, (size_t)(end - start)) : NULL;
}

static void refused(struct clients *clients, struct client *client, struct text text) {
  char reason[96];
  snprintf(reason, sizeof reason, "refused: %.*s", (int)(text.bytes < 80 ? text.bytes : 80), text.at);
  client_end(clients, client, reason);
}

static void keep_capsule(struct poll *poll, char *capsule) {
  free(poll->capsule);
  poll->capsule = capsule;
}

/* [{"id":1,"ok":{…,"capsule":"…"}},{"id":2,"ok":{"epoch":"…","offset":0}}] */
static void take_first_answer(struct clients *clients, struct client *client, struct text body) {
  struct poll *poll = client->poll;
  char *capsule = copy_string(body, "\"capsule\":\"", CAPSULE_BYTES_MAX);
  char *epoch = copy_string(body, "\"epoch\":\"", EPOCH_BYTES);
  const char *offset = find(body, "\"offset\":");
  if (!capsule || !epoch || !offset) return refused(clients, client, body);
  keep_capsule(poll, capsule);
  snprintf(poll->epoch, sizeof poll->epoch, "%s", epoch);
  free(epoch);
  poll->offset = number_at(offset, body.at + body.bytes);
  client_become_ready(clients, client);
  poll_again(clients, client);
}

/* Counts the publications of an answer; the last one's offset is where the client is now. */
static uint64_t take_publications(struct clients *clients, struct client *client, struct text body) {
  const char *end = body.at + body.bytes;
  uint64_t count = 0, now = client->is_sampled && clients->is_measuring ? now_ns() : 0;
  for (const char *at; (at = find(body, "\"offset\":")); count++) {
    uint64_t offset = number_at(at, end);
    if (offset != client->poll->offset + 1) clients->gaps++;
    client->poll->offset = offset;
    body = (struct text){at, (size_t)(end - at)};
    const char *sent = now > 0 ? find(body, "\"t\":") : NULL;
    uint64_t sent_ns = sent ? number_at(sent, end) : now;
    if (sent && now >= sent_ns) histogram_add(&clients->latency_ns, now - sent_ns, 1);
  }
  return count;
}

/* What is no publication: a new capsule, a gap, an end. */
static void take_notices(struct clients *clients, struct client *client, struct text body) {
  char *capsule = copy_string(body, "{\"capsule\":\"", CAPSULE_BYTES_MAX);
  if (capsule) keep_capsule(client->poll, capsule);
  const char *gap = find(body, "\"gap\":{");
  const char *to = gap ? find((struct text){gap, (size_t)(body.at + body.bytes - gap)}, "\"to\":") : NULL;
  if (gap) clients->gaps++;
  if (to) client->poll->offset = number_at(to, body.at + body.bytes);
  if (find(body, "{\"bye\":") || find(body, "\"error\":")) refused(clients, client, body);
}

static void take_answer(struct clients *clients, struct client *client, struct text head, struct text body) {
  static const char status[] = "HTTP/1.1 200", usual[] = "[{\"channel\":";
  if (head.bytes < sizeof status - 1 || memcmp(head.at, status, sizeof status - 1))
    return refused(clients, client, body.bytes > 0 ? body : head);
  if (client->phase == PHASE_SUBSCRIBING) return take_first_answer(clients, client, body);
  bool is_usual = body.bytes >= sizeof usual - 1 && !memcmp(body.at, usual, sizeof usual - 1);
  uint64_t count = take_publications(clients, client, body);
  if (!is_usual || count == 0) take_notices(clients, client, body);
  client->frames += count;
  clients->deliveries += count;
  if (client->phase != PHASE_READY) return;
  client->poll->is_held = clients->holds_polls && clients->burst > 0 && client->frames >= client->next_edge;
  if (!client->poll->is_held) poll_again(clients, client);
}

/* ---- answers out of bytes ---- */

/* Value of content-length; SIZE_MAX when there is none. RFC 9112 §6.2. */
static size_t content_length(struct text head) {
  static const char name[] = "\r\ncontent-length:";
  for (const char *at = head.at, *end = head.at + head.bytes - sizeof name; at < end; at++) {
    if (*at != '\r' || strncasecmp(at, name, sizeof name - 1)) continue;
    for (at += sizeof name - 1; *at == ' '; at++) continue;
    return (size_t)number_at(at, head.at + head.bytes);
  }
  return SIZE_MAX;
}

/* Takes one whole answer off the front; returns its length, 0 when it is not all there yet. */
static size_t take_whole(struct clients *clients, struct client *client, const uint8_t *at, size_t bytes) {
  struct text all = {(const char *)at, bytes};
  const char *body = find(all, "\r\n\r\n");
  if (!body) return 0;
  struct text head = {all.at, (size_t)(body - all.at)};
  size_t length = content_length(head);
  if (length > ANSWER_BYTES_MAX) return client_end(clients, client, "answer without a sound length"), bytes;
  if (bytes - head.bytes < length) return 0;
  take_answer(clients, client, head, (struct text){body, length});
  return head.bytes + length;
}

static void keep(struct poll *poll, const uint8_t *at, size_t bytes) {
  if (poll->pending_used + bytes > poll->pending_size) {
    poll->pending_size = (poll->pending_used + bytes) * 2;
    poll->pending = realloc(poll->pending, poll->pending_size);
    if (!poll->pending) fail("Cannot allocate %zu bytes", poll->pending_size);
  }
  memcpy(poll->pending + poll->pending_used, at, bytes);
  poll->pending_used += bytes;
}

static void forget(struct poll *poll) {
  free(poll->pending);
  poll->pending = NULL;
  poll->pending_used = poll->pending_size = 0;
}

void poll_feed(struct clients *clients, struct client *client, const uint8_t *at, size_t bytes) {
  struct poll *poll = client->poll;
  bool is_continued = poll->pending_used > 0;
  if (is_continued) {
    keep(poll, at, bytes);
    at = poll->pending;
    bytes = poll->pending_used;
  }
  size_t taken = take_whole(clients, client, at, bytes);
  if (taken > 0 && taken < bytes) client_end(clients, client, "more than was asked for");
  if (taken > 0 && is_continued) forget(poll);
  else if (taken == 0 && !is_continued) keep(poll, at, bytes);
}
