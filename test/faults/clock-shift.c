/* Preloaded into redis-server: its wall clock is CLOCK_SHIFT_MS ahead of the machine's (negative: behind). */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>

static long shift_ms(void) {
  const char *text = getenv("CLOCK_SHIFT_MS");
  return text ? atol(text) : 0;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
  int (*real)(struct timeval *, void *) = (int (*)(struct timeval *, void *))dlsym(RTLD_NEXT, "gettimeofday");
  int result = real(now, zone);
  long long us = now->tv_sec * 1000000LL + now->tv_usec + shift_ms() * 1000LL;
  now->tv_sec = us / 1000000;
  now->tv_usec = us % 1000000;
  return result;
}

int clock_gettime(clockid_t clock, struct timespec *now) {
  int (*real)(clockid_t, struct timespec *) = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
  int result = real(clock, now);
  if (clock != CLOCK_REALTIME) return result;
  long long ns = now->tv_sec * 1000000000LL + now->tv_nsec + shift_ms() * 1000000LL;
  now->tv_sec = ns / 1000000000LL;
  now->tv_nsec = ns % 1000000000LL;
  return result;
}

time_t time(time_t *out) {
  struct timeval now;
  gettimeofday(&now, NULL);
  if (out) *out = now.tv_sec;
  return now.tv_sec;
}
