/* An OpenAI-style upstream for the benchmarks: one thread, epoll, loopback only, ends by itself after SECONDS.
 *
 *   mock SECONDS
 *
 * prints its port. How it answers stands in the path, /first-FIRST_MS/gap-GAP_MS/chunks-CHUNKS/..., so that one mock
 * serves all measurements: the answer begins FIRST_MS after the request; a request with "stream":true gets CHUNKS
 * server-sent events of content GAP_MS apart, then one with the usage, then [DONE]; any other a chat completion of 40
 * tokens. A path without that beginning gets /first-0/gap-0/chunks-40.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MAX_CONNECTIONS 16384
#define MAX_REQUEST (2 << 20)
#define MAX_CHUNKS 4096
#define MAX_EVENTS 512

struct connection {
    char *buffer;       /* what was read and not answered yet */
    int length, capacity;
    int answering;      /* a request is being answered; further ones wait */
    int first, gap, chunks, next;
    int generation;     /* counts the uses of this descriptor: timers of a former one are void */
};

struct timer {
    double due;
    int fd, generation;
};

static struct connection connections[MAX_CONNECTIONS];
static struct timer heap[MAX_CONNECTIONS * 2];
static int heap_size, poller;

static char *content_chunk[MAX_CHUNKS];
static int content_chunk_length[MAX_CHUNKS];

static const char COMPLETION[] =
    "{\"id\":\"chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT\",\"object\":\"chat.completion\",\"created\":1760000000,"
    "\"model\":\"gpt-4o-mini-2024-07-18\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":"
    "\"The fox jumped over the dog, found the afternoon too warm for more of the same, and lay down beside it in the "
    "shade of the oldest tree in the park until the sun had gone.\",\"refusal\":null,\"annotations\":[]},"
    "\"logprobs\":null,\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":52,\"completion_tokens\":40,"
    "\"total_tokens\":92,\"prompt_tokens_details\":{\"cached_tokens\":0,\"audio_tokens\":0},"
    "\"completion_tokens_details\":{\"reasoning_tokens\":0,\"audio_tokens\":0,\"accepted_prediction_tokens\":0,"
    "\"rejected_prediction_tokens\":0}},\"service_tier\":\"default\",\"system_fingerprint\":\"fp_mock\"}";

static const char STREAM_HEAD[] =
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\ncache-control: no-cache\r\n"
    "x-request-id: req_mock\r\ntransfer-encoding: chunked\r\n\r\n";

#define EVENT_HEAD \
    "data: {\"id\":\"chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT\",\"object\":\"chat.completion.chunk\"," \
    "\"created\":1760000000,\"model\":\"gpt-4o-mini-2024-07-18\",\"system_fingerprint\":\"fp_mock\",\"choices\":"

static char completion_answer[4096];
static int completion_answer_length;

static double now_ms(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1e3 + time.tv_nsec / 1e6;
}

static void fail(const char *what) {
    perror(what);
    exit(1);
}

/* ---- timers: a binary heap by due time */

static void add_timer(double due, int fd) {
    if (heap_size == MAX_CONNECTIONS * 2) return;
    int place = heap_size++;
    while (place && heap[(place - 1) / 2].due > due) {
        heap[place] = heap[(place - 1) / 2];
        place = (place - 1) / 2;
    }
    heap[place] = (struct timer){due, fd, connections[fd].generation};
}

static struct timer take_timer(void) {
    struct timer first = heap[0], last = heap[--heap_size];
    int place = 0;
    for (;;) {
        int child = 2 * place + 1;
        if (child >= heap_size) break;
        if (child + 1 < heap_size && heap[child + 1].due < heap[child].due) child++;
        if (heap[child].due >= last.due) break;
        heap[place] = heap[child];
        place = child;
    }
    heap[place] = last;
    return first;
}

/* ---- answering */

static void close_connection(int fd) {
    close(fd);
    connections[fd].generation++;
    connections[fd].length = 0;
    connections[fd].answering = 0;
}

static int send_all(int fd, const char *data, int length) {
    while (length > 0) {
        int sent = send(fd, data, length, MSG_NOSIGNAL);
        if (sent < 0) {
            if (errno != EAGAIN) return -1;
            usleep(50); /* the answers are far smaller than a socket's buffer: this hardly happens */
            continue;
        }
        data += sent;
        length -= sent;
    }
    return 0;
}

static int as_chunk(char *to, const char *event) {
    return sprintf(to, "%zx\r\n%s\r\n", strlen(event), event);
}

static int send_event(int fd, struct connection *c) {
    if (c->next < c->chunks) {
        int which = c->next < MAX_CHUNKS ? c->next : MAX_CHUNKS - 1;
        return send_all(fd, content_chunk[which], content_chunk_length[which]);
    }
    char event[1024], wire[2048];
    sprintf(event, EVENT_HEAD "[{\"index\":0,\"delta\":{},\"logprobs\":null,\"finish_reason\":\"stop\"}]}\n\n");
    int length = as_chunk(wire, event);
    sprintf(event, EVENT_HEAD "[],\"usage\":{\"prompt_tokens\":52,\"completion_tokens\":%d,\"total_tokens\":%d}}\n\n",
            c->chunks, c->chunks + 52);
    length += as_chunk(wire + length, event);
    length += as_chunk(wire + length, "data: [DONE]\n\n");
    length += sprintf(wire + length, "0\r\n\r\n");
    return send_all(fd, wire, length);
}

static void read_requests(int fd);

static void go_on_streaming(int fd) {
    struct connection *c = &connections[fd];
    do {
        if (send_event(fd, c) < 0) {
            close_connection(fd);
            return;
        }
        if (c->next++ == c->chunks) {
            c->answering = 0;
            read_requests(fd);
            return;
        }
    } while (!c->gap);
    add_timer(now_ms() + c->gap, fd);
}

