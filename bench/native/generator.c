/*
 * The load generator: holds subscribers, publishes to them, counts what comes back.
 *
 * Owns one process's share of a run. Flags say what to connect to; then commands come as lines on stdin and reports
 * leave as JSON lines on stdout (bench/support/generator.ts is the other end and names every field):
 *
 *   fanout <data bytes> <burst> <rounds in flight> <warm-up ms> <measured ms>
 *   publish <data bytes> <window> <warm-up ms> <measured ms>
 *   status                                           connections still there
 *   quit                                             (or end of input)
 *
 * Publishing is paced by receiving: a round of `burst` publications leaves in one write, once the round before is
 * acknowledged and at most `rounds in flight` rounds have not reached every subscriber. So a server always has the
 * next round to do and never builds up backpressure. Every run drains before it reports. One thread, one epoll set.
 * Longer than most files because the kinds of run share one loop and one state.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>

#include "clients.h"
#include "publisher.h"

#define EVENTS_PER_WAIT 512
#define IDLE_WAIT_MS 200
#define PROGRESS_EVERY_NS (200 * NS_PER_MS)
#define STALL_NS (5 * NS_PER_SECOND) /* nothing arrived for so long: what is missing is lost */
#define CHUNK_MAX 256                /* publications per write when only publishing */
#define CHUNKS_MAX 8192
#define TAG_STDIN UINT32_MAX
#define TAG_PUBLISHER (UINT32_MAX - 1)

enum run_phase { RUN_NONE, RUN_OPENING, RUN_WARMING, RUN_MEASURING, RUN_DRAINING };

struct snapshot {
  uint64_t ns, deliveries, bytes, answered;
  double own_cpu;
  struct cpu_times server;
};

struct run {
  enum run_phase phase;
  uint64_t data_bytes, burst, rounds_in_flight, warm_up_ns, measured_ns;
  uint64_t phase_ends_ns, rounds_begun, published_before, progress_ns, progress_deliveries;
  int subscribers;
  struct snapshot from, to;
};

static struct clients clients;
static struct publisher publisher = {.fd = -1, .kind = PUBLISHER_ENCKE};
static struct run run;
static int server_pid, server_core = -1;
static uint64_t spun_ns; /* spent asking an epoll set that had nothing */
static uint16_t publish_port;

/* ---- reports ---- */

static struct snapshot take_snapshot(void) {
  struct snapshot snapshot = {.ns = now_ns()};
  snapshot.own_cpu = own_cpu_seconds() - (double)spun_ns / (double)NS_PER_SECOND;
  snapshot.deliveries = clients.deliveries;
  snapshot.bytes = clients.bytes;
  snapshot.answered = publisher.answered;
  snapshot.server = read_cpu_times(server_pid, server_core);
  return snapshot;
}

static void end_line(void) {
  printf("}\n");
  fflush(stdout);
}

static void print_count(const char *name, uint64_t value) { printf(",\"%s\":%llu", name, (unsigned long long)value); }

/* The window's length and what the two processes and the server's core did in it. */
static void print_window(const struct snapshot *from, const struct snapshot *to) {
  printf(",\"seconds\":%.6f", (double)(to->ns - from->ns) / (double)NS_PER_SECOND);
  printf(",\"generatorCpuSeconds\":%.4f", to->own_cpu - from->own_cpu);
  printf(",\"serverCpuSeconds\":%.4f", to->server.process - from->server.process);
  printf(",\"serverWaitSeconds\":%.4f", to->server.waiting - from->server.waiting);
  printf(",\"stolenSeconds\":%.4f", to->server.stolen - from->server.stolen);
}

static void print_histogram(const char *name, const struct histogram *histogram) {
  printf(",\"%s\":", name);
  histogram_print(histogram);
}

static void print_reasons(void) {
  const char *separator = "";
  printf(",\"reasons\":{");
  for (int i = 0; i < REASONS_MAX && clients.reasons[i].count > 0; i++) {
    printf("%s\"", separator);
    print_json_text(clients.reasons[i].text);
    printf("\":%d", clients.reasons[i].count);
    separator = ",";
  }
  putchar('}');
}

