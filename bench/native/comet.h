/*
 * CppComet's browser protocol, as much of it as a receiver and a publisher of the bench need.
 *
 * Owns the words: the address that carries who connects, the list of pipes, and the publishing of a payload text. A
 * list of pipes is not answered there, so a question for the number of subscribers goes after it: once that is
 * answered the list was read. Everybody is anonymous, with a uuid of their own. Bound: nothing is kept here.
 */
#ifndef BENCH_COMET_H
#define BENCH_COMET_H

#include <netinet/in.h>

#include "clients.h"
#include "publisher.h"

/* Writes the path of connection `number`, with the version of the protocol it speaks; returns its length. */
int comet_path(char *to, size_t size, const char *version, int number);

/* Writes the frames that subscribe to a pipe and ask for the answer that follows; returns their length. */
size_t comet_subscription(uint8_t *to, const char *pipe);

/* Whether reply number `index` to a connection that opens is what it should be: the greeting, then the answer. */
bool comet_is_reply(const char *text, size_t bytes, int index);

/* Whether a message comes from the node and not from a publisher. */
bool comet_is_notice(const char *text, size_t bytes);

/* Connects a publisher and waits for its greeting. Fails loudly. */
void comet_publisher_open(struct publisher *publisher);

/* Writes one publication of `bytes` of data; returns the byte behind it. */
uint8_t *comet_put_publication(uint8_t *at, const struct publisher *publisher, size_t bytes, uint64_t time_ns);

/* Takes whole frames off the front of `in`, and books what they answer; returns the bytes taken. */
size_t comet_take_answers(struct publisher *publisher);

#endif
