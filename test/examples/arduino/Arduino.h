/* What the sketch uses of the Arduino core, on POSIX: enough to compile and to run it here. */
#pragma once
#include <cctype>
#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <random>

inline const char *setting(const char *name, const char *fallback) {
  const char *value = getenv(name);
  return value ? value : fallback;
}

#define WIFI_SSID "here"
#define WIFI_PASSWORD ""
#define FRONTTCP_HOST setting("FRONTTCP_HOST", "127.0.0.1")
#define FRONTTCP_PORT (uint16_t) atoi(setting("FRONTTCP_PORT", "8124"))
#define FRONTTCP_USER setting("FRONTTCP_USER", "me")
#define FRONTTCP_TOKEN setting("FRONTTCP_TOKEN", "")
#define FRONTTCP_BACKOFF_MAX_MS (uint32_t) atol(setting("FRONTTCP_BACKOFF_MAX_MS", "30000"))

inline unsigned long millis() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint32_t)(now.tv_sec * 1000ull + now.tv_nsec / 1000000);
}

inline void delay(uint32_t ms) {
  timespec pause = {ms / 1000, (long)(ms % 1000) * 1000000};
  nanosleep(&pause, nullptr);
}

inline uint32_t esp_random() {
  static std::random_device device;
  return device();
}

inline void configTime(long, int, const char *) {}

struct SerialPort {
  void begin(unsigned long) {}
  void printf(const char *format, ...) __attribute__((format(printf, 2, 3))) {
    va_list arguments;
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    fflush(stdout);
  }
};
static SerialPort Serial __attribute__((unused));

class Client {
 public:
  virtual ~Client() = default;
  virtual int connect(const char *host, uint16_t port) = 0;
  virtual size_t write(const uint8_t *bytes, size_t size) = 0;
  virtual int available() = 0;
  virtual int read(uint8_t *bytes, size_t size) = 0;
  virtual void stop() = 0;
  virtual uint8_t connected() = 0;
};