static void report_connected(void) {
  uint64_t last = clients.last_ready_ns > clients.first_ns ? clients.last_ready_ns : clients.first_ns;
  printf("{\"event\":\"connected\",\"established\":%d,\"failed\":%d", clients.ready, clients.failed);
  struct snapshot now = take_snapshot();
  now.ns = last;
  run.from.ns = clients.first_ns;
  print_window(&run.from, &now);
  print_count("firstNs", clients.first_ns);
  print_count("lastNs", last);
  print_reasons();
  print_histogram("openingNs", &clients.opening_ns);
  end_line();
}

static void report_status(void) {
  printf("{\"event\":\"status\",\"established\":%d,\"closed\":%d", clients.ready, clients.closed);
  print_reasons();
  end_line();
}

static void report_fanout(bool has_stalled) {
  uint64_t published = publisher.sent - run.published_before;
  uint64_t expected = published * (uint64_t)run.subscribers;
  printf("{\"event\":\"result\",\"deliveries\":%llu", (unsigned long long)(run.to.deliveries - run.from.deliveries));
  print_count("bytes", run.to.bytes - run.from.bytes);
  print_count("published", published);
  print_count("expected", expected);
  print_count("lost", expected > clients.deliveries ? expected - clients.deliveries : 0);
  print_count("surplus", expected < clients.deliveries ? clients.deliveries - expected : 0);
  print_count("gaps", clients.gaps);
  print_count("refused", publisher.refused);
  print_count("closed", (uint64_t)clients.closed);
  print_count("overheadBytes", clients.overhead_bytes);
  printf(",\"stalled\":%s", has_stalled ? "true" : "false");
  print_window(&run.from, &run.to);
  print_reasons();
  print_histogram("latencyNs", &clients.latency_ns);
  end_line();
}

/* ---- fan-out ---- */

static void ensure_publisher(void) {
  if (publisher.fd >= 0) return;
  struct sockaddr_in address = clients.address;
  address.sin_port = htons(publish_port);
  publisher_open(&publisher, address);
  struct epoll_event event = {.events = EPOLLIN, .data.u32 = TAG_PUBLISHER};
  epoll_ctl(clients.epoll, EPOLL_CTL_ADD, publisher.fd, &event);
}

static void begin_fanout(void) {
  ensure_publisher();
  if (clients.ready == 0) fail("Cannot fan out: no subscriber is connected");
  if (run.data_bytes < DATA_BYTES_MIN) fail("Cannot fan out: data needs at least %d bytes", DATA_BYTES_MIN);
  if (run.burst < 1 || run.burst * 2 > publisher.window) fail("Cannot fan out: burst does not fit the window");
  if (run.rounds_in_flight < 1 || run.rounds_in_flight >= ROUNDS_IN_FLIGHT_MAX)
    fail("Cannot fan out: 1 to %d rounds may be in flight", ROUNDS_IN_FLIGHT_MAX - 1);
  clients_begin_run(&clients, run.burst, run.data_bytes);
  run.subscribers = clients.ready;
  run.rounds_begun = 0;
  run.published_before = publisher.sent;
  run.progress_ns = now_ns();
  run.progress_deliveries = 0;
  run.phase = RUN_WARMING;
  run.phase_ends_ns = run.progress_ns + run.warm_up_ns;
}

static void begin_round(void) {
  clients.missing[run.rounds_begun % ROUNDS_IN_FLIGHT_MAX] = (uint32_t)run.subscribers;
  run.rounds_begun++;
  publisher_send(&publisher, run.burst, run.data_bytes);
}

static bool may_begin_round(void) {
  bool is_sending = run.phase == RUN_WARMING || run.phase == RUN_MEASURING;
  return is_sending && publisher.answered == publisher.sent &&
         run.rounds_begun - clients.rounds_complete <= run.rounds_in_flight;
}

