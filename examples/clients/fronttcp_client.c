/*
 * fronttcp reference client for C: one file, POSIX, no library, no heap. For firmware writers.
 *
 *   cc -std=c99 -O2 -Wall -Wextra -o fronttcp_client fronttcp_client.c
 *   FRONTTCP_TOKEN=... ./fronttcp_client 127.0.0.1 8124 13565208554 [recipient]
 *
 * Prints each message's body on a line, acknowledges it, and sends each line of standard input to the recipient (to
 * everyone without one). With FRONTTCP_REPLY='{"celsius":21.5}' it replies so to every message that asks: on_ask() is
 * where firmware puts its own reply. Comes back by itself with full jitter. `--decode` reads frames from standard input and prints
 * `version command_id body` for each, or `invalid`: for tests.
 *
 * It asks for the features ack, pong and goodbye; a client that wants the bare protocol leaves "features" out and
 * needs neither acknowledge() nor the search for ids.
 */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <inttypes.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum {
  HEADER_BYTES = 12,
  /* The largest frame that is taken. The verify names it: the server sends no larger one, and counts what was larger as
   * lost. With less memory, name less: 256 is the least. */
  MAX_FRAME_BYTES = 65536,
  /* A larger frame is skipped, up to this: no server sends more, so what claims to be longer is not of this protocol. */
  MAX_SKIPPED_BYTES = 1 << 24,
  VERSION = 1100,
  HEARTBEAT_MS = 30000,
  MISSED_HEARTBEATS = 3,
  VERIFY_MS = 35000,
  WRITE_MS = 10000,
  BACKOFF_MIN_MS = 500,
  BACKOFF_MAX_MS = 30000,
  LASTING_MS = 10000,
  SEEN_IDS = 256 /* more than can be under way when a connection breaks */
};
enum { VERIFY = 1, SINGLE = 2, BROADCAST = 4, HEARTBEAT = 5, ACKNOWLEDGE = 6, REPLY = 7 };
enum { VERIFY_RESULT = 101, MESSAGE_FIRST = 102, MESSAGE_LAST = 104, GOODBYE = 112, PUSH_FIRST = 2000, PUSH_LAST = 2999 };

/* ---- frames ------------------------------------------------------------------------------------------------- */

struct frame {
  uint32_t length, version, command_id;
  const uint8_t *body;
  size_t body_bytes;
};

/* Bytes that came and are not read yet. `start` moves over whole frames; what is left is moved to the front. */
struct decoder {
  uint8_t bytes[2 * MAX_FRAME_BYTES];
  size_t start, end;
  size_t to_skip; /* of a frame that is too large, what has still to be passed over */
};

