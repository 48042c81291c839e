/*
 * Sockets for gateway/net/native-network.ts: accepts, polls, reads into one shared buffer, and sends what a turn of the event
 * loop gathered, many sockets in one call each way.
 *
 * No byte is interpreted and no decision is made here. There is no state per connection either: a socket is a number that
 * TypeScript owns, closes, and says when to watch. One thread, the one that runs JavaScript.
 *
 *   libuv ── polls ──► epoll ── every socket, level-triggered
 *                        │ onReady: up to MAX_EVENTS sockets, each read once
 *                        ▼
 *              callback(n): n records, their bytes in the arena
 *
 * A record is four int32: socket, kind, offset of its bytes in the arena (or errno), number of bytes.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define NAPI_VERSION 8
#include <node_api.h>

#include "uv.h"

enum { ACCEPTED = 1, BYTES = 2, ENDED = 3, FAILED = 4, WRITABLE = 5, ACCEPT_FAILED = 6 };
enum { RECORD_INTS = 4, MAX_EVENTS = 512, MAX_ACCEPTS = 64 };
enum { MIN_READ_BYTES = 4096, MAX_READ_BYTES = 65536, MAX_PARTS = 64, ADDRESS_BYTES = 64 };

/* In the upper half of epoll's data, beside the socket: what is watched. */
enum { WATCH_READ = 1, WATCH_WRITE = 2, IS_LISTENER = 4 };

typedef struct {
  napi_env env;
  napi_ref callback;
  /* The typed arrays that we write to: kept alive for as long as we may. */
  napi_ref arena_ref;
  napi_ref records_ref;
  napi_async_context context;
  napi_async_cleanup_hook_handle hook;
  uv_handle_t *poll;
  int epoll;
  uint8_t *arena;
  size_t arena_bytes;
  size_t arena_used;
  int32_t *records;
  uint32_t max_records;
  uint32_t used_records;
} Net;

/* --- errors and arguments */

static napi_value throw_text(napi_env env, const char *text) {
  napi_throw_type_error(env, NULL, text);
  return NULL;
}

static napi_value number(napi_env env, int32_t value) {
  napi_value result = NULL;
  napi_create_int32(env, value, &result);
  return result;
}

/* Reads exactly `wanted` arguments, the first of which is what `open` returned. Throws and returns NULL for anything else. */
static Net *arguments(napi_env env, napi_callback_info info, size_t wanted, napi_value *values) {
  size_t count = wanted;
  void *net = NULL;
  if (napi_get_cb_info(env, info, &count, values, NULL, NULL) != napi_ok || count < wanted ||
      napi_get_value_external(env, values[0], &net) != napi_ok || net == NULL) {
    throw_text(env, "expects what open() returned, and its arguments");
    return NULL;
  }
  return net;
}

static bool int_of(napi_env env, napi_value value, int32_t *result) {
  if (napi_get_value_int32(env, value, result) == napi_ok) return true;
  throw_text(env, "expects a number");
  return false;
}

/* The memory of a typed array of this type with at least `min` elements. */
static void *elements(napi_env env, napi_value value, napi_typedarray_type wanted, size_t min, size_t *length) {
  napi_typedarray_type type;
  void *memory = NULL;
  bool is_typed = false;
  if (napi_is_typedarray(env, value, &is_typed) != napi_ok || !is_typed ||
      napi_get_typedarray_info(env, value, &type, length, &memory, NULL, NULL) != napi_ok || type != wanted ||
      *length < min) {
    throw_text(env, "expects a typed array of the right type and length");
    return NULL;
  }
  return memory;
}

/* --- the loop: what came since the last turn */

static void add_record(Net *net, int fd, int32_t kind, int32_t value, int32_t bytes) {
  int32_t *record = net->records + (size_t)net->used_records * RECORD_INTS;
  record[0] = fd;
  record[1] = kind;
  record[2] = value;
  record[3] = bytes;
  net->used_records += 1;
}

static int watch(Net *net, int operation, int fd, uint32_t what) {
  struct epoll_event event = {0};
  if (what & WATCH_READ) event.events |= EPOLLIN;
  if (what & WATCH_WRITE) event.events |= EPOLLOUT;
  event.data.u64 = ((uint64_t)what << 32) | (uint32_t)fd;
  return epoll_ctl(net->epoll, operation, fd, &event) == 0 ? 0 : errno;
}