static bool has_stalled(uint64_t now) {
  if (clients.deliveries != run.progress_deliveries) {
    run.progress_deliveries = clients.deliveries;
    run.progress_ns = now;
  }
  return now - run.progress_ns > STALL_NS;
}

static void advance_fanout(void) {
  uint64_t now = now_ns();
  if (run.phase == RUN_WARMING && now >= run.phase_ends_ns) {
    run.phase = RUN_MEASURING;
    run.phase_ends_ns = now + run.measured_ns;
    run.from = take_snapshot();
    clients.is_measuring = true;
  } else if (run.phase == RUN_MEASURING && now >= run.phase_ends_ns) {
    run.phase = RUN_DRAINING;
    run.to = take_snapshot();
    clients.is_measuring = false;
  }
  bool is_drained = run.phase == RUN_DRAINING && clients.rounds_complete == run.rounds_begun;
  bool is_stalled = !is_drained && has_stalled(now);
  if (is_drained || is_stalled) {
    if (run.phase != RUN_DRAINING) run.from = run.to = take_snapshot();
    report_fanout(is_stalled);
    run.phase = RUN_NONE;
    if (is_stalled) exit(0); /* late messages would be counted into the next run */
    return;
  }
  while (may_begin_round()) begin_round();
}

/* ---- publishing alone ---- */

struct chunk {
  uint64_t through, count, sent_ns;
};

static struct chunk chunks[CHUNKS_MAX];
static uint64_t chunks_begun, chunks_done;

static void send_chunk(uint64_t count, size_t data_bytes) {
  publisher_send(&publisher, count, data_bytes);
  chunks[chunks_begun++ % CHUNKS_MAX] = (struct chunk){publisher.sent, count, now_ns()};
}

static void settle_chunks(struct histogram *latency, bool is_measuring) {
  uint64_t now = now_ns();
  for (; chunks_done < chunks_begun; chunks_done++) {
    struct chunk *chunk = &chunks[chunks_done % CHUNKS_MAX];
    if (chunk->through > publisher.answered) return;
    if (is_measuring) histogram_add(latency, now - chunk->sent_ns, chunk->count);
  }
}

static void report_publish(struct histogram *latency) {
  printf("{\"event\":\"result\",\"acknowledged\":%llu", (unsigned long long)(run.to.answered - run.from.answered));
  print_count("sent", publisher.sent - run.published_before);
  print_count("unanswered", publisher.sent - publisher.answered);
  print_count("refused", publisher.refused);
  printf(",\"firstRefusal\":\"");
  print_json_text(publisher.first_refusal);
  putchar('"');
  print_window(&run.from, &run.to);
  print_histogram("latencyNs", latency);
  end_line();
}

/*
 * Keeps the window full and counts acknowledgements. Has a loop of its own because there is one socket only: write a
 * chunk while there is room, else wait for answers; warm up, measure, then wait for the answers still missing.
 */
static void run_publish(uint64_t window) {
  static struct histogram latency;
  ensure_publisher();
  if (run.data_bytes < DATA_BYTES_MIN) fail("Cannot publish: data needs at least %d bytes", DATA_BYTES_MIN);
  if (window == 0 || window > publisher.window) window = publisher.window;
  uint64_t chunk = window / 4 < 1 ? 1 : window / 4 > CHUNK_MAX ? CHUNK_MAX : window / 4;
  memset(&latency, 0, sizeof latency);
  run.published_before = publisher.sent;
  run.phase = RUN_WARMING;
  run.phase_ends_ns = now_ns() + run.warm_up_ns;

  while (run.phase != RUN_DRAINING || publisher.answered < publisher.sent) {
    uint64_t room = window - (publisher.sent - publisher.answered);
    bool may_send = run.phase != RUN_DRAINING && room >= chunk && !publisher_is_blocked(&publisher);
    if (may_send) send_chunk(chunk, run.data_bytes);
    short interest = publisher_is_blocked(&publisher) ? POLLIN | POLLOUT : POLLIN;
    struct pollfd socket = {.fd = publisher.fd, .events = interest};
    poll(&socket, 1, may_send ? 0 : IDLE_WAIT_MS);
    if (socket.revents & POLLOUT) publisher_flush(&publisher);
    if (socket.revents & (POLLIN | POLLHUP | POLLERR)) publisher_read(&publisher);
    settle_chunks(&latency, run.phase == RUN_MEASURING);

    uint64_t now = now_ns();
    if (now < run.phase_ends_ns) continue;
    if (run.phase == RUN_DRAINING) break;
    bool is_warm = run.phase == RUN_WARMING;
    if (is_warm) run.from = take_snapshot();
    else run.to = take_snapshot();
    run.phase = is_warm ? RUN_MEASURING : RUN_DRAINING;
    run.phase_ends_ns = now + (is_warm ? run.measured_ns : STALL_NS);
  }
  report_publish(&latency);
  run.phase = RUN_NONE;
}

