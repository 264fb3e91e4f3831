/*
 * Implementation of comet.h.
 *
 * The one idea: both ends of the conversation are told apart by words that the data of this bench does not hold, so no
 * JSON is parsed. Must not know how connections are kept.
 */
#define _GNU_SOURCE
#include "comet.h"

#include <poll.h>
#include <sys/socket.h>

#include "frames.h"

#define GREETING_TIMEOUT_MS 10000
#define COMMAND_BYTES 512
#define PATH_BYTES 256
#define ANSWER_MARK "_answer_to_"

static bool holds(const char *text, size_t bytes, const char *word) {
  return memmem(text, bytes, word, strlen(word)) != NULL;
}

/* ---- receiving ---- */

int comet_path(char *to, size_t size, const char *version, int number) {
  return snprintf(to, size, "/ws/sesion=undefined&myid=undefined&devid=1&v=%s&uuid=bench%027d&api=js", version, number);
}

size_t comet_subscription(uint8_t *to, const char *pipe) {
  char command[COMMAND_BYTES];
  int length = snprintf(command, sizeof command, "subscription\n%s", pipe);
  size_t bytes = mask_frame(to, OPCODE_TEXT, command, (size_t)length);
  length = snprintf(command, sizeof command, "pipe_count\n%s\n1234567890\n", pipe);
  return bytes + mask_frame(to + bytes, OPCODE_TEXT, command, (size_t)length);
}

bool comet_is_reply(const char *text, size_t bytes, int index) {
  return holds(text, bytes, index == 0 ? "\"serverInfo\"" : "_answer_pipe_count");
}

bool comet_is_notice(const char *text, size_t bytes) { return holds(text, bytes, "\"pipe\":\"sys\""); }

/* ---- publishing ---- */

uint8_t *comet_put_publication(uint8_t *at, const struct publisher *publisher, size_t bytes, uint64_t time_ns) {
  static char command[COMMAND_BYTES + UINT16_MAX];
  int head = snprintf(command, COMMAND_BYTES, "web_pipe2\n%s\nbench\n*\n", publisher->channel);
  char *end = (char *)put_data((uint8_t *)command + head, publisher, bytes, time_ns);
  return at + mask_frame(at, OPCODE_TEXT, command, (size_t)(end - command));
}

/* An error frame answers what was published too; what is neither, such as the greeting, answers nothing. */
static void take_text(struct publisher *publisher, const char *text, size_t bytes) {
  if (holds(text, bytes, "\"serverInfo\"")) {
    publisher->window = UINT32_MAX;
  } else if (holds(text, bytes, ANSWER_MARK)) {
    publisher->answered++;
  } else if (holds(text, bytes, "\"event\":\"error\"")) {
    publisher->answered++;
    if (publisher->refused++ == 0)
      snprintf(publisher->first_refusal, sizeof publisher->first_refusal, "%.*s", (int)bytes, text);
  }
}

/* RFC 6455 §5.2; 64-bit lengths are none of ours. Returns 0 when the frame is not all there. */
static size_t take_frame(struct publisher *publisher, const uint8_t *at, size_t bytes) {
  if (bytes < 2) return 0;
  size_t header = at[1] == 126 ? 4 : 2;
  if (at[1] > 126) fail("The node sent a frame of 64 KB or more to a publisher");
  if (bytes < header) return 0;
  size_t length = header == 4 ? (size_t)at[2] << 8 | at[3] : at[1];
  if (bytes < header + length) return 0;
  uint8_t opcode = at[0] & 15;
  if (opcode == OPCODE_CLOSE) fail("The node closed the connection of a publisher");
  if (opcode == OPCODE_TEXT) take_text(publisher, (const char *)at + header, length);
  return header + length;
}

size_t comet_take_answers(struct publisher *publisher) {
  size_t at = 0, taken;
  if (publisher->is_upgrading) {
    const uint8_t *end = memmem(publisher->in, publisher->in_used, "\r\n\r\n", 4);
    if (!end) return 0;
    if (memcmp(publisher->in, "HTTP/1.1 101", 12)) fail("The node refused a publisher: %.12s", publisher->in);
    publisher->is_upgrading = false;
    at = (size_t)(end - publisher->in) + 4;
  }
  while ((taken = take_frame(publisher, publisher->in + at, publisher->in_used - at)) > 0) at += taken;
  return at;
}

void comet_publisher_open(struct publisher *publisher) {
  char path[PATH_BYTES], request[2 * PATH_BYTES];
  comet_path(path, sizeof path, publisher->comet_version, 1000000 + publisher->number);
  int length = write_upgrade(request, sizeof request, path);
  publisher->is_upgrading = true;
  if (send(publisher->fd, request, (size_t)length, MSG_NOSIGNAL) != length)
    fail("Cannot send the upgrade of a publisher");
  struct pollfd socket = {.fd = publisher->fd, .events = POLLIN};
  while (publisher->window == 0) {
    if (poll(&socket, 1, GREETING_TIMEOUT_MS) <= 0) fail("No greeting came within %d ms", GREETING_TIMEOUT_MS);
    publisher_read(publisher);
  }
}
