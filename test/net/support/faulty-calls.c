/*
 * Preloaded by the tests of gateway/net: makes the system's answers as bad as they may be. Of every few calls on a socket one
 * is interrupted (EINTR), one would block (EAGAIN), and no call moves more than FAULTY_BYTES bytes.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static unsigned calls;

static size_t max_bytes(void) {
  static size_t bytes;
  const char *text = getenv("FAULTY_BYTES");
  if (bytes == 0) bytes = text ? (size_t)atol(text) : 1;
  return bytes;
}

static int is_connection(int fd) {
  struct sockaddr_storage address;
  socklen_t length = sizeof address;
  return getsockname(fd, (struct sockaddr *)&address, &length) == 0 && address.ss_family == AF_INET;
}

/* Whether this call fails, with errno set. */
static int fails(void) {
  unsigned turn = ++calls % 7;
  if (turn == 3) errno = EINTR;
  if (turn == 5) errno = EAGAIN;
  return turn == 3 || turn == 5;
}

#define REAL(name)                                                           \
  ({                                                                         \
    static __typeof__(name) *real;                                           \
    if (real == NULL) real = (__typeof__(name) *)dlsym(RTLD_NEXT, #name);    \
    real;                                                                    \
  })
#define LEAST(a, b) ((a) < (b) ? (a) : (b))

ssize_t recv(int fd, void *to, size_t bytes, int flags) {
  return fails() ? -1 : REAL(recv)(fd, to, LEAST(bytes, max_bytes()), flags);
}

ssize_t send(int fd, const void *from, size_t bytes, int flags) {
  return fails() ? -1 : REAL(send)(fd, from, LEAST(bytes, max_bytes()), flags);
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags) {
  if (!is_connection(fd)) return REAL(sendmsg)(fd, message, flags);
  return fails() ? -1 : REAL(send)(fd, message->msg_iov[0].iov_base, LEAST(message->msg_iov[0].iov_len, max_bytes()), flags);
}

ssize_t read(int fd, void *to, size_t bytes) {
  if (!is_connection(fd)) return REAL(read)(fd, to, bytes);
  return fails() ? -1 : REAL(read)(fd, to, LEAST(bytes, max_bytes()));
}

ssize_t write(int fd, const void *from, size_t bytes) {
  if (!is_connection(fd)) return REAL(write)(fd, from, bytes);
  return fails() ? -1 : REAL(write)(fd, from, LEAST(bytes, max_bytes()));
}

int accept4(int fd, struct sockaddr *address, socklen_t *length, int flags) {
  return fails() ? -1 : REAL(accept4)(fd, address, length, flags);
}

int epoll_wait(int fd, struct epoll_event *events, int count, int timeout) {
  if (++calls % 7 == 3) {
    errno = EINTR;
    return -1;
  }
  return REAL(epoll_wait)(fd, events, count, timeout);
}