/* ---- commands ---- */

static void take_command(const char *line) {
  unsigned long long a, b, c, d, e;
  if (!strcmp(line, "quit")) exit(0);
  if (run.phase != RUN_NONE) fail("Cannot take a command: a run is under way");
  if (!strcmp(line, "status")) return report_status();
  if (sscanf(line, "fanout %llu %llu %llu %llu %llu", &a, &b, &c, &d, &e) == 5) {
    run.data_bytes = a;
    run.burst = b;
    run.rounds_in_flight = c;
    run.warm_up_ns = d * NS_PER_MS;
    run.measured_ns = e * NS_PER_MS;
    begin_fanout();
  } else if (sscanf(line, "publish %llu %llu %llu %llu", &a, &b, &c, &d) == 4) {
    run.data_bytes = a;
    run.warm_up_ns = c * NS_PER_MS;
    run.measured_ns = d * NS_PER_MS;
    run_publish(b);
  } else {
    fail("Unknown command: %.80s", line);
  }
}

static void read_commands(void) {
  static char input[4096];
  static size_t used;
  ssize_t bytes = read(STDIN_FILENO, input + used, sizeof input - used);
  if (bytes <= 0) exit(0);
  used += (size_t)bytes;
  char *end;
  while ((end = memchr(input, '\n', used))) {
    *end = 0;
    take_command(input);
    used -= (size_t)(end + 1 - input);
    memmove(input, end + 1, used);
  }
  if (used == sizeof input) fail("Command line too long");
}

/* ---- flags ---- */

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

static void parse_flags(int count, char **arguments) {
  static const struct option flags[] = {
      {"transport", 1, 0, 't'},   {"publisher", 1, 0, 'p'}, {"host", 1, 0, 'h'},       {"port", 1, 0, 'P'},
      {"publish-port", 1, 0, 'u'}, {"connections", 1, 0, 'n'}, {"window", 1, 0, 'w'},   {"channel", 1, 0, 'c'},
      {"tokens", 1, 0, 'T'},      {"sources", 1, 0, 's'},   {"samples", 1, 0, 'S'},    {"key", 1, 0, 'k'},
      {"acks", 1, 0, 'a'},        {"server-pid", 1, 0, 'i'}, {"server-core", 1, 0, 'C'},  {0, 0, 0, 0}};
  const char *tokens = NULL, *host = "127.0.0.1";
  int connections = 0, samples = 64, flag, index = 0;
  clients.address.sin_family = AF_INET;
  clients.window = 256;
  clients.sources = 1;
  clients.channel = "bench";
  while ((flag = getopt_long(count, arguments, "", flags, &index)) != -1) {
    const char *name = flags[index].name;
    switch (flag) {
      case 't': clients.transport = strcmp(optarg, "tcp") ? TRANSPORT_WEBSOCKET : TRANSPORT_TCP; break;
      case 'p': publisher.kind = strcmp(optarg, "rounds") ? PUBLISHER_ENCKE : PUBLISHER_ROUNDS; break;
      case 'h': host = optarg; break;
      case 'P': clients.address.sin_port = htons((uint16_t)number_flag(name, optarg, 1, 65535)); break;
      case 'u': publish_port = (uint16_t)number_flag(name, optarg, 1, 65535); break;
      case 'n': connections = number_flag(name, optarg, 0, 1000000); break;
      case 'w': clients.window = number_flag(name, optarg, 1, 100000); break;
      case 'c': clients.channel = optarg; break;
      case 'T': tokens = optarg; break;
      case 's': clients.sources = number_flag(name, optarg, 1, 250); break;
      case 'S': samples = number_flag(name, optarg, 0, 100000); break;
      case 'k': publisher.key = optarg; break;
      case 'a': publisher.acks_each = !strcmp(optarg, "each"); break;
      case 'i': server_pid = number_flag(name, optarg, 1, 1 << 30); break;
      case 'C': server_core = number_flag(name, optarg, 0, 4095); break;
      default: fail("Unknown flag");
    }
  }
  if (inet_pton(AF_INET, host, &clients.address.sin_addr) != 1) fail("Not an IPv4 address: %s", host);
  if (strlen(clients.channel) > 200) fail("The channel name is longer than 200 bytes");
  publisher.channel = clients.channel;
  if (tokens) clients.tokens = read_tokens(tokens, connections);
  clients_prepare(&clients, connections, samples);
}

