#pragma once
#include <Arduino.h>
#include <netdb.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum { WIFI_STA = 1, WL_CONNECTED = 3 };

struct WiFiStation {
  void mode(int) {}
  void setAutoReconnect(bool) {}
  void begin(const char *, const char *) {}
  int status() { return WL_CONNECTED; }
};
static WiFiStation WiFi __attribute__((unused));

class WiFiClient : public Client {
 public:
  int connect(const char *host, uint16_t port) override {
    addrinfo hints = {}, *found = nullptr;
    hints.ai_socktype = SOCK_STREAM;
    char service[8];
    snprintf(service, sizeof service, "%u", port);
    if (getaddrinfo(host, service, &hints, &found) != 0) return 0;
    fd_ = socket(found->ai_family, found->ai_socktype, found->ai_protocol);
    timeval patience = {1, 0}; /* the board has one, too: a write may end in the middle */
    setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (::connect(fd_, found->ai_addr, found->ai_addrlen) != 0) stop();
    freeaddrinfo(found);
    return fd_ >= 0;
  }

  size_t write(const uint8_t *bytes, size_t size) override {
    size_t sent = 0;
    while (sent < size) {
      ssize_t written = send(fd_, bytes + sent, size - sent, MSG_NOSIGNAL);
      if (written <= 0) break;
      sent += (size_t)written;
    }
    return sent;
  }

  int available() override {
    int bytes = 0;
    return fd_ >= 0 && ioctl(fd_, FIONREAD, &bytes) == 0 ? bytes : 0;
  }

  int read(uint8_t *bytes, size_t size) override { return (int)recv(fd_, bytes, size, MSG_DONTWAIT); }

  void stop() override {
    if (fd_ >= 0) close(fd_);
    fd_ = -1;
  }

  uint8_t connected() override {
    if (fd_ < 0) return 0;
    uint8_t byte;
    ssize_t bytes = recv(fd_, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return bytes > 0 || (bytes < 0 && errno == EAGAIN);
  }

 private:
  int fd_ = -1;
};
