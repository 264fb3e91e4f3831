/*
 * The load generator: holds subscribers, publishes to them, counts what comes back.
 *
 * Owns one process's share of a run. Flags say what to connect to; then commands come as lines on stdin and reports
 * leave as JSON lines on stdout (bench/support/generator.ts is the other end and names every field):
 *
 *   fanout <data bytes> <burst> <rounds in flight> <warm-up ms> <measured ms>
 *   poll <data bytes> <burst> <rounds in flight> <holds 0|1> <warm-up ms> <measured ms>
 *   pace <data bytes> <publications per second> <warm-up ms> <measured ms>
 *   publish <data bytes> <window> <warm-up ms> <measured ms>
 *   publishers <encke|rounds|comet> <count>          from now on these publish, each its share of a round
 *   status                                           connections still there, and the books of sampled ones
 *   quit                                             (or end of input)
 *
 * Publishing is paced by receiving: a round of `burst` publications leaves in one write, once the round before is
 * acknowledged and at most `rounds in flight` rounds have not reached every subscriber. So a server always has the
 * next round to do and never builds up backpressure. To clients that poll, with no round in flight, rounds go one at a
 * time instead (cycle.h); if they are held, clients poll again only when all have their answers. `pace` publishes at a
 * given rate whatever happens, and counts latency from when each publication was due, so that a stall is not hidden.
 * Every run drains before it reports. One thread, one epoll set.
 * Longer than most files because the kinds of run share one loop and one state.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>

#include "clients.h"
#include "cycle.h"
#include "flags.h"
#include "polls.h"
#include "publishers.h"

#define EVENTS_PER_WAIT 512
#define IDLE_WAIT_MS 200
#define PROGRESS_EVERY_NS (200 * NS_PER_MS)
#define STALL_NS (5 * NS_PER_SECOND) /* nothing arrived for so long: what is missing is lost */
#define CHUNK_MAX 256                /* publications per write when only publishing */
#define CHUNKS_MAX 8192
#define TAG_STDIN UINT32_MAX
#define TAG_CYCLE (UINT32_MAX - 1)
#define TAG_PUBLISHER (UINT32_MAX - 1 - PUBLISHERS_MAX) /* of the first one */

enum run_kind { RUN_FANOUT, RUN_POLL, RUN_PACE };
enum run_phase { RUN_NONE, RUN_OPENING, RUN_WARMING, RUN_MEASURING, RUN_DRAINING };

struct snapshot {
  uint64_t ns, deliveries, bytes, answered;
  double own_cpu;
  struct cpu_times server;
};

struct run {
  enum run_kind kind;
  enum run_phase phase;
  uint64_t data_bytes, burst, rounds_in_flight, warm_up_ns, measured_ns;
  uint64_t every_ns, due_ns; /* between two publications at a given rate; when the next one is due */
  bool holds_polls;
  uint64_t phase_ends_ns, rounds_begun, published_before, progress_ns, progress_deliveries;
  int subscribers;
  struct snapshot from, to;
};

static struct clients clients;
static struct publishers publishers;
static struct run run;
static struct cycle cycle;
static struct settings settings = {.clients = &clients, .publisher = {.fd = -1, .kind = PUBLISHER_ENCKE}};
static uint64_t spun_ns; /* CPU time spent asking an epoll set that had nothing */

/* ---- reports ---- */

static struct snapshot take_snapshot(void) {
  struct snapshot snapshot = {.ns = now_ns()};
  snapshot.own_cpu = own_cpu_seconds() - (double)spun_ns / (double)NS_PER_SECOND;
  snapshot.deliveries = clients.deliveries;
  snapshot.bytes = clients.bytes;
  snapshot.answered = publishers_answered(&publishers);
  snapshot.server = read_cpu_times(settings.server_pid, settings.server_core);
  return snapshot;
}