static uint32_t read_u32(const uint8_t *at) {
  return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static void write_u32(uint8_t *at, uint32_t value) {
  at[0] = (uint8_t)(value >> 24);
  at[1] = (uint8_t)(value >> 16);
  at[2] = (uint8_t)(value >> 8);
  at[3] = (uint8_t)value;
}

/* 1: a frame, valid until the next call · 0: not enough bytes yet · -1: no frame of this protocol, hang up */
static int next_frame(struct decoder *decoder, struct frame *frame) {
  const uint8_t *at;
  size_t available, skipped;
  for (;;) {
    available = decoder->end - decoder->start;
    skipped = decoder->to_skip < available ? decoder->to_skip : available;
    decoder->start += skipped;
    decoder->to_skip -= skipped;
    available -= skipped;
    if (available < HEADER_BYTES) return 0;
    at = decoder->bytes + decoder->start;
    frame->length = read_u32(at);
    /* Before the body is waited for: a hostile length costs nothing. */
    if (frame->length < HEADER_BYTES || frame->length > MAX_SKIPPED_BYTES) return -1;
    if (frame->length <= MAX_FRAME_BYTES) break;
    decoder->to_skip = frame->length;
  }
  if (available < frame->length) return 0;
  frame->version = read_u32(at + 4);
  frame->command_id = read_u32(at + 8);
  frame->body = at + HEADER_BYTES;
  frame->body_bytes = frame->length - HEADER_BYTES;
  decoder->start += frame->length;
  return 1;
}

/* Room for at least one more frame; call it before each read. */
static size_t make_room(struct decoder *decoder) {
  memmove(decoder->bytes, decoder->bytes + decoder->start, decoder->end - decoder->start);
  decoder->end -= decoder->start;
  decoder->start = 0;
  return sizeof decoder->bytes - decoder->end;
}

/* ---- a little JSON ------------------------------------------------------------------------------------------ */

/* Appends `text` as a JSON string. Returns 0 when it does not fit. */
static int append_string(char *out, size_t size, size_t *used, const char *text) {
  static const char hex[] = "0123456789abcdef";
  if (*used + 2 > size) return 0;
  out[(*used)++] = '"';
  for (; *text; text++) {
    unsigned char c = (unsigned char)*text;
    if (*used + 7 > size) return 0;
    if (c == '"' || c == '\\') {
      out[(*used)++] = '\\';
      out[(*used)++] = (char)c;
    } else if (c < 0x20) {
      memcpy(out + *used, "\\u00", 4);
      out[*used + 4] = hex[c >> 4];
      out[*used + 5] = hex[c & 15];
      *used += 6;
    } else {
      out[(*used)++] = (char)c;
    }
  }
  if (*used + 1 > size) return 0;
  out[(*used)++] = '"';
  return 1;
}

static int append(char *out, size_t size, size_t *used, const char *text) {
  size_t bytes = strlen(text);
  if (*used + bytes > size) return 0;
  memcpy(out + *used, text, bytes);
  *used += bytes;
  return 1;
}

/* The end of the JSON string that begins at `at` (a quote): one past its closing quote, or `end`. */
static const char *skip_string(const char *at, const char *end) {
  for (at++; at < end && *at != '"'; at++)
    if (*at == '\\') at++;
  return at < end ? at + 1 : end;
}

/* The value of a member of the outermost object, where it begins; NULL when there is none. */
static const char *member(const struct frame *frame, const char *name) {
  const char *at = (const char *)frame->body, *end = at + frame->body_bytes;
  size_t name_bytes = strlen(name);
  int depth = 0;
  while (at < end) {
    if (*at == '{' || *at == '[') depth++;
    if (*at == '}' || *at == ']') depth--;
    if (*at != '"') {
      at++;
      continue;
    }
    const char *text = at + 1;
    at = skip_string(at, end);
    int matches = depth == 1 && (size_t)(at - text) == name_bytes + 1 && memcmp(text, name, name_bytes) == 0;
    while (at < end && (*at == ' ' || *at == '\t' || *at == '\n' || *at == '\r')) at++;
    if (!matches || at >= end || *at != ':') continue;
    for (at++; at < end && *at == ' '; at++) {}
    return at;
  }
  return NULL;
}

static long member_number(const struct frame *frame, const char *name, long fallback) {
  const char *at = member(frame, name), *end = (const char *)frame->body + frame->body_bytes;
  long value = 0;
  if (at == NULL || at >= end || *at < '0' || *at > '9') return fallback;
  for (; at < end && *at >= '0' && *at <= '9' && value < 100000000; at++) value = value * 10 + (*at - '0');
  return value;
}

/* Copies a string member as it is written (ids and reasons have no escapes). Returns 0 when there is none. */
static int member_string(const struct frame *frame, const char *name, char *out, size_t size) {
  const char *at = member(frame, name), *end = (const char *)frame->body + frame->body_bytes;
  size_t used = 0;
  if (at == NULL || at >= end || *at != '"') return 0;
  for (at++; at < end && *at != '"'; at++) {
    if (used + 1 >= size) return 0;
    out[used++] = *at;
  }
  out[used] = '\0';
  return 1;
}

/* ---- the connection ------------------------------------------------------------------------------------------ */

struct client {
  const char *host, *port, *phone_number, *token, *recipient;
  int socket;
  struct decoder decoder;
  int is_verified, unanswered;
  long heartbeat_ms, reconnect_after_ms; /* -1: nobody said */
  int64_t beat_at, verified_at;
  int is_final; /* not to come back */
  char seen[SEEN_IDS][24]; /* a ring: the newest ids that were taken */
  unsigned seen_next;
  /* The last reply, to be sent again when its message comes again: it may be lost with its connection. */
  char replied_ask[24], reply[MAX_FRAME_BYTES - HEADER_BYTES];
  size_t reply_bytes;
  /* Of standard input, what is not sent yet. It is kept when the connection breaks. */
  char lines[32768];
  size_t lines_bytes;
};

static int64_t now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Returns 0 when the line is broken. */
static int write_all(int fd, const void *bytes, size_t size) {
  const uint8_t *at = bytes;
  while (size > 0) {
    ssize_t written = send(fd, at, size, MSG_NOSIGNAL);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return 0;
    at += written;
    size -= (size_t)written;
  }
  return 1;
}

static int send_frame(struct client *client, uint32_t command_id, const char *body, size_t body_bytes) {
  uint8_t header[HEADER_BYTES];
  write_u32(header, (uint32_t)(HEADER_BYTES + body_bytes));
  write_u32(header + 4, VERSION);
  write_u32(header + 8, command_id);
  return write_all(client->socket, header, sizeof header) && write_all(client->socket, body, body_bytes);
}

static int send_verify(struct client *client) {
  char body[5120], limit[32];
  size_t used = 0;
  snprintf(limit, sizeof limit, ",\"max_frame_bytes\":%d}", MAX_FRAME_BYTES);
  int fits = append(body, sizeof body, &used, "{\"phone_number\":") &&
             append_string(body, sizeof body, &used, client->phone_number) &&
             append(body, sizeof body, &used, ",\"token\":") && append_string(body, sizeof body, &used, client->token) &&
             append(body, sizeof body, &used, ",\"features\":[\"ack\",\"pong\",\"goodbye\"]") &&
             append(body, sizeof body, &used, limit);
  return fits && send_frame(client, VERIFY, body, used);
}

static int send_chat(struct client *client, const char *text) {
  static char body[65536 - HEADER_BYTES];
  size_t used = 0;
  int fits = append(body, sizeof body, &used, "{\"chat_from\":") &&
             append_string(body, sizeof body, &used, client->phone_number);
  if (fits && client->recipient)
    fits = append(body, sizeof body, &used, ",\"chat_to\":") &&
           append_string(body, sizeof body, &used, client->recipient);
  fits = fits && append(body, sizeof body, &used, ",\"chat_content\":") &&
         append_string(body, sizeof body, &used, text) && append(body, sizeof body, &used, "}");
  if (!fits) {
    fprintf(stderr, "a line is too long, and was not sent\n");
    return 1;
  }
  return send_frame(client, client->recipient ? SINGLE : BROADCAST, body, used);
}

static int acknowledge(struct client *client, const char *id) {
  char body[64];
  int bytes = snprintf(body, sizeof body, "{\"ids\":[\"%s\"]}", id);
  return send_frame(client, ACKNOWLEDGE, body, (size_t)bytes);
}

static int was_seen(const struct client *client, const char *id) {
  for (unsigned at = 0; at < SEEN_IDS; at++)
    if (strcmp(client->seen[at], id) == 0) return 1;
  return 0;
}

/* Writes the reply to a message that asks, as JSON. Returns its bytes; 0: no reply. */
static size_t on_ask(const struct frame *frame, char *reply, size_t size) {
  const char *value = getenv("FRONTTCP_REPLY");
  size_t used = 0;
  (void)frame;
  return value != NULL && append(reply, size, &used, value) ? used : 0;
}

/* The first reply counts. It does not acknowledge. */
static int answer(struct client *client, const struct frame *frame, const char *ask) {
  static char value[MAX_FRAME_BYTES / 2];
  char *body = client->reply;
  size_t used = 0, size = sizeof client->reply, value_bytes = on_ask(frame, value, sizeof value);
  if (value_bytes == 0) return 1;
  client->replied_ask[0] = '\0'; /* its body is written over */
  int fits = append(body, size, &used, "{\"ask\":") && append_string(body, size, &used, ask) &&
             append(body, size, &used, ",\"reply\":");
  if (!fits || used + value_bytes + 1 > size) return 1;
  memcpy(body + used, value, value_bytes);
  used += value_bytes;
  body[used++] = '}';
  client->reply_bytes = used;
  memcpy(client->replied_ask, ask, strlen(ask) + 1);
  return send_frame(client, REPLY, body, used);
}

/* Printed before it is acknowledged: what a crash interrupts comes again. What comes twice is acknowledged again. */
static int take_message(struct client *client, const struct frame *frame) {
  char id[sizeof client->seen[0]], ask[sizeof client->replied_ask];
  int has_id = member_string(frame, "id", id, sizeof id), has_ask = member_string(frame, "ask", ask, sizeof ask);
  int is_replied = has_ask && ask[0] && strcmp(client->replied_ask, ask) == 0;
  if (is_replied && !send_frame(client, REPLY, client->reply, client->reply_bytes)) return 0;
  if (!has_id || !was_seen(client, id)) {
    if (has_ask && !is_replied && !answer(client, frame, ask)) return 0;
    fwrite(frame->body, 1, frame->body_bytes, stdout);
    fputc('\n', stdout);
    fflush(stdout);
    if (has_id) memcpy(client->seen[client->seen_next++ % SEEN_IDS], id, sizeof id);
  }
  return has_id ? acknowledge(client, id) : 1;
}

/* Sends the whole lines that were read. Returns 0 when the connection is broken: the next one sends the rest. */
static int send_lines(struct client *client) {
  char *start = client->lines, *end = start + client->lines_bytes, *newline;
  int is_sent = 1;
  while (is_sent && (newline = memchr(start, '\n', (size_t)(end - start))) != NULL) {
    *newline = '\0';
    if (newline > start) is_sent = send_chat(client, start);
    start = newline + 1;
  }
  if (!is_sent) fprintf(stderr, "a line was not sent\n");
  client->lines_bytes = (size_t)(end - start);
  memmove(client->lines, start, client->lines_bytes);
  return is_sent;
}

/* Returns 0 when the connection is to be ended. What is not known is of a newer server, and passed over. */
static int handle(struct client *client, const struct frame *frame) {
  char reason[32];
  uint32_t command_id = frame->command_id;
  if (command_id == VERIFY_RESULT) {
    if (member_number(frame, "code", 0) != 1) {
      fprintf(stderr, "the token was refused\n");
      client->is_final = 1;
      return 0;
    }
    long borne = member_number(frame, "heartbeat_timeout_ms", 3L * HEARTBEAT_MS) / 3;
    client->heartbeat_ms = borne < HEARTBEAT_MS ? borne : HEARTBEAT_MS;
    client->is_verified = 1;
    client->verified_at = client->beat_at = now_ms();
    fprintf(stderr, "verified\n");
    return send_lines(client);
  } else if (command_id == GOODBYE) {
    client->reconnect_after_ms = member_number(frame, "reconnect_after_ms", 1000);
    if (member_string(frame, "reason", reason, sizeof reason)) {
      fprintf(stderr, "goodbye: %s\n", reason);
      client->is_final = strcmp(reason, "taken_over") == 0 || strcmp(reason, "logged_out") == 0;
    }
  } else if ((command_id >= MESSAGE_FIRST && command_id <= MESSAGE_LAST) ||
             (command_id >= PUSH_FIRST && command_id <= PUSH_LAST)) {
    return take_message(client, frame);
  }
  return 1;
}

static int receive(struct client *client) {
  struct frame frame;
  int found;
  size_t room = make_room(&client->decoder);
  ssize_t bytes = recv(client->socket, client->decoder.bytes + client->decoder.end, room, 0);
  if (bytes < 0 && (errno == EINTR || errno == EAGAIN)) return 1;
  if (bytes <= 0) return 0;
  client->decoder.end += (size_t)bytes;
  client->unanswered = 0; /* any byte is a sign of life */
  while ((found = next_frame(&client->decoder, &frame)) == 1)
    if (!handle(client, &frame)) return 0;
  return found == 0;
}

static int beat(struct client *client) {
  if (client->unanswered >= MISSED_HEARTBEATS) {
    fprintf(stderr, "the server is silent\n");
    return 0;
  }
  client->unanswered++;
  client->beat_at = now_ms();
  return send_frame(client, HEARTBEAT, "", 0);
}

/* Returns 0 when the connection is broken. */
static int read_lines(struct client *client, int *is_open) {
  size_t max_bytes = sizeof client->lines - 1;
  ssize_t bytes = read(STDIN_FILENO, client->lines + client->lines_bytes, max_bytes - client->lines_bytes);
  if (bytes > 0) {
    client->lines_bytes += (size_t)bytes;
  } else {
    *is_open = 0;
    client->lines[client->lines_bytes++] = '\n'; /* the last line may lack it; an empty line is not sent */
  }
  if (!send_lines(client)) return 0;
  if (client->lines_bytes == max_bytes) client->lines_bytes = 0; /* longer than any frame */
  return 1;
}

/* One connection, from its verify to its end. */
static void converse(struct client *client, int *is_open) {
  int64_t opened_at = now_ms();
  if (!send_verify(client)) return;
  for (;;) {
    int64_t due = client->is_verified ? client->beat_at + client->heartbeat_ms : opened_at + VERIFY_MS;
    int64_t wait = due - now_ms();
    struct pollfd sources[2] = {{client->socket, POLLIN, 0}, {STDIN_FILENO, POLLIN, 0}};
    if (wait <= 0) {
      if (!client->is_verified || !beat(client)) return;
      continue;
    }
    if (poll(sources, client->is_verified && *is_open ? 2 : 1, (int)wait) < 0 && errno != EINTR) return;
    if (sources[0].revents && !receive(client)) return;
    if (sources[1].revents && !read_lines(client, is_open)) return;
  }
}

static int open_socket(const struct client *client) {
  struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *addresses, *address;
  struct timeval patience = {.tv_sec = WRITE_MS / 1000};
  int on = 1, fd = -1;
  if (getaddrinfo(client->host, client->port, &hints, &addresses) != 0) return -1;
  for (address = addresses; address && fd < 0; address = address->ai_next) {
    fd = socket(address->ai_family, address->ai_socktype, address->ai_protocol);
    if (fd < 0) continue;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience); /* bounds connect() too */
    if (connect(fd, address->ai_addr, address->ai_addrlen) != 0) {
      close(fd);
      fd = -1;
    }
  }
  freeaddrinfo(addresses);
  return fd;
}

