/*
 * Implementation of publishers.h.
 */
#include "publishers.h"

#include <sys/epoll.h>

void publishers_open(struct publishers *publishers, const struct publisher *like, int count,
                     struct sockaddr_in address, int epoll, uint32_t tag) {
  for (int i = 0; i < count; i++) {
    struct publisher *publisher = &publishers->all[i];
    *publisher = *like;
    publisher->number = i;
    publisher_open(publisher, address);
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = tag + (uint32_t)i};
    epoll_ctl(epoll, EPOLL_CTL_ADD, publisher->fd, &event);
  }
  publishers->count = count;
}

void publishers_close(struct publishers *publishers) {
  for (int i = 0; i < publishers->count; i++) publisher_close(&publishers->all[i]);
  publishers->count = 0;
}

void publishers_send(struct publishers *publishers, uint64_t burst, size_t data_bytes, uint64_t time_ns) {
  uint64_t each = burst / (uint64_t)publishers->count;
  for (int i = 0; i < publishers->count; i++) publisher_send(&publishers->all[i], each, data_bytes, time_ns);
}

void publishers_flush(struct publishers *publishers) {
  for (int i = 0; i < publishers->count; i++) publisher_flush(&publishers->all[i]);
}

bool publishers_are_blocked(const struct publishers *publishers) {
  for (int i = 0; i < publishers->count; i++)
    if (publisher_is_blocked(&publishers->all[i])) return true;
  return false;
}

uint64_t publishers_sent(const struct publishers *publishers) {
  uint64_t sum = 0;
  for (int i = 0; i < publishers->count; i++) sum += publishers->all[i].sent;
  return sum;
}

uint64_t publishers_answered(const struct publishers *publishers) {
  uint64_t sum = 0;
  for (int i = 0; i < publishers->count; i++) sum += publishers->all[i].answered;
  return sum;
}

uint64_t publishers_refused(const struct publishers *publishers) {
  uint64_t sum = 0;
  for (int i = 0; i < publishers->count; i++) sum += publishers->all[i].refused;
  return sum;
}