/* The peer's address as text, in the arena. */
static void add_accepted(Net *net, int fd, const struct sockaddr_storage *address) {
  char *text = (char *)net->arena + net->arena_used;
  const void *ip = address->ss_family == AF_INET6 ? (const void *)&((const struct sockaddr_in6 *)address)->sin6_addr
                                                  : (const void *)&((const struct sockaddr_in *)address)->sin_addr;
  size_t length = inet_ntop(address->ss_family, ip, text, ADDRESS_BYTES) ? strlen(text) : 0;
  add_record(net, fd, ACCEPTED, (int32_t)net->arena_used, (int32_t)length);
  net->arena_used += length;
}

/* Whether an error of accept4 belongs to the one connection that was lost, so that the next can be taken. */
static bool is_of_one_connection(int error) {
  switch (error) {
    case EINTR:
    case ECONNABORTED:
    case EPROTO:
    case EPERM:
    case ENETDOWN:
    case ENOPROTOOPT:
    case EHOSTDOWN:
    case ENONET:
    case EHOSTUNREACH:
    case EOPNOTSUPP:
    case ENETUNREACH:
      return true;
    default:
      return false;
  }
}

static void accept_some(Net *net, int listener) {
  for (int i = 0; i < MAX_ACCEPTS; i++) {
    if (net->used_records + 1 >= net->max_records || net->arena_bytes - net->arena_used < ADDRESS_BYTES) return;
    struct sockaddr_storage address = {0};
    socklen_t length = sizeof address;
    int fd = accept4(listener, (struct sockaddr *)&address, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
    int error = fd < 0 ? errno : watch(net, EPOLL_CTL_ADD, fd, WATCH_READ);
    if (fd < 0 && is_of_one_connection(error)) continue;
    if (fd < 0 && (error == EAGAIN || error == EWOULDBLOCK)) return;
    if (error == 0) {
      add_accepted(net, fd, &address);
      continue;
    }
    if (fd >= 0) close(fd);
    add_record(net, listener, ACCEPT_FAILED, error, 0);
    return;
  }
}

/* One read: what is left after it makes the socket ready again in the next turn. */
static void read_once(Net *net, int fd, size_t max_bytes) {
  ssize_t count;
  do count = recv(fd, net->arena + net->arena_used, max_bytes, MSG_DONTWAIT);
  while (count < 0 && errno == EINTR);
  if (count > 0) {
    add_record(net, fd, BYTES, (int32_t)net->arena_used, (int32_t)count);
    net->arena_used += (size_t)count;
  } else if (count == 0) {
    add_record(net, fd, ENDED, 0, 0);
  } else if (errno != EAGAIN && errno != EWOULDBLOCK) {
    add_record(net, fd, FAILED, errno, 0);
  }
}

static void collect(Net *net) {
  struct epoll_event events[MAX_EVENTS];
  int count;
  net->arena_used = 0;
  net->used_records = 0;
  do count = epoll_wait(net->epoll, events, MAX_EVENTS, 0);
  while (count < 0 && errno == EINTR);
  if (count <= 0) return;
  /* Everyone gets an equal share of the arena, so that none can keep the others from being read. */
  size_t share = net->arena_bytes / (size_t)(count + 1);
  if (share > MAX_READ_BYTES) share = MAX_READ_BYTES;
  for (int i = 0; i < count; i++) {
    int fd = (int)(uint32_t)events[i].data.u64;
    uint32_t what = (uint32_t)(events[i].data.u64 >> 32);
    uint32_t happened = events[i].events;
    if (net->used_records + 2 >= net->max_records || net->arena_bytes - net->arena_used < share) return;
    if (what & IS_LISTENER) {
      accept_some(net, fd);
      continue;
    }
    if ((what & WATCH_WRITE) && (happened & (EPOLLOUT | EPOLLERR | EPOLLHUP))) add_record(net, fd, WRITABLE, 0, 0);
    if ((what & WATCH_READ) && (happened & (EPOLLIN | EPOLLERR | EPOLLHUP))) read_once(net, fd, share);
  }
}

static void on_ready(uv_handle_t *poll, int status, int happened) {
  Net *net = uv_handle_get_data(poll);
  (void)status;
  (void)happened;
  collect(net);
  if (net->used_records == 0) return;
  napi_env env = net->env;
  napi_handle_scope scope;
  if (napi_open_handle_scope(env, &scope) != napi_ok) return;
  napi_value callback, receiver, argument, error;
  bool is_thrown = false;
  if (napi_get_reference_value(env, net->callback, &callback) == napi_ok && napi_get_global(env, &receiver) == napi_ok &&
      napi_create_uint32(env, net->used_records, &argument) == napi_ok)
    napi_make_callback(env, net->context, receiver, callback, 1, &argument, NULL);
  /* Like an error in any listener: the process's 'uncaughtException'. */
  if (napi_is_exception_pending(env, &is_thrown) == napi_ok && is_thrown &&
      napi_get_and_clear_last_exception(env, &error) == napi_ok)
    napi_fatal_exception(env, error);
  napi_close_handle_scope(env, scope);
}

/* --- its life */

static void on_poll_closed(uv_handle_t *poll) {
  Net *net = uv_handle_get_data(poll);
  if (net->hook) napi_remove_async_cleanup_hook(net->hook);
  free(poll);
  free(net);
}

static void stop(Net *net) {
  if (net->epoll < 0) return;
  uv_close(net->poll, on_poll_closed);
  close(net->epoll);
  net->epoll = -1;
  napi_delete_reference(net->env, net->callback);
  napi_delete_reference(net->env, net->arena_ref);
  napi_delete_reference(net->env, net->records_ref);
  napi_async_destroy(net->env, net->context);
}

/* The environment ends (a worker, or the process) before `close` was called. */
static void on_environment_end(napi_async_cleanup_hook_handle hook, void *data) {
  (void)hook;
  stop(data);
}

/* open(callback, arena: Uint8Array, records: Int32Array): what the other functions take first. */
static napi_value Open(napi_env env, napi_callback_info info) {
  napi_value values[3], name, external;
  size_t count = 3, arena_bytes = 0, record_ints = 0;
  napi_valuetype type;
  struct uv_loop_s *loop;
  if (uv_version() >> 16 != 1) return throw_text(env, "needs libuv 1");
  if (napi_get_cb_info(env, info, &count, values, NULL, NULL) != napi_ok || count < 3 ||
      napi_typeof(env, values[0], &type) != napi_ok || type != napi_function)
    return throw_text(env, "expects a callback and two typed arrays");
  uint8_t *arena = elements(env, values[1], napi_uint8_array, (MAX_EVENTS + 1) * MIN_READ_BYTES, &arena_bytes);
  if (arena == NULL) return NULL;
  int32_t *records = elements(env, values[2], napi_int32_array, RECORD_INTS * (MAX_ACCEPTS + 4), &record_ints);
  if (records == NULL) return NULL;
  if (arena_bytes > INT32_MAX) return throw_text(env, "the arena is too large");

  Net *net = calloc(1, sizeof *net);
  uv_handle_t *poll = calloc(1, uv_handle_size(UV_POLL));
  int epoll = epoll_create1(EPOLL_CLOEXEC);
  if (net == NULL || poll == NULL || epoll < 0 || napi_get_uv_event_loop(env, &loop) != napi_ok ||
      uv_poll_init(loop, poll, epoll) != 0) {
    if (epoll >= 0) close(epoll);
    free(poll);
    free(net);
    return throw_text(env, "epoll is not to be had");
  }
  *net = (Net){.env = env, .poll = poll, .epoll = epoll, .arena = arena, .arena_bytes = arena_bytes};
  net->records = records;
  net->max_records = (uint32_t)(record_ints / RECORD_INTS);
  uv_handle_set_data(poll, net);
  napi_create_reference(env, values[0], 1, &net->callback);
  napi_create_reference(env, values[1], 1, &net->arena_ref);
  napi_create_reference(env, values[2], 1, &net->records_ref);
  napi_create_string_utf8(env, "fronttcp-net", NAPI_AUTO_LENGTH, &name);
  napi_async_init(env, NULL, name, &net->context);
  napi_add_async_cleanup_hook(env, on_environment_end, net, &net->hook);
  uv_poll_start(poll, UV_READABLE, on_ready);
  if (napi_create_external(env, net, NULL, NULL, &external) != napi_ok) return NULL;
  return external;
}

/* close(net): nothing is polled any more. Its sockets must be closed before; nothing may be called with it after. */
static napi_value Close(napi_env env, napi_callback_info info) {
  napi_value values[1];
  Net *net = arguments(env, info, 1, values);
  if (net) stop(net);
  return NULL;
}

/* --- sockets. Each returns 0 (or what it says), or an errno as a negative number. */

static int set_option(int fd, int level, int option, int value) {
  return setsockopt(fd, level, option, &value, sizeof value);
}

/* What is set here, the sockets that are accepted inherit: no call for each of them. */
static int listen_on(Net *net, const struct sockaddr *address, socklen_t length, const int32_t options[4]) {
  int32_t backlog = options[0], reuse_port = options[1], keep_alive_seconds = options[2], only_v6 = options[3];
  int fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -errno;
  bool is_bound = set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1) == 0 &&
                  (!reuse_port || set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1) == 0) &&
                  (address->sa_family != AF_INET6 || set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, only_v6) == 0) &&
                  set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1) == 0 && set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1) == 0 &&
                  set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, keep_alive_seconds) == 0 &&
                  set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, 1) == 0 && set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, 10) == 0 &&
                  bind(fd, address, length) == 0 && listen(fd, backlog) == 0;
  int error = is_bound ? watch(net, EPOLL_CTL_ADD, fd, WATCH_READ | IS_LISTENER) : errno;
  if (error == 0) return fd;
  close(fd);
  return -error;
}

