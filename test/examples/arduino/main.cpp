/*
 * Runs the sketch as the Arduino core does. `--decode` reads frames from standard input with its reader, for the vectors.
 * `--send` sends until it fails, then once more after a line of input, and prints whether that was sent.
 */
#include <Arduino.h>
#include "esp32.ino"

class Input : public WiFiClient {
 public:
  int available() override { return isOver_ ? 0 : 1; }
  int read(uint8_t *bytes, size_t size) override {
    ssize_t got = ::read(STDIN_FILENO, bytes, size);
    isOver_ = got <= 0;
    return (int)got;
  }

 private:
  bool isOver_ = false;
};

static int decode() {
  static FrameReader reader;
  static Input input;
  Frame frame;
  FrameReader::Result result;
  while ((result = reader.read(input, frame)) == FrameReader::FRAME)
    printf("%u %u %.*s\n", (unsigned)frame.version, (unsigned)frame.command, (int)frame.bytes, frame.body);
  if (result == FrameReader::INVALID) puts("invalid");
  return 0;
}

static void send() {
  static char text[900];
  memset(text, 'x', sizeof text - 1);
  while (!fronttcp.isVerified()) loop();
  while (fronttcp.send("you", text)) {}
  Serial.printf("{\"sent\":false}\n");
  getchar();
  Serial.printf("{\"sent\":%s}\n", fronttcp.send("you", "behind") ? "true" : "false");
}

int main(int count, char **arguments) {
  if (count == 2 && strcmp(arguments[1], "--decode") == 0) return decode();
  setup();
  if (count == 2 && strcmp(arguments[1], "--send") == 0) send();
  for (;;) loop();
}