/* Full jitter: the clients of a server that died must not all come back at the same moment. */
static long backoff_max_ms = BACKOFF_MAX_MS;

static long backoff_ms(int attempt) {
  long bound = attempt > 6 ? backoff_max_ms : (long)BACKOFF_MIN_MS << (attempt - 1);
  return rand() % ((bound < backoff_max_ms ? bound : backoff_max_ms) + 1);
}

static int run(struct client *client) {
  int is_open = 1, attempt = 0;
  for (;;) {
    client->is_verified = client->unanswered = 0;
    client->reconnect_after_ms = -1;
    client->decoder.start = client->decoder.end = client->decoder.to_skip = 0;
    client->socket = open_socket(client);
    if (client->socket >= 0) {
      converse(client, &is_open);
      close(client->socket);
    }
    if (client->is_final) return EXIT_FAILURE;
    if (client->is_verified && now_ms() - client->verified_at >= LASTING_MS) attempt = 0;
    attempt++;
    long delay = client->reconnect_after_ms >= 0 ? client->reconnect_after_ms : backoff_ms(attempt);
    fprintf(stderr, "reconnecting in %ld ms\n", delay);
    struct timespec pause = {.tv_sec = delay / 1000, .tv_nsec = (delay % 1000) * 1000000};
    nanosleep(&pause, NULL);
  }
}

