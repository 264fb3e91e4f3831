/*
 * Times in nanoseconds, counted in buckets of 0.4 % width.
 *
 * Owns a log-linear table: 256 buckets per power of two, exact below 512 ns, values from 2^40 ns (18 minutes) on
 * counted as the largest. Bound: 66 KB. Percentiles are not taken here: the buckets go out as [value, count] pairs
 * and are merged and read in one place, by the program that started this one.
 */
#ifndef BENCH_HISTOGRAM_H
#define BENCH_HISTOGRAM_H

#include "common.h"

#define HISTOGRAM_BUCKETS 8448
#define HISTOGRAM_LARGEST ((1ull << 40) - 1)

struct histogram {
  uint64_t counts[HISTOGRAM_BUCKETS];
};

static inline void histogram_add(struct histogram *histogram, uint64_t ns, uint64_t count) {
  if (ns > HISTOGRAM_LARGEST) ns = HISTOGRAM_LARGEST;
  int shift = ns < 512 ? 0 : 63 - __builtin_clzll(ns) - 8;
  histogram->counts[(uint64_t)shift * 256 + (ns >> shift)] += count;
}

/* The largest time that falls into the bucket at `index`. */
static inline uint64_t histogram_value(uint64_t index) {
  if (index < 512) return index;
  uint64_t shift = index / 256 - 1;
  return ((index - shift * 256 + 1) << shift) - 1;
}

/* Prints the buckets in use as a JSON array of [nanoseconds, count]. */
static inline void histogram_print(const struct histogram *histogram) {
  const char *separator = "";
  putchar('[');
  for (uint64_t index = 0; index < HISTOGRAM_BUCKETS; index++) {
    if (!histogram->counts[index]) continue;
    printf("%s[%llu,%llu]", separator, (unsigned long long)histogram_value(index),
           (unsigned long long)histogram->counts[index]);
    separator = ",";
  }
  putchar(']');
}

#endif