/* listen(net, ip, port, backlog, reusePort, keepAliveSeconds, onlyV6): the listening socket. */
static napi_value Listen(napi_env env, napi_callback_info info) {
  napi_value values[7];
  char ip[ADDRESS_BYTES];
  size_t length;
  int32_t port, options[4];
  Net *net = arguments(env, info, 7, values);
  if (net == NULL) return NULL;
  if (napi_get_value_string_utf8(env, values[1], ip, sizeof ip, &length) != napi_ok)
    return throw_text(env, "expects an address");
  if (!int_of(env, values[2], &port)) return NULL;
  for (int i = 0; i < 4; i++)
    if (!int_of(env, values[3 + i], &options[i])) return NULL;
  struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
  if (inet_pton(AF_INET, ip, &v4.sin_addr) == 1)
    return number(env, listen_on(net, (struct sockaddr *)&v4, sizeof v4, options));
  if (inet_pton(AF_INET6, ip, &v6.sin6_addr) == 1)
    return number(env, listen_on(net, (struct sockaddr *)&v6, sizeof v6, options));
  return number(env, -EADDRNOTAVAIL);
}

/* boundPort(net, fd): the port of a listening socket. */
static napi_value BoundPort(napi_env env, napi_callback_info info) {
  napi_value values[2];
  int32_t fd;
  struct sockaddr_storage address = {0};
  socklen_t length = sizeof address;
  if (arguments(env, info, 2, values) == NULL || !int_of(env, values[1], &fd)) return NULL;
  if (getsockname(fd, (struct sockaddr *)&address, &length) != 0) return number(env, -errno);
  if (address.ss_family == AF_INET6) return number(env, ntohs(((struct sockaddr_in6 *)&address)->sin6_port));
  return number(env, ntohs(((struct sockaddr_in *)&address)->sin_port));
}

