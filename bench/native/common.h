/*
 * What the native bench programs share: time, big-endian numbers, CPU figures and failing loudly.
 *
 * Owns small inline functions only. The clock is CLOCK_MONOTONIC everywhere, which is also what Node's
 * process.hrtime.bigint() reads, so times may be compared between processes. Must not know any protocol.
 */
#ifndef BENCH_COMMON_H
#define BENCH_COMMON_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_MS 1000000ull
#define NS_PER_SECOND 1000000000ull
#define EXIT_SOFTWARE 70

static inline uint64_t now_ns(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * NS_PER_SECOND + (uint64_t)time.tv_nsec;
}

static inline void put_u32(uint8_t *at, uint32_t value) {
  at[0] = (uint8_t)(value >> 24);
  at[1] = (uint8_t)(value >> 16);
  at[2] = (uint8_t)(value >> 8);
  at[3] = (uint8_t)value;
}

static inline uint32_t get_u32(const uint8_t *at) {
  return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

/* Prints `text` as the inside of a JSON string; bytes that would need an escape become '?'. */
static inline void print_json_text(const char *text) {
  for (; *text; text++) putchar(*text < ' ' || *text == '"' || *text == '\\' ? '?' : *text);
}

/* Says what went wrong as one JSON line on stdout, for the program that started this one, and exits. */
__attribute__((noreturn, format(printf, 1, 2))) static inline void fail(const char *format, ...) {
  char message[512];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(message, sizeof message, format, arguments);
  va_end(arguments);
  printf("{\"event\":\"error\",\"message\":\"");
  print_json_text(message);
  printf("\"}\n");
  fflush(stdout);
  exit(EXIT_SOFTWARE);
}

static inline void *allocate(size_t count, size_t bytes) {
  void *memory = calloc(count ? count : 1, bytes);
  if (!memory) fail("Cannot allocate %zu x %zu bytes", count, bytes);
  return memory;
}

/* User and system time of this process, in seconds. */
static inline double own_cpu_seconds(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

/* CPU time of a process and of the core it is pinned to, in seconds since some start; 0 where it can't be read. */
struct cpu_times {
  double process; /* user and system time of the process with all its threads */
  double waiting; /* time its main thread could have run while something else had the core */
  double stolen;  /* time the hypervisor kept the core to itself */
};

/* Reads the whole of a small file into `text` and ends it with 0; false when it can't be read. */
static inline bool read_small(const char *path, char *text, size_t size) {
  FILE *file = fopen(path, "r");
  text[0] = 0;
  if (!file) return false;
  text[fread(text, 1, size - 1, file)] = 0;
  fclose(file);
  return true;
}

/*
 * proc(5). stat: fields 14 and 15, counted after the command name, which may itself hold spaces. schedstat: the second
 * field is the run delay in ns. /proc/stat: cpuN user nice system idle iowait irq softirq steal.
 *
 * @param pid 0 = none; core -1 = not pinned
 */
static inline struct cpu_times read_cpu_times(int pid, int core) {
  struct cpu_times times = {0, 0, 0};
  double ticks = (double)sysconf(_SC_CLK_TCK);
  char path[64], text[16384], name[16];
  unsigned long user = 0, system = 0, steal = 0;
  unsigned long long delay = 0;
  if (pid > 0) {
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    const char *after = read_small(path, text, sizeof text) ? strrchr(text, ')') : NULL;
    if (after) sscanf(after + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system);
    snprintf(path, sizeof path, "/proc/%d/schedstat", pid);
    if (read_small(path, text, sizeof text)) sscanf(text, "%*u %llu", &delay);
  }
  if (core >= 0 && read_small("/proc/stat", text, sizeof text)) {
    snprintf(name, sizeof name, "\ncpu%d ", core);
    const char *line = strstr(text, name);
    if (line) sscanf(line + strlen(name), "%*u %*u %*u %*u %*u %*u %*u %lu", &steal);
  }
  times.process = (double)(user + system) / ticks;
  times.waiting = (double)delay / (double)NS_PER_SECOND;
  times.stolen = (double)steal / ticks;
  return times;
}

static inline void raise_descriptor_limit(void) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit)) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

#endif