/* For the test vectors: the decoder alone, fed as the pipe delivers. */
static int decode_stdin(void) {
  static struct decoder decoder;
  struct frame frame;
  for (;;) {
    size_t room = make_room(&decoder);
    ssize_t bytes = read(STDIN_FILENO, decoder.bytes + decoder.end, room);
    int found;
    if (bytes <= 0) return EXIT_SUCCESS;
    decoder.end += (size_t)bytes;
    while ((found = next_frame(&decoder, &frame)) == 1)
      printf("%" PRIu32 " %" PRIu32 " %.*s\n", frame.version, frame.command_id, (int)frame.body_bytes,
             (const char *)frame.body);
    fflush(stdout);
    if (found < 0) {
      puts("invalid");
      return EXIT_SUCCESS;
    }
  }
}

int main(int count, char **arguments) {
  static struct client client;
  struct timespec now;
  if (count == 2 && strcmp(arguments[1], "--decode") == 0) return decode_stdin();
  client.token = getenv("FRONTTCP_TOKEN");
  if (count < 4 || client.token == NULL) {
    fprintf(stderr, "usage: FRONTTCP_TOKEN=... %s host port phone_number [recipient]\n", arguments[0]);
    return 2;
  }
  /* Shorter for tests alone: a fleet that comes back at once is a flood. */
  if (getenv("FRONTTCP_BACKOFF_MAX_MS")) backoff_max_ms = atol(getenv("FRONTTCP_BACKOFF_MAX_MS"));
  client.host = arguments[1];
  client.port = arguments[2];
  client.phone_number = arguments[3];
  client.recipient = count > 4 ? arguments[4] : NULL;
  clock_gettime(CLOCK_REALTIME, &now);
  srand((unsigned)(now.tv_nsec ^ getpid())); /* devices of one batch must not draw the same numbers */
  return run(&client);
}