/* watch(net, fd, before, after): changes what is watched; bits of WATCH_READ, WATCH_WRITE and IS_LISTENER. */
static napi_value Watch(napi_env env, napi_callback_info info) {
  napi_value values[4];
  int32_t fd, before, after;
  Net *net = arguments(env, info, 4, values);
  if (net == NULL || !int_of(env, values[1], &fd) || !int_of(env, values[2], &before) || !int_of(env, values[3], &after))
    return NULL;
  /* A socket that nothing is wanted of leaves: epoll would go on to report that it was reset. */
  int operation = EPOLL_CTL_MOD;
  if ((after & (WATCH_READ | WATCH_WRITE)) == 0) operation = EPOLL_CTL_DEL;
  else if ((before & (WATCH_READ | WATCH_WRITE)) == 0) operation = EPOLL_CTL_ADD;
  return number(env, -watch(net, operation, fd, (uint32_t)after));
}

/* Sends these parts with one call. Returns how much the kernel took, or an errno as a negative number. */
static ssize_t send_parts(int fd, struct iovec *parts, size_t count) {
  struct msghdr message = {.msg_iov = parts, .msg_iovlen = count};
  ssize_t sent;
  do {
    sent = count == 1 ? send(fd, parts[0].iov_base, parts[0].iov_len, MSG_DONTWAIT | MSG_NOSIGNAL)
                      : sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  if (sent >= 0) return sent;
  return errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS ? 0 : -errno;
}

/* Shares what was sent among the parts; after an error all of them have it. */
static void share_out(int32_t *results, const struct iovec *parts, size_t count, ssize_t sent) {
  for (size_t i = 0; i < count; i++) {
    ssize_t taken = sent < 0 ? sent : sent < (ssize_t)parts[i].iov_len ? sent : (ssize_t)parts[i].iov_len;
    results[i] = (int32_t)taken;
    if (sent > 0) sent -= taken;
  }
}

/*
 * send(net, sockets: Int32Array, which: Int32Array, buffers: Uint8Array[], results: Int32Array, count): buffers[which[i]] goes
 * to sockets[i]. What stands in a row for one socket is sent as one. results[i]: bytes that the kernel took, or -errno.
 */
static napi_value Send(napi_env env, napi_callback_info info) {
  napi_value values[6];
  size_t length = 0;
  int32_t count;
  if (arguments(env, info, 6, values) == NULL || !int_of(env, values[5], &count)) return NULL;
  if (count < 0) return throw_text(env, "expects a count");
  int32_t *sockets = elements(env, values[1], napi_int32_array, (size_t)count, &length);
  if (sockets == NULL) return NULL;
  int32_t *which = elements(env, values[2], napi_int32_array, (size_t)count, &length);
  if (which == NULL) return NULL;
  int32_t *results = elements(env, values[4], napi_int32_array, (size_t)count, &length);
  if (results == NULL) return NULL;

  struct iovec parts[MAX_PARTS];
  int32_t loaded = -1;
  void *memory = NULL;
  size_t bytes = 0;
  for (int32_t first = 0; first < count;) {
    size_t used = 0;
    int32_t next = first;
    while (next < count && used < MAX_PARTS && sockets[next] == sockets[first]) {
      if (which[next] != loaded) {
        napi_handle_scope scope;
        napi_value buffer;
        if (napi_open_handle_scope(env, &scope) != napi_ok) return throw_text(env, "no handle scope");
        bool is_there = which[next] >= 0 && napi_get_element(env, values[3], (uint32_t)which[next], &buffer) == napi_ok &&
                        (memory = elements(env, buffer, napi_uint8_array, 0, &bytes)) != NULL;
        napi_close_handle_scope(env, scope);
        if (!is_there) return throw_text(env, "expects a buffer");
        loaded = which[next];
      }
      parts[used++] = (struct iovec){.iov_base = memory, .iov_len = bytes};
      next += 1;
    }
    ssize_t sent = send_parts(sockets[first], parts, used);
    share_out(results + first, parts, used, sent);
    bool is_all = results[next - 1] == (int32_t)parts[used - 1].iov_len;
    /* Behind what the kernel did not take, nothing may go out. */
    for (; !is_all && next < count && sockets[next] == sockets[first]; next++) results[next] = sent < 0 ? (int32_t)sent : 0;
    first = next;
  }
  return NULL;
}

/* shutdown(net, fd): nothing more is sent; the peer reads an end. */
static napi_value Shutdown(napi_env env, napi_callback_info info) {
  napi_value values[2];
  int32_t fd;
  if (arguments(env, info, 2, values) == NULL || !int_of(env, values[1], &fd)) return NULL;
  return number(env, shutdown(fd, SHUT_WR) == 0 ? 0 : -errno);
}

/* closeSocket(net, fd): Linux has let go of it whatever close returns. */
static napi_value CloseSocket(napi_env env, napi_callback_info info) {
  napi_value values[2];
  int32_t fd;
  if (arguments(env, info, 2, values) == NULL || !int_of(env, values[1], &fd)) return NULL;
  close(fd);
  return NULL;
}

NAPI_MODULE_INIT() {
  static const struct {
    const char *name;
    napi_callback call;
  } functions[] = {{"open", Open},   {"close", Close}, {"listen", Listen},     {"boundPort", BoundPort},
                   {"watch", Watch}, {"send", Send},   {"shutdown", Shutdown}, {"closeSocket", CloseSocket}};
  for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++) {
    napi_value function;
    if (napi_create_function(env, functions[i].name, NAPI_AUTO_LENGTH, functions[i].call, NULL, &function) != napi_ok ||
        napi_set_named_property(env, exports, functions[i].name, function) != napi_ok)
      return NULL;
  }
  return exports;
}
