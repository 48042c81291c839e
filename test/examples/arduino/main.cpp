/* Runs the sketch as the Arduino core does. `--decode` reads frames from standard input with its reader, for the vectors. */
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

int main(int count, char **arguments) {
  if (count == 2 && strcmp(arguments[1], "--decode") == 0) return decode();
  setup();
  for (;;) loop();
}
