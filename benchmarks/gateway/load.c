/* A load client for the benchmarks: one thread, epoll, HTTP/1.1 with keep-alive, loopback only, bounded in time.
 *
 *   load --port P --path /v1/chat/completions --body FILE --connections N --seconds S [--header "name: value"]...
 *        [--rate R] [--warmup S] [--ramp S] [--limit N] [--digest]
 *
 * Without --rate a closed loop: each connection sends its next request when it has its answer. With it R requests a
 * second on an open schedule. No request begins after S seconds or after N requests; those under way are waited for.
 * What began in the first --warmup seconds is not in the latencies; --ramp spreads the beginnings of the connections.
 * --digest compares bodies: how often each one came, by its FNV-1a digest. Prints one line of JSON; microseconds.
 *
 * In rate mode the client notices when it was itself not run for STALL_MS, as happens on a shared virtual machine;
 * requests under way then are not in the latencies, and are counted as "tainted".
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define HEAD_LIMIT 16384
#define STALL_MS 5.0
#define DRAIN_SECONDS 60.0
#define DIGESTS 8

enum phase { HEAD, BY_LENGTH, BY_CLOSE, CHUNK_SIZE, CHUNK_DATA, CHUNK_END, TRAILER };

struct connection {
    int fd, busy, tainted, closing, status, writing;
    long sent;             /* bytes of the request */
    double began, first;   /* microseconds; first byte of the body, 0 while there is none */
    enum phase phase;
    char head[HEAD_LIMIT];
    int head_length;
    long left;             /* bytes of the body or of the chunk */
    int line_length;       /* of a chunk's size line or of a trailer */
    int newlines;          /* in a row at the end of what came: two end an event */
    uint64_t digest;
};

struct samples {
    float *values;
    long count, room;
};

static struct { int port, connections, digest; double seconds, rate, warmup, ramp; long limit; const char *path, *body; } options;
static char *request;
static long request_length;
static struct connection *connections;
static int *idle, idle_count;
static int poller;
static double start, warm, stop;
static struct samples latency, first_byte;
static long begun, completed, bad_status, failed, events, tainted, stalls;
static struct { uint64_t digest; long count; } digests[DIGESTS];
static long other_digests;

static double now_us(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1e6 + time.tv_nsec / 1e3;
}

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static void add_sample(struct samples *to, double value) {
    if (to->count == to->room) {
        to->room = to->room ? to->room * 2 : 65536;
        to->values = realloc(to->values, to->room * sizeof(float));
        if (!to->values) fail("realloc");
    }
    to->values[to->count++] = (float)value;
}

/* ---- sending */

static void watch(struct connection *c, int operation, uint32_t what) {
    struct epoll_event event = {.events = what, .data.ptr = c};
    epoll_ctl(poller, operation, c->fd, &event);
}