static void answer(int fd) {
    struct connection *c = &connections[fd];
    if (c->next < 0) { /* not a stream */
        c->answering = 0;
        if (send_all(fd, completion_answer, completion_answer_length) < 0) close_connection(fd);
        else read_requests(fd);
        return;
    }
    if (send_all(fd, STREAM_HEAD, sizeof STREAM_HEAD - 1) < 0) close_connection(fd);
    else go_on_streaming(fd);
}

/* ---- reading */

/* The length of the request at the beginning of the buffer, 0 while it is not all there; where its body begins. */
static int whole_request(struct connection *c, int *body) {
    c->buffer[c->length] = 0;
    char *end = memmem(c->buffer, c->length, "\r\n\r\n", 4);
    if (!end) return 0;
    int head = (int)(end - c->buffer) + 4, total;
    *end = 0;
    char *length = strcasestr(c->buffer, "\ncontent-length:");
    char *chunked = strcasestr(c->buffer, "\ntransfer-encoding: chunked");
    if (chunked) {
        char *last = memmem(c->buffer + head - 2, c->length - head + 2, "\r\n0\r\n\r\n", 7);
        total = last ? (int)(last - c->buffer) + 7 : 0;
    } else {
        total = head + (length ? atoi(length + 16) : 0);
        if (total > c->length) total = 0;
    }
    *end = '\r';
    *body = head;
    return total;
}

static void read_requests(int fd) {
    struct connection *c = &connections[fd];
    while (!c->answering && c->length) {
        int body, total = whole_request(c, &body);
        if (!total) return;
        c->first = c->gap = 0;
        c->chunks = 40;
        sscanf(c->buffer, "POST /first-%d/gap-%d/chunks-%d/", &c->first, &c->gap, &c->chunks);
        int streamed = memmem(c->buffer + body, total - body, "\"stream\":true", 13) ||
                       memmem(c->buffer + body, total - body, "\"stream\": true", 14);
        c->next = streamed ? 0 : -1;
        c->answering = 1;
        memmove(c->buffer, c->buffer + total, c->length - total);
        c->length -= total;
        if (c->first) add_timer(now_ms() + c->first, fd);
        else answer(fd);
    }
}

static void on_readable(int fd) {
    struct connection *c = &connections[fd];
    if (c->length + 65536 >= c->capacity) {
        c->capacity = c->capacity ? c->capacity * 2 : 262144;
        if (c->capacity > MAX_REQUEST) {
            close_connection(fd);
            return;
        }
        c->buffer = realloc(c->buffer, c->capacity + 1);
        if (!c->buffer) fail("realloc");
    }
    int got = recv(fd, c->buffer + c->length, c->capacity - c->length, 0);
    if (got <= 0) {
        if (got < 0 && errno == EAGAIN) return;
        close_connection(fd);
        return;
    }
    c->length += got;
    read_requests(fd);
}

static void accept_all(int listener) {
    for (;;) {
        int one = 1, fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) return;
        if (fd >= MAX_CONNECTIONS) {
            close(fd);
            continue;
        }
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        connections[fd].length = 0;
        connections[fd].answering = 0;
        connections[fd].generation++;
        struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
        epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event);
    }
}

static void make_answers(void) {
    completion_answer_length = sprintf(
        completion_answer,
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nx-request-id: req_mock\r\nopenai-processing-ms: 5\r\n"
        "content-length: %zu\r\n\r\n%s", sizeof COMPLETION - 1, COMPLETION);
    for (int i = 0; i < MAX_CHUNKS; i++) {
        char event[1024];
        sprintf(event, EVENT_HEAD "[{\"index\":0,\"delta\":{%s\"content\":\" token%d\"},\"logprobs\":null,"
                "\"finish_reason\":null}]}\n\n", i ? "" : "\"role\":\"assistant\",", i);
        content_chunk[i] = malloc(strlen(event) + 32);
        content_chunk_length[i] = as_chunk(content_chunk[i], event);
    }
}

static int listen_on_loopback(void) {
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    if (bind(listener, (struct sockaddr *)&address, size) || listen(listener, 4096)) fail("listen");
    getsockname(listener, (struct sockaddr *)&address, &size);
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    return listener;
}

int main(int count, char **arguments) {
    if (count != 2) {
        fprintf(stderr, "usage: mock SECONDS\n");
        return 2;
    }
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    make_answers();
    poller = epoll_create1(EPOLL_CLOEXEC);
    int listener = listen_on_loopback();
    struct epoll_event event = {.events = EPOLLIN, .data.fd = listener}, events[MAX_EVENTS];
    epoll_ctl(poller, EPOLL_CTL_ADD, listener, &event);
    double end = now_ms() + atof(arguments[1]) * 1e3;
    for (double now = now_ms(); now < end; now = now_ms()) {
        int wait = 1000;
        if (heap_size) wait = heap[0].due > now ? (int)(heap[0].due - now + 0.999) : 0;
        int ready = epoll_wait(poller, events, MAX_EVENTS, wait);
        for (int i = 0; i < ready; i++) {
            if (events[i].data.fd == listener) accept_all(listener);
            else on_readable(events[i].data.fd);
        }
        for (now = now_ms(); heap_size && heap[0].due <= now;) {
            struct timer timer = take_timer();
            struct connection *c = &connections[timer.fd];
            if (c->generation != timer.generation || !c->answering) continue;
            if (c->next > 0) go_on_streaming(timer.fd);
            else answer(timer.fd);
        }
    }
    return 0;
}