/* ---- the loop ---- */

static void advance_opening(void) {
  static uint64_t told_ns;
  uint64_t now = now_ns();
  clients_open_more(&clients);
  if (clients_are_open(&clients)) {
    run.phase = RUN_NONE;
    report_connected();
  } else if (now - told_ns > PROGRESS_EVERY_NS) {
    told_ns = now;
    printf("{\"event\":\"progress\",\"established\":%d", clients.ready);
    end_line();
  }
}

static void handle_publisher(uint32_t events) {
  if (events & (EPOLLIN | EPOLLERR | EPOLLHUP)) publisher_read(&publisher);
}

/*
 * While a run is measured the generator does not sleep: waking it would cost the server a good part of every send,
 * which receivers on other machines do not, and would cost a slow server more than a fast one. Time spent asking in
 * vain is not counted as its own CPU time.
 */
static void step(void) {
  struct epoll_event events[EVENTS_PER_WAIT];
  uint64_t began_ns = now_ns();
  bool spins = run.phase == RUN_WARMING || run.phase == RUN_MEASURING || run.phase == RUN_DRAINING;
  int timeout_ms = spins ? 0 : publisher_is_blocked(&publisher) ? 1 : run.phase == RUN_NONE ? -1 : IDLE_WAIT_MS;
  int count = epoll_wait(clients.epoll, events, EVENTS_PER_WAIT, timeout_ms);
  for (int i = 0; i < count; i++) {
    uint32_t tag = events[i].data.u32;
    if (tag == TAG_STDIN) read_commands();
    else if (tag == TAG_PUBLISHER) handle_publisher(events[i].events);
    else clients_handle(&clients, tag, events[i].events);
  }
  if (publisher_is_blocked(&publisher)) publisher_flush(&publisher);
  if (run.phase == RUN_OPENING) advance_opening();
  else if (run.phase != RUN_NONE) advance_fanout();
  if (spins && count == 0) spun_ns += now_ns() - began_ns;
}

int main(int count, char **arguments) {
  signal(SIGPIPE, SIG_IGN);
  raise_descriptor_limit();
  clients.epoll = epoll_create1(EPOLL_CLOEXEC);
  parse_flags(count, arguments);
  struct epoll_event event = {.events = EPOLLIN, .data.u32 = TAG_STDIN};
  if (epoll_ctl(clients.epoll, EPOLL_CTL_ADD, STDIN_FILENO, &event)) fail("stdin must be a pipe");
  run.phase = RUN_OPENING;
  run.from = take_snapshot();
  advance_opening();
  while (true) step();
}