static int dial(struct connection *c) {
    int one = 1;
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(options.port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (connect(c->fd, (struct sockaddr *)&address, sizeof address)) {
        close(c->fd);
        c->fd = -1;
        return -1;
    }
    fcntl(c->fd, F_SETFL, O_NONBLOCK);
    c->writing = 0;
    watch(c, EPOLL_CTL_ADD, EPOLLIN);
    return 0;
}

static void hang_up(struct connection *c) {
    if (c->fd >= 0) close(c->fd);
    c->fd = -1;
}

static int go_on_sending(struct connection *c) {
    while (c->sent < request_length) {
        long sent = send(c->fd, request + c->sent, request_length - c->sent, MSG_NOSIGNAL);
        if (sent < 0) {
            if (errno != EAGAIN) return -1;
            if (!c->writing) watch(c, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
            c->writing = 1;
            return 0;
        }
        c->sent += sent;
    }
    if (c->writing) watch(c, EPOLL_CTL_MOD, EPOLLIN);
    c->writing = 0;
    return 0;
}

static void release(struct connection *c) {
    c->busy = 0;
    idle[idle_count++] = (int)(c - connections);
}

static void give_up(struct connection *c) {
    failed++;
    hang_up(c);
    release(c);
}

static void begin(struct connection *c) {
    begun++;
    c->busy = 1;
    c->phase = HEAD;
    c->sent = c->head_length = c->tainted = c->closing = c->newlines = 0;
    c->first = 0;
    c->digest = 0xcbf29ce484222325u;
    c->began = now_us();
    if ((c->fd < 0 && dial(c)) || go_on_sending(c)) give_up(c);
}

/* ---- receiving */

static void note_digest(uint64_t digest) {
    for (int i = 0; i < DIGESTS; i++) {
        if (digests[i].count && digests[i].digest != digest) continue;
        digests[i].digest = digest;
        digests[i].count++;
        return;
    }
    other_digests++;
}

static void complete(struct connection *c) {
    double now = now_us();
    completed++;
    if (c->status != 200) bad_status++;
    else if (c->tainted) tainted++;
    else if (c->began >= warm) {
        add_sample(&latency, now - c->began);
        add_sample(&first_byte, (c->first ? c->first : now) - c->began);
    }
    if (options.digest) note_digest(c->digest);
    if (c->closing) hang_up(c);
    release(c);
}

static void take_body(struct connection *c, const char *data, long length) {
    if (!c->first) c->first = now_us();
    for (const char *at = data, *end = data + length; at < end; at++) {
        if (*at != '\n') c->newlines = 0;
        else if (++c->newlines == 2) events++;
        if (options.digest) c->digest = (c->digest ^ (unsigned char)*at) * 0x100000001b3u;
    }
}

/* Bytes used of `data`; -1 when this is no answer. */
static long take_head(struct connection *c, const char *data, long length) {
    long take = length < HEAD_LIMIT - 1 - c->head_length ? length : HEAD_LIMIT - 1 - c->head_length;
    int known = c->head_length;
    memcpy(c->head + known, data, take);
    c->head[known + take] = 0;
    char *end = strstr(c->head + (known > 3 ? known - 3 : 0), "\r\n\r\n");
    if (!end) {
        c->head_length += (int)take;
        return take == length ? take : -1;
    }
    *end = 0;
    if (strncmp(c->head, "HTTP/1.1 ", 9)) return -1;
    c->status = atoi(c->head + 9);
    char *content_length = strcasestr(c->head, "\ncontent-length:");
    c->closing = strcasestr(c->head, "\nconnection: close") != NULL;
    c->left = content_length ? atol(content_length + 16) : 0;
    c->line_length = 0;
    if (strcasestr(c->head, "\ntransfer-encoding: chunked")) c->phase = CHUNK_SIZE, c->left = 0;
    else c->phase = content_length ? BY_LENGTH : BY_CLOSE;
    long used = end + 4 - c->head - known;
    if (c->phase == BY_LENGTH && !c->left) complete(c);
    return used;
}

static int hex_digit(char letter) {
    if (letter >= '0' && letter <= '9') return letter - '0';
    letter |= 32;
    return letter >= 'a' && letter <= 'f' ? letter - 'a' + 10 : -1;
}

/* One byte of the framing between the data of chunks; -1 when it does not belong there. */
static int take_framing(struct connection *c, char letter) {
    if (c->phase == CHUNK_SIZE) {
        int digit = hex_digit(letter);
        if (digit >= 0) c->left = c->left * 16 + digit, c->line_length++;
        else if (letter == '\n' && c->line_length) c->phase = c->left ? CHUNK_DATA : TRAILER, c->line_length = 0;
        else if (letter != '\r') return -1;
    } else if (c->phase == CHUNK_END) {
        if (letter == '\n') c->phase = CHUNK_SIZE, c->line_length = 0, c->left = 0;
        else if (letter != '\r') return -1;
    } else if (letter != '\n') {
        c->line_length += letter != '\r';
    } else if (c->line_length) {
        c->line_length = 0;
    } else {
        complete(c);
    }
    return 0;
}

static int take(struct connection *c, const char *data, long length) {
    while (length && c->busy) {
        long used = length;
        switch (c->phase) {
        case HEAD:
            used = take_head(c, data, length);
            if (used < 0) return -1;
            break;
        case BY_LENGTH:
        case CHUNK_DATA:
            if (used > c->left) used = c->left;
            take_body(c, data, used);
            c->left -= used;
            if (c->left) break;
            if (c->phase == BY_LENGTH) complete(c);
            else c->phase = CHUNK_END;
            break;
        case BY_CLOSE:
            take_body(c, data, used);
            break;
        default:
            used = 1;
            if (take_framing(c, *data)) return -1;
        }
        data += used;
        length -= used;
    }
    return length ? -1 : 0; /* something after the answer */
}

static void on_ready(struct connection *c, uint32_t what) {
    static char buffer[262144];
    if (c->fd < 0) return;
    if ((what & EPOLLOUT) && c->busy && go_on_sending(c)) {
        give_up(c);
        return;
    }
    if (!(what & (EPOLLIN | EPOLLHUP | EPOLLERR))) return;
    long got = recv(c->fd, buffer, sizeof buffer, 0);
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) {
        if (!c->busy) hang_up(c); /* an idle connection may be closed */
        else if (c->phase == BY_CLOSE && !got) c->closing = 1, complete(c);
        else give_up(c);
        return;
    }
    if (!c->busy || take(c, buffer, got)) {
        if (c->busy) give_up(c);
        else failed++, hang_up(c);
    }
}

/* ---- the run */

static int may_begin(double now) {
    return now < stop && (!options.limit || begun < options.limit);
}

/* Begin what is due; when the next thing is due. */
static double begin_due(double now) {
    if (options.rate > 0) {
        if (!may_begin(now)) return now + 1e5;
        double due = start + begun * 1e6 / options.rate;
        for (; due <= now && idle_count && may_begin(now); due = start + begun * 1e6 / options.rate) {
            begin(&connections[idle[--idle_count]]);
        }
        return idle_count ? due : now + 1e3;
    }
    static int opened;
    double each = options.ramp * 1e6 / options.connections, due = start + opened * each;
    for (; opened < options.connections && due <= now; due = start + opened * each) {
        release(&connections[opened++]);
    }
    /* Only as many as there are now: a connection that fails at once must not be tried for ever in here. */
    for (int ready = idle_count; ready > 0 && idle_count && may_begin(now); ready--) {
        begin(&connections[idle[--idle_count]]);
    }
    return opened < options.connections ? due : now + 1e5;
}

static void note_stall(double late_by) {
    stalls++;
    for (int i = 0; i < options.connections; i++) connections[i].tainted |= connections[i].busy;
    start += late_by; /* what was due meanwhile is not sent in one burst */
}

static void run(void) {
    struct epoll_event ready[512];
    int timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
    epoll_ctl(poller, EPOLL_CTL_ADD, timer, &event);
    start = now_us();
    warm = start + options.warmup * 1e6;
    stop = start + options.seconds * 1e6;
    for (double now = start; may_begin(now) || begun > completed + failed; now = now_us()) {
        if (now > stop + DRAIN_SECONDS * 1e6) break;
        double due = begin_due(now);
        struct itimerspec when = {.it_value = {(time_t)(due / 1e6), (long)((due - (time_t)(due / 1e6) * 1e6) * 1e3)}};
        timerfd_settime(timer, TFD_TIMER_ABSTIME, &when, NULL);
        int count = epoll_wait(poller, ready, 512, 1000);
        now = now_us();
        if (options.rate > 0 && now - due > STALL_MS * 1e3) note_stall(now - due);
        for (int i = 0; i < count; i++) {
            uint64_t expirations;
            if (ready[i].data.ptr) on_ready(ready[i].data.ptr, ready[i].events);
            else if (read(timer, &expirations, sizeof expirations) < 0) continue;
        }
    }
}

static int by_size(const void *a, const void *b) {
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

static void print_samples(const char *name, struct samples *of) {
    static const double shares[] = {0.5, 0.9, 0.99, 0.999};
    static const char *names[] = {"p50", "p90", "p99", "p999"};
    qsort(of->values, of->count, sizeof(float), by_size);
    printf("\"%s\": {", name);
    for (int i = 0; i < 4; i++) {
        printf("\"%s\": %.1f%s", names[i], of->count ? of->values[(long)((of->count - 1) * shares[i])] : -1.0,
               i < 3 ? ", " : "}, ");
    }
}

static void print_result(double seconds) {
    double measured = (seconds < options.seconds ? seconds : options.seconds) - options.warmup;
    printf("{\"seconds\": %.3f, \"begun\": %ld, \"completed\": %ld, \"measured\": %ld, \"measured_per_s\": %.1f, ",
           seconds, begun, completed, latency.count, latency.count / measured);
    printf("\"bad_status\": %ld, \"failed\": %ld, \"unfinished\": %ld, \"events\": %ld, \"tainted\": %ld, "
           "\"stalls\": %ld, ", bad_status, failed, begun - completed - failed, events, tainted, stalls);
    print_samples("latency", &latency);
    print_samples("first_byte", &first_byte);
    printf("\"digests\": {");
    for (int i = 0; i < DIGESTS && digests[i].count; i++) {
        printf("%s\"%016llx\": %ld", i ? ", " : "", (unsigned long long)digests[i].digest, digests[i].count);
    }
    printf("}, \"other_digests\": %ld}\n", other_digests);
}

static void make_request(char **headers, int header_count) {
    FILE *file = fopen(options.body, "rb");
    if (!file) fail(options.body);
    fseek(file, 0, SEEK_END);
    long length = ftell(file);
    rewind(file);
    request = malloc(length + 16384);
    int head = sprintf(request, "POST %s HTTP/1.1\r\nhost: 127.0.0.1:%d\r\ncontent-type: application/json\r\n"
                       "content-length: %ld\r\n", options.path, options.port, length);
    for (int i = 0; i < header_count; i++) head += sprintf(request + head, "%s\r\n", headers[i]);
    head += sprintf(request + head, "\r\n");
    if ((long)fread(request + head, 1, length, file) != length) fail(options.body);
    fclose(file);
    request_length = head + length;
}

int main(int count, char **arguments) {
    static const struct option names[] = {
        {"port", 1, 0, 'p'}, {"path", 1, 0, 'u'}, {"body", 1, 0, 'b'}, {"connections", 1, 0, 'c'},
        {"seconds", 1, 0, 's'}, {"header", 1, 0, 'h'}, {"rate", 1, 0, 'r'}, {"warmup", 1, 0, 'w'},
        {"ramp", 1, 0, 'm'}, {"limit", 1, 0, 'l'}, {"digest", 0, 0, 'd'}, {0, 0, 0, 0}};
    char *headers[32];
    int header_count = 0;
    for (int name; (name = getopt_long(count, arguments, "", names, NULL)) != -1;) {
        switch (name) {
        case 'p': options.port = atoi(optarg); break;
        case 'u': options.path = optarg; break;
        case 'b': options.body = optarg; break;
        case 'c': options.connections = atoi(optarg); break;
        case 's': options.seconds = atof(optarg); break;
        case 'h': if (header_count < 32) headers[header_count++] = optarg; break;
        case 'r': options.rate = atof(optarg); break;
        case 'w': options.warmup = atof(optarg); break;
        case 'm': options.ramp = atof(optarg); break;
        case 'l': options.limit = atol(optarg); break;
        case 'd': options.digest = 1; break;
        default: return 2;
        }
    }
    if (!options.port || !options.path || !options.body || options.connections < 1 || options.seconds <= 0) {
        fprintf(stderr, "load: --port, --path, --body, --connections and --seconds are needed\n");
        return 2;
    }
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    make_request(headers, header_count);
    poller = epoll_create1(EPOLL_CLOEXEC);
    connections = calloc(options.connections, sizeof *connections);
    idle = calloc(options.connections, sizeof *idle);
    for (int i = 0; i < options.connections; i++) connections[i].fd = -1;
    if (options.rate > 0) for (int i = options.connections; i--;) release(&connections[i]);
    run();
    print_result((now_us() - start) / 1e6);
    return 0;
}
