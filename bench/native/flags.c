/*
 * Implementation of flags.h: getopt_long, and a sentence for every value that is not as it should be.
 */
#define _GNU_SOURCE
#include "flags.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>

static int number_flag(const char *name, const char *text, long min, long max) {
  char *end;
  long value = strtol(text, &end, 10);
  if (*text == 0 || *end != 0 || value < min || value > max)
    fail("--%s needs a number from %ld to %ld: %s", name, min, max, text);
  return (int)value;
}

static char **read_tokens(const char *path, int count) {
  char **tokens = allocate((size_t)count, sizeof *tokens);
  FILE *file = fopen(path, "r");
  if (!file) fail("Cannot read %s: %s", path, strerror(errno));
  for (int i = 0; i < count; i++) {
    size_t size = 0;
    ssize_t length = getline(&tokens[i], &size, file);
    if (length <= 1) fail("Cannot read %s: %d tokens needed, %d there", path, count, i);
    tokens[i][length - 1] = 0;
  }
  fclose(file);
  return tokens;
}

static enum transport transport_named(const char *name) {
  if (!strcmp(name, "poll")) return TRANSPORT_POLL;
  if (!strcmp(name, "comet")) return TRANSPORT_COMET;
  return strcmp(name, "tcp") ? TRANSPORT_WEBSOCKET : TRANSPORT_TCP;
}

enum publisher_kind publisher_named(const char *name) {
  if (!strcmp(name, "comet")) return PUBLISHER_COMET;
  return strcmp(name, "rounds") ? PUBLISHER_ENCKE : PUBLISHER_ROUNDS;
}

void parse_flags(struct settings *settings, int count, char **arguments) {
  static const struct option flags[] = {
      {"transport", 1, 0, 't'},   {"publisher", 1, 0, 'p'}, {"host", 1, 0, 'h'},       {"port", 1, 0, 'P'},
      {"publish-port", 1, 0, 'u'}, {"connections", 1, 0, 'n'}, {"window", 1, 0, 'w'},   {"channel", 1, 0, 'c'},
      {"tokens", 1, 0, 'T'},      {"sources", 1, 0, 's'},   {"samples", 1, 0, 'S'},    {"key", 1, 0, 'k'},
      {"acks", 1, 0, 'a'},        {"server-pid", 1, 0, 'i'}, {"server-core", 1, 0, 'C'},
      {"segment-bytes", 1, 0, 'g'}, {"receive-buffer-bytes", 1, 0, 'r'}, {"comet-version", 1, 0, 'v'},
      {"first-number", 1, 0, 'f'}, {0, 0, 0, 0}};
  struct clients *clients = settings->clients;
  const char *tokens = NULL, *host = "127.0.0.1";
  int connections = 0, samples = 64, flag, index = 0;
  settings->server_core = -1;
  clients->address.sin_family = AF_INET;
  clients->window = 256;
  clients->sources = 1;
  clients->channel = "bench";
  clients->comet_version = "4.08";
  while ((flag = getopt_long(count, arguments, "", flags, &index)) != -1) {
    const char *name = flags[index].name;
    switch (flag) {
      case 't': clients->transport = transport_named(optarg); break;
      case 'p': settings->publisher.kind = publisher_named(optarg); break;
      case 'h': host = optarg; break;
      case 'P': clients->address.sin_port = htons((uint16_t)number_flag(name, optarg, 1, 65535)); break;
      case 'u': settings->publish_port = (uint16_t)number_flag(name, optarg, 1, 65535); break;
      case 'n': connections = number_flag(name, optarg, 0, 1000000); break;
      case 'w': clients->window = number_flag(name, optarg, 1, 100000); break;
      case 'c': clients->channel = optarg; break;
      case 'T': tokens = optarg; break;
      case 's': clients->sources = number_flag(name, optarg, 1, 250); break;
      case 'S': samples = number_flag(name, optarg, 0, 100000); break;
      case 'k': settings->publisher.key = optarg; break;
      case 'a': settings->publisher.acks_each = !strcmp(optarg, "each"); break;
      case 'i': settings->server_pid = number_flag(name, optarg, 1, 1 << 30); break;
      case 'C': settings->server_core = number_flag(name, optarg, 0, 4095); break;
      case 'v': clients->comet_version = optarg; break;
      case 'f': clients->first_number = number_flag(name, optarg, 0, 1 << 24); break;
      case 'g': clients->segment_bytes = number_flag(name, optarg, 88, 65495); break;
      case 'r': clients->receive_buffer_bytes = number_flag(name, optarg, 2048, 1 << 26); break;
      default: fail("Unknown flag");
    }
  }
  if (inet_pton(AF_INET, host, &clients->address.sin_addr) != 1) fail("Not an IPv4 address: %s", host);
  if (strlen(clients->comet_version) > 16) fail("--comet-version is longer than 16 bytes");
  if (strlen(clients->channel) > 200) fail("The channel name is longer than 200 bytes");
  settings->publisher.channel = clients->channel;
  settings->publisher.comet_version = clients->comet_version;
  if (tokens) clients->tokens = read_tokens(tokens, connections);
  clients_prepare(clients, connections, samples);
}
