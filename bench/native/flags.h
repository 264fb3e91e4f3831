/*
 * What a generator is told when it starts; bench/support/generator.ts names every flag.
 *
 * Owns their names, bounds and defaults, and the file of tokens. Anything it does not understand ends the program.
 */
#ifndef BENCH_FLAGS_H
#define BENCH_FLAGS_H

#include "clients.h"
#include "publisher.h"

struct settings {
  struct clients *clients;    /* filled and prepared */
  struct publisher publisher; /* what every publisher is a copy of; not opened */
  int server_pid;              /* 0 = none */
  int server_core;             /* -1 = not pinned */
  uint16_t publish_port;
};

/* `encke`, `rounds` or `comet`. */
enum publisher_kind publisher_named(const char *name);

void parse_flags(struct settings *settings, int count, char **arguments);

#endif