static uint64_t own_cpu_ns(void) {
  struct timespec time;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return (uint64_t)time.tv_sec * NS_PER_SECOND + (uint64_t)time.tv_nsec;
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

/* Of every sampled connection: [first offset, last offset, received, gapped, 1 if it is open]. */
static void print_books(void) {
  const char *separator = "";
  printf(",\"books\":[");
  for (int i = 0; i < clients.count; i++) {
    const struct client *client = &clients.all[i];
    const struct capture *capture = client->capture;
    if (!client->is_sampled || !capture) continue;
    printf("%s[%llu,%llu,%llu,%llu,%d]", separator, (unsigned long long)capture->first_offset,
           (unsigned long long)capture->last_offset, (unsigned long long)client->frames,
           (unsigned long long)capture->gapped, client->phase == PHASE_READY);
    separator = ",";
  }
  putchar(']');
}

static void report_status(void) {
  printf("{\"event\":\"status\",\"established\":%d,\"closed\":%d", clients.ready, clients.closed);
  print_count("gaps", clients.gaps);
  print_reasons();
  print_books();
  end_line();
}

static void print_cycles(void) {
  print_count("cycles", cycle.cycles);
  print_count("answerCpuNs", cycle.answer_cpu_ns);
  print_count("answersNs", cycle.answers_ns);
  print_count("cycleCpuNs", cycle.cycle_cpu_ns);
  print_count("cyclesNs", cycle.cycles_ns);
  print_histogram("answerNs", &cycle.answer_ns);
  print_histogram("cycleNs", &cycle.cycle_ns);
}

static void report_rounds(bool has_stalled) {
  uint64_t published = publishers_sent(&publishers) - run.published_before;
  uint64_t expected = published * (uint64_t)run.subscribers;
  printf("{\"event\":\"result\",\"deliveries\":%llu", (unsigned long long)(run.to.deliveries - run.from.deliveries));
  print_count("bytes", run.to.bytes - run.from.bytes);
  print_count("published", published);
  print_count("expected", expected);
  print_count("lost", expected > clients.deliveries ? expected - clients.deliveries : 0);
  print_count("surplus", expected < clients.deliveries ? clients.deliveries - expected : 0);
  print_count("gaps", clients.gaps);
  print_count("refused", publishers_refused(&publishers));
  print_count("closed", (uint64_t)clients.closed);
  print_count("overheadBytes", clients.overhead_bytes);
  printf(",\"stalled\":%s", has_stalled ? "true" : "false");
  print_window(&run.from, &run.to);
  print_reasons();
  print_histogram("latencyNs", &clients.latency_ns);
  if (run.kind == RUN_POLL) print_cycles();
  end_line();
}

/* ---- rounds ---- */

/* Pages publish where they connect. */
static void open_publishers(int count) {
  struct sockaddr_in address = clients.address;
  if (settings.publisher.kind != PUBLISHER_COMET) address.sin_port = htons(settings.publish_port);
  publishers_open(&publishers, &settings.publisher, count, address, clients.epoll, TAG_PUBLISHER);
}

static void ensure_publisher(void) {
  if (publishers.count == 0) open_publishers(1);
}

static bool is_in_cycles(void) { return run.kind == RUN_POLL && run.rounds_in_flight == 0; }

static void begin_cycles(void) {
  if (!is_in_cycles()) return;
  struct epoll_event event = {.events = EPOLLIN, .data.u32 = TAG_CYCLE};
  epoll_ctl(clients.epoll, EPOLL_CTL_ADD, cycle_open(&cycle, clients.address, settings.server_pid), &event);
}

static void begin_run(void) {
  ensure_publisher();
  if (clients.ready == 0) fail("Cannot fan out: no subscriber is connected");
  if ((run.kind == RUN_POLL) != (clients.transport == TRANSPORT_POLL)) fail("Cannot run this over this transport");
  if (run.data_bytes < DATA_BYTES_MIN) fail("Cannot fan out: data needs at least %d bytes", DATA_BYTES_MIN);
  if (run.burst < 1 || run.burst * 2 > publishers.all[0].window) fail("Cannot fan out: burst does not fit the window");
  if (run.burst % (uint64_t)publishers.count) fail("Cannot fan out: burst does not divide by %d", publishers.count);
  if ((run.rounds_in_flight < 1 && !is_in_cycles()) || run.rounds_in_flight >= ROUNDS_IN_FLIGHT_MAX)
    fail("Cannot fan out: 1 to %d rounds may be in flight", ROUNDS_IN_FLIGHT_MAX - 1);
  clients_begin_run(&clients, run.burst, run.data_bytes);
  clients.holds_polls = run.holds_polls;
  run.subscribers = clients.ready;
  run.rounds_begun = 0;
  run.published_before = publishers_sent(&publishers);
  run.progress_ns = run.due_ns = now_ns();
  run.progress_deliveries = 0;
  run.phase = RUN_WARMING;
  run.phase_ends_ns = run.progress_ns + run.warm_up_ns;
  begin_cycles();
}

static void begin_round(uint64_t time_ns) {
  clients.missing[run.rounds_begun % ROUNDS_IN_FLIGHT_MAX] = (uint32_t)run.subscribers;
  run.rounds_begun++;
  publishers_send(&publishers, run.burst, run.data_bytes, time_ns);
}

static bool is_sending(void) { return run.phase == RUN_WARMING || run.phase == RUN_MEASURING; }

/* As many as the clients and the publisher keep up with. */
static void begin_followed_rounds(void) {
  while (is_sending() && publishers_answered(&publishers) == publishers_sent(&publishers) &&
         run.rounds_begun - clients.rounds_complete <= run.rounds_in_flight)
    begin_round(now_ns());
}

/*
 * All that are due in this phase, even if it is over by now. There is no place to remember more than so many rounds: what
 * is due beyond them goes later, and its latency says so.
 */
static void begin_due_rounds(uint64_t now) {
  uint64_t until_ns = now < run.phase_ends_ns ? now : run.phase_ends_ns;
  while (is_sending() && run.due_ns <= until_ns && run.rounds_begun - clients.rounds_complete < ROUNDS_IN_FLIGHT_MAX) {
    begin_round(run.due_ns);
    run.due_ns += run.every_ns;
  }
}

static void advance_cycle(void) {
  if (cycle.phase == CYCLE_ANSWERING && clients.rounds_complete == run.rounds_begun) {
    cycle_answered(&cycle);
    if (run.holds_polls) polls_release(&clients);
    cycle_ask(&cycle);
  }
  if (cycle.phase == CYCLE_WAITING && is_sending()) {
    cycle_begin(&cycle, run.phase == RUN_MEASURING);
    begin_round(now_ns());
  }
}

static void begin_rounds(void) {
  if (is_in_cycles()) advance_cycle();
  else if (run.kind != RUN_PACE) begin_followed_rounds();
}

static bool is_drained(void) {
  bool is_back = !is_in_cycles() || cycle.phase == CYCLE_WAITING;
  return run.phase == RUN_DRAINING && clients.rounds_complete == run.rounds_begun && is_back;
}

static bool has_stalled(uint64_t now) {
  if (clients.deliveries != run.progress_deliveries || (is_sending() && run.kind == RUN_PACE)) {
    run.progress_deliveries = clients.deliveries;
    run.progress_ns = now;
  }
  return now - run.progress_ns > STALL_NS;
}

static void advance_phase(uint64_t now) {
  if (now < run.phase_ends_ns) return;
  if (run.phase == RUN_WARMING) {
    run.phase = RUN_MEASURING;
    run.phase_ends_ns = now + run.measured_ns;
    run.from = take_snapshot();
    clients.is_measuring = true;
  } else if (run.phase == RUN_MEASURING) {
    run.phase = RUN_DRAINING;
    run.to = take_snapshot();
    clients.is_measuring = false;
  }
}

static void advance_run(void) {
  uint64_t now = now_ns();
  if (run.kind == RUN_PACE) begin_due_rounds(now);
  advance_phase(now);
  bool is_done = is_drained();
  bool is_stalled = !is_done && has_stalled(now);
  if (!is_done && !is_stalled) return begin_rounds();
  if (run.phase != RUN_DRAINING) run.from = run.to = take_snapshot();
  report_rounds(is_stalled);
  cycle_close(&cycle);
  clients.holds_polls = false;
  run.phase = RUN_NONE;
  if (is_stalled) exit(0); /* late messages would be counted into the next run */
}

/* ---- publishing alone ---- */

struct chunk {
  uint64_t through, count, sent_ns;
};

static struct chunk chunks[CHUNKS_MAX];
static uint64_t chunks_begun, chunks_done;
static struct publisher *const publisher = &publishers.all[0];

static void send_chunk(uint64_t count, size_t data_bytes) {
  publisher_send(publisher, count, data_bytes, now_ns());
  chunks[chunks_begun++ % CHUNKS_MAX] = (struct chunk){publisher->sent, count, now_ns()};
}

static void settle_chunks(struct histogram *latency, bool is_measuring) {
  uint64_t now = now_ns();
  for (; chunks_done < chunks_begun; chunks_done++) {
    struct chunk *chunk = &chunks[chunks_done % CHUNKS_MAX];
    if (chunk->through > publisher->answered) return;
    if (is_measuring) histogram_add(latency, now - chunk->sent_ns, chunk->count);
  }
}

static void report_publish(struct histogram *latency) {
  printf("{\"event\":\"result\",\"acknowledged\":%llu", (unsigned long long)(run.to.answered - run.from.answered));
  print_count("sent", publishers_sent(&publishers) - run.published_before);
  print_count("unanswered", publisher->sent - publisher->answered);
  print_count("refused", publishers_refused(&publishers));
  printf(",\"firstRefusal\":\"");
  print_json_text(publisher->first_refusal);
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
  if (window == 0 || window > publisher->window) window = publisher->window;
  uint64_t chunk = window / 4 < 1 ? 1 : window / 4 > CHUNK_MAX ? CHUNK_MAX : window / 4;
  memset(&latency, 0, sizeof latency);
  run.published_before = publisher->sent;
  run.phase = RUN_WARMING;
  run.phase_ends_ns = now_ns() + run.warm_up_ns;

  while (run.phase != RUN_DRAINING || publisher->answered < publisher->sent) {
    uint64_t room = window - (publisher->sent - publisher->answered);
    bool may_send = run.phase != RUN_DRAINING && room >= chunk && !publisher_is_blocked(publisher);
    if (may_send) send_chunk(chunk, run.data_bytes);
    short interest = publisher_is_blocked(publisher) ? POLLIN | POLLOUT : POLLIN;
    struct pollfd socket = {.fd = publisher->fd, .events = interest};
    poll(&socket, 1, may_send ? 0 : IDLE_WAIT_MS);
    if (socket.revents & POLLOUT) publisher_flush(publisher);
    if (socket.revents & (POLLIN | POLLHUP | POLLERR)) publisher_read(publisher);
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

static void prepare_run(enum run_kind kind, uint64_t data_bytes, uint64_t warm_up_ms, uint64_t measured_ms) {
  run.kind = kind;
  run.data_bytes = data_bytes;
  run.burst = run.rounds_in_flight = 1;
  run.holds_polls = false;
  run.warm_up_ns = warm_up_ms * NS_PER_MS;
  run.measured_ns = measured_ms * NS_PER_MS;
}

static void use_publishers(const char *kind, int count) {
  publishers_close(&publishers);
  settings.publisher.kind = publisher_named(kind);
  open_publishers(count);
  printf("{\"event\":\"publishers\",\"count\":%d", count);
  end_line();
}

static void take_command(const char *line) {
  unsigned long long a, b, c, d, e, f;
  char kind[8];
  if (!strcmp(line, "quit")) exit(0);
  if (run.phase != RUN_NONE) fail("Cannot take a command: a run is under way");
  if (!strcmp(line, "status")) return report_status();
  if (sscanf(line, "fanout %llu %llu %llu %llu %llu", &a, &b, &c, &d, &e) == 5) {
    prepare_run(RUN_FANOUT, a, d, e);
    run.burst = b;
    run.rounds_in_flight = c;
    begin_run();
  } else if (sscanf(line, "poll %llu %llu %llu %llu %llu %llu", &a, &b, &c, &d, &e, &f) == 6) {
    prepare_run(RUN_POLL, a, e, f);
    run.burst = b;
    run.rounds_in_flight = c;
    run.holds_polls = d > 0;
    begin_run();
  } else if (sscanf(line, "pace %llu %llu %llu %llu", &a, &b, &c, &d) == 4 && b > 0) {
    prepare_run(RUN_PACE, a, c, d);
    run.every_ns = NS_PER_SECOND / b;
    begin_run();
  } else if (sscanf(line, "publish %llu %llu %llu %llu", &a, &b, &c, &d) == 4) {
    prepare_run(RUN_FANOUT, a, c, d);
    run_publish(b);
  } else if (sscanf(line, "publishers %7s %llu", kind, &a) == 2 && a >= 1 && a <= PUBLISHERS_MAX) {
    use_publishers(kind, (int)a);
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

/*
 * While a run is measured the generator does not sleep: waking it would cost the server a good part of every send,
 * which receivers on other machines do not, and would cost a slow server more than a fast one. Time spent asking in
 * vain is not counted as its own CPU time. At a given rate there is time to sleep until the next publication is due.
 */
static int wait_ms(bool spins) {
  if (spins) return 0;
  if (publishers_are_blocked(&publishers)) return 1;
  if (run.phase == RUN_NONE) return -1;
  uint64_t now = now_ns();
  if (run.kind != RUN_PACE || !is_sending()) return IDLE_WAIT_MS;
  uint64_t left_ms = now < run.due_ns ? (run.due_ns - now) / NS_PER_MS : 0;
  return left_ms < IDLE_WAIT_MS ? (int)left_ms : IDLE_WAIT_MS;
}

static void step(void) {
  struct epoll_event events[EVENTS_PER_WAIT];
  bool spins = run.kind != RUN_PACE && (is_sending() || run.phase == RUN_DRAINING);
  uint64_t began_ns = spins ? own_cpu_ns() : 0;
  int count = epoll_wait(clients.epoll, events, EVENTS_PER_WAIT, wait_ms(spins));
  for (int i = 0; i < count; i++) {
    uint32_t tag = events[i].data.u32;
    if (tag == TAG_STDIN) read_commands();
    else if (tag == TAG_CYCLE) cycle_read(&cycle);
    else if (tag >= TAG_PUBLISHER) publisher_read(&publishers.all[tag - TAG_PUBLISHER]);
    else clients_handle(&clients, tag, events[i].events);
  }
  if (publishers_are_blocked(&publishers)) publishers_flush(&publishers);
  if (run.phase == RUN_OPENING) advance_opening();
  else if (run.phase != RUN_NONE) advance_run();
  if (spins && count == 0) spun_ns += own_cpu_ns() - began_ns;
}

int main(int count, char **arguments) {
  signal(SIGPIPE, SIG_IGN);
  raise_descriptor_limit();
  clients.epoll = epoll_create1(EPOLL_CLOEXEC);
  parse_flags(&settings, count, arguments);
  struct epoll_event event = {.events = EPOLLIN, .data.u32 = TAG_STDIN};
  if (epoll_ctl(clients.epoll, EPOLL_CTL_ADD, STDIN_FILENO, &event)) fail("stdin must be a pipe");
  run.phase = RUN_OPENING;
  run.from = take_snapshot();
  advance_opening();
  while (true) step();
}
