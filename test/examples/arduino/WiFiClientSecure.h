#pragma once
#include <WiFi.h>

/* Compiled only: TLS is the board's library. */
class WiFiClientSecure : public WiFiClient {
 public:
  void setCACert(const char *) {}
};
