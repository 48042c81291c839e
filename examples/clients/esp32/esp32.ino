/*
 * fronttcp client for ESP32 with the Arduino core: one file, no library beside those of the board, no heap of its own.
 *
 * Set the values below, then fill in onMessage() and onAsk(). It verifies, acknowledges each message after onMessage() has
 * returned, replies to messages that ask, sends heartbeats, and comes back by itself with full jitter. With another network
 * (Ethernet, a modem) give FrontTcp any other Arduino Client.
 *
 * Memory: one receive buffer of MAX_FRAME_BYTES, one send buffer, the last reply, SEEN_IDS ids of 24 bytes. With TLS the board needs
 * about 45 KB more.
 */
#include <Arduino.h>
#include <WiFi.h>
#include <WiFiClientSecure.h>
#include <time.h>

#ifndef FRONTTCP_HOST
#define WIFI_SSID "your network"
#define WIFI_PASSWORD "its password"
#define FRONTTCP_HOST "gateway.example.com"
#define FRONTTCP_PORT 8124
#define FRONTTCP_USER "device-1"
#define FRONTTCP_TOKEN "the token of this user" /* fronttcp users token device-1 --ttl 0 */
#endif

/*
 * 1: TLS. The certificate of the authority is checked, so the clock must be right: setup() waits for the time of NTP. Store
 * the authority's certificate, not the server's, which is renewed. Never setInsecure(): the token could be read on the way.
 */
#ifndef FRONTTCP_TLS
#define FRONTTCP_TLS 0
#endif
#if FRONTTCP_TLS
static const char AUTHORITY[] = "-----BEGIN CERTIFICATE-----\n...\n-----END CERTIFICATE-----\n";
#endif

/* The largest frame that is taken. The verify names it: the server sends no larger one, and counts what was larger as lost. */
#ifndef FRONTTCP_MAX_FRAME_BYTES
#define FRONTTCP_MAX_FRAME_BYTES 4096
#endif
#ifndef FRONTTCP_BACKOFF_MAX_MS
#define FRONTTCP_BACKOFF_MAX_MS 30000
#endif

/* ---- what your device does ------------------------------------------------------------------------------------ */

/* A message, once, as JSON that ends with '\0': 102 to 104 from a user, 2000 to 2999 from your programs. It is acknowledged when
 * this returns: store it, or act on it, before. After a power failure in between it comes again. */
static void onMessage(uint32_t command, const char *body, size_t bytes) {
  Serial.printf("%u %.*s\n", (unsigned)command, (int)bytes, body);
}

/* A message that waits for a reply. Write JSON into `reply` and return its length; 0: this device does not reply. */
static size_t onAsk(uint32_t command, const char *body, size_t bytes, char *reply, size_t size) {
  (void)command, (void)body, (void)bytes;
  int used = snprintf(reply, size, "{\"uptime_ms\":%lu}", (unsigned long)millis());
  return used > 0 && (size_t)used < size ? (size_t)used : 0;
}

/* ---- frames ------------------------------------------------------------------------------------------------------ */

enum : uint32_t {
  HEADER_BYTES = 12,
  MAX_FRAME_BYTES = FRONTTCP_MAX_FRAME_BYTES,
  /* No server sends more: what claims to be longer is not of this protocol. */
  MAX_SKIPPED_BYTES = 1 << 24,
  MAX_SENT_BYTES = 1024,
  MAX_REPLY_BYTES = 768,
  VERSION = 1100,
  HEARTBEAT_MS = 30000,
  MISSED_HEARTBEATS = 3,
  VERIFY_MS = 35000,
  BACKOFF_MIN_MS = 500,
  LASTING_MS = 10000,
  SEEN_IDS = 64
};
enum : uint32_t { VERIFY = 1, SINGLE = 2, HEARTBEAT = 5, ACKNOWLEDGE = 6, REPLY = 7 };
enum : uint32_t { VERIFY_RESULT = 101, MESSAGE_FIRST = 102, MESSAGE_LAST = 104, GOODBYE = 112, PUSH_FIRST = 2000, PUSH_LAST = 2999 };

static uint32_t readU32(const uint8_t *at) {
  return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static void writeU32(uint8_t *at, uint32_t value) {
  for (int i = 0; i < 4; i++) at[i] = (uint8_t)(value >> (24 - 8 * i));
}

/* Valid until the next read. The body ends with '\0'. */
struct Frame {
  uint32_t version, command;
  const char *body;
  size_t bytes;
};

/* Gathers one frame; reads no byte of the next one before this one was handled. */
class FrameReader {
 public:
  enum Result { FRAME, INCOMPLETE, INVALID };

  void reset() { got_ = skip_ = 0; }

  Result read(Client &socket, Frame &frame) {
    while (socket.available() > 0) {
      if (skip_ > 0) {
        int bytes = socket.read(buffer_, skip_ < MAX_FRAME_BYTES ? skip_ : MAX_FRAME_BYTES);
        if (bytes <= 0) return INCOMPLETE;
        skip_ -= (uint32_t)bytes;
        continue;
      }
      uint32_t wanted = (got_ < HEADER_BYTES ? HEADER_BYTES : readU32(buffer_)) - got_;
      int bytes = socket.read(buffer_ + got_, wanted);
      if (bytes <= 0) return INCOMPLETE;
      got_ += (uint32_t)bytes;
      if (got_ < HEADER_BYTES) continue;
      uint32_t length = readU32(buffer_);
      /* Before the body is waited for: a hostile length costs nothing. */
      if (length < HEADER_BYTES || length > MAX_SKIPPED_BYTES) return INVALID;
      if (length > MAX_FRAME_BYTES) {
        skip_ = length - HEADER_BYTES;
        got_ = 0;
      } else if (got_ == length) {
        buffer_[length] = '\0';
        frame = {readU32(buffer_ + 4), readU32(buffer_ + 8), (const char *)buffer_ + HEADER_BYTES, length - HEADER_BYTES};
        got_ = 0;
        return FRAME;
      }
    }
    return INCOMPLETE;
  }

 private:
  uint8_t buffer_[MAX_FRAME_BYTES + 1];
  uint32_t got_ = 0, skip_ = 0;
};

/* ---- a little JSON ----------------------------------------------------------------------------------------------- */

/* Builds a frame. What does not fit makes `fits` false, and the frame is not sent. */
class FrameWriter {
 public:
  explicit FrameWriter(uint32_t command) {
    writeU32(bytes_ + 4, VERSION);
    writeU32(bytes_ + 8, command);
  }

  FrameWriter &raw(const char *text) { return raw(text, strlen(text)); }

  FrameWriter &raw(const char *text, size_t bytes) {
    if (used_ + bytes > MAX_SENT_BYTES) fits_ = false;
    else memcpy(bytes_ + used_, text, bytes), used_ += bytes;
    return *this;
  }

  /* As a JSON string. */
  FrameWriter &text(const char *text) {
    raw("\"");
    for (; *text; text++) {
      unsigned char c = (unsigned char)*text;
      char escaped[8];
      if (c == '"' || c == '\\') snprintf(escaped, sizeof escaped, "\\%c", c);
      else if (c < 0x20) snprintf(escaped, sizeof escaped, "\\u%04x", c);
      else escaped[0] = (char)c, escaped[1] = '\0';
      raw(escaped);
    }
    return raw("\"");
  }

  bool fits() const { return fits_; }

  /* Header and body in one call: one packet. False: the connection is broken, or a part of the frame was sent. */
  bool sendTo(Client &socket) {
    writeU32(bytes_, (uint32_t)used_);
    return socket.write(bytes_, used_) == used_;
  }

 private:
  uint8_t bytes_[MAX_SENT_BYTES];
  size_t used_ = HEADER_BYTES;
  bool fits_ = true;
};

/* One past the closing quote of the JSON string that begins at `at`, or `end`. */
static const char *skipString(const char *at, const char *end) {
  for (at++; at < end && *at != '"'; at++)
    if (*at == '\\') at++;
  return at < end ? at + 1 : end;
}

/* The value of a member of the outermost object, where it begins; nullptr when there is none. */
static const char *member(const Frame &frame, const char *name) {
  const char *at = frame.body, *end = at + frame.bytes;
  size_t nameBytes = strlen(name);
  int depth = 0;
  while (at < end) {
    if (*at == '{' || *at == '[') depth++;
    if (*at == '}' || *at == ']') depth--;
    if (*at != '"') {
      at++;
      continue;
    }
    const char *text = at + 1;
    at = skipString(at, end);
    bool matches = depth == 1 && (size_t)(at - text) == nameBytes + 1 && memcmp(text, name, nameBytes) == 0;
    while (at < end && isspace((unsigned char)*at)) at++;
    if (!matches || at >= end || *at != ':') continue;
    for (at++; at < end && isspace((unsigned char)*at); at++) {}
    return at;
  }
  return nullptr;
}

static long memberNumber(const Frame &frame, const char *name, long fallback) {
  const char *at = member(frame, name);
  return at != nullptr && isdigit((unsigned char)*at) ? strtol(at, nullptr, 10) : fallback;
}

/* Copies a string member as it is written (ids and reasons have no escapes). False when there is none, or no room. */
static bool memberString(const Frame &frame, const char *name, char *out, size_t size) {
  const char *at = member(frame, name), *end = frame.body + frame.bytes;
  size_t used = 0;
  if (at == nullptr || at >= end || *at != '"') return false;
  for (at++; at < end && *at != '"'; at++) {
    if (used + 1 >= size) return false;
    out[used++] = *at;
  }
  out[used] = '\0';
  return true;
}

/* ---- the connection ------------------------------------------------------------------------------------------------ */

class FrontTcp {
 public:
  FrontTcp(Client &socket, const char *host, uint16_t port, const char *user, const char *token)
      : socket_(socket), host_(host), port_(port), user_(user), token_(token) {}

  bool isVerified() const { return state_ == VERIFIED; }

  /* Why it does not come back by itself; nullptr while it does. */
  const char *ending() const { return state_ == ENDED ? ending_ : nullptr; }

  /* Call it from loop(), often. It waits for nothing but the connection and a full send buffer. */
  void poll() {
    if (state_ == ENDED) return;
    if (state_ == WAITING) {
      if (passed(since_, pauseMs_)) connect();
      return;
    }
    if (!receive() || isTorn_ || !socket_.connected() || !isAlive()) hangUp();
  }

  /* A chat message to one user. False: not connected, too long, or the connection is broken: the next poll() ends it. */
  bool send(const char *to, const char *content) {
    if (!isVerified()) return false;
    FrameWriter frame(SINGLE);
    frame.raw("{\"chat_from\":").text(user_).raw(",\"chat_to\":").text(to).raw(",\"chat_content\":").text(content).raw("}");
    return write(frame);
  }

 private:
  enum State { WAITING, VERIFYING, VERIFIED, ENDED };

  /* millis() begins anew after 49 days: only differences are compared. */
  static bool passed(uint32_t since, uint32_t ms) { return (uint32_t)(millis() - since) >= ms; }

  void connect() {
    reader_.reset();
    unanswered_ = 0;
    reconnectAfterMs_ = -1;
    isTorn_ = false;
    state_ = VERIFYING;
    /* By name: the address may have changed since the last time. */
    if (!socket_.connect(host_, port_) || !verify()) return hangUp();
    since_ = beatAt_ = millis();
  }

  /* Every frame goes this way: behind a part of one, whatever followed would be read as its rest. */
  bool write(FrameWriter &frame) {
    if (!frame.fits() || isTorn_) return false;
    isTorn_ = !frame.sendTo(socket_);
    return !isTorn_;
  }

  bool verify() {
    char limit[48];
    snprintf(limit, sizeof limit, ",\"max_frame_bytes\":%lu}", (unsigned long)MAX_FRAME_BYTES);
    FrameWriter frame(VERIFY);
    frame.raw("{\"phone_number\":").text(user_).raw(",\"token\":").text(token_);
    frame.raw(",\"features\":[\"ack\",\"pong\",\"goodbye\"]").raw(limit);
    return write(frame);
  }

  /* Whatever came is handled before the end of the connection is looked at. */
  bool receive() {
    Frame frame;
    for (;;) {
      if (socket_.available() > 0) unanswered_ = 0; /* any byte is a sign of life */
      FrameReader::Result result = reader_.read(socket_, frame);
      if (result == FrameReader::INCOMPLETE) return true;
      if (result == FrameReader::INVALID || !handle(frame)) return false;
    }
  }

  /* False: the connection is to be ended. What is not known is of a newer server, and passed over. */
  bool handle(const Frame &frame) {
    if (frame.command == VERIFY_RESULT) {
      if (memberNumber(frame, "code", 0) != 1) return end("the token was refused");
      long beat = memberNumber(frame, "heartbeat_timeout_ms", 3L * HEARTBEAT_MS) / 3;
      heartbeatMs_ = beat < (long)HEARTBEAT_MS ? (uint32_t)beat : HEARTBEAT_MS;
      state_ = VERIFIED;
      since_ = beatAt_ = millis();
    } else if (frame.command == GOODBYE) {
      char reason[32] = "";
      reconnectAfterMs_ = memberNumber(frame, "reconnect_after_ms", 1000);
      memberString(frame, "reason", reason, sizeof reason);
      if (strcmp(reason, "taken_over") == 0) return end("the same user connected elsewhere");
      if (strcmp(reason, "logged_out") == 0) return end("the user was logged out");
    } else if ((frame.command >= MESSAGE_FIRST && frame.command <= MESSAGE_LAST) ||
               (frame.command >= PUSH_FIRST && frame.command <= PUSH_LAST)) {
      return takeMessage(frame);
    }
    return true;
  }

  bool end(const char *why) {
    ending_ = why;
    return false;
  }

  /* Handled, then acknowledged: what a power failure interrupts comes again. What comes twice is acknowledged twice. */
  bool takeMessage(const Frame &frame) {
    char id[24], ask[sizeof repliedAsk_];
    bool hasId = memberString(frame, "id", id, sizeof id), isNew = !hasId || !wasSeen(id);
    bool isAsking = memberString(frame, "ask", ask, sizeof ask) && (isNew || strcmp(ask, repliedAsk_) == 0);
    if (isAsking && !reply(frame, ask)) return false;
    if (isNew) {
      onMessage(frame.command, frame.body, frame.bytes);
      if (hasId) memcpy(seen_[seenNext_++ % SEEN_IDS], id, sizeof id);
    }
    if (!hasId) return true;
    FrameWriter acknowledgement(ACKNOWLEDGE);
    return write(acknowledgement.raw("{\"ids\":[\"").raw(id).raw("\"]}"));
  }

  /* The last reply is kept and sent again when its message comes again: it may have been lost with its connection. */
  bool reply(const Frame &frame, const char *ask) {
    if (strcmp(ask, repliedAsk_) != 0) {
      repliedAsk_[0] = '\0'; /* its reply is written over */
      replyBytes_ = onAsk(frame.command, frame.body, frame.bytes, reply_, sizeof reply_);
      if (replyBytes_ == 0) return true;
      strcpy(repliedAsk_, ask);
    }
    FrameWriter answer(REPLY);
    return write(answer.raw("{\"ask\":\"").raw(ask).raw("\",\"reply\":").raw(reply_, replyBytes_).raw("}"));
  }

  bool wasSeen(const char *id) const {
    for (const char *seen : seen_)
      if (strcmp(seen, id) == 0) return true;
    return false;
  }

  /* Sends the heartbeat that is due. False: the server is silent. */
  bool isAlive() {
    if (state_ == VERIFYING) return !passed(since_, VERIFY_MS);
    if (!passed(beatAt_, heartbeatMs_)) return true;
    if (unanswered_ >= MISSED_HEARTBEATS) return false;
    unanswered_++;
    beatAt_ = millis();
    FrameWriter frame(HEARTBEAT);
    return write(frame);
  }

  void hangUp() {
    socket_.stop();
    if (state_ == VERIFIED && passed(since_, LASTING_MS)) attempt_ = 0;
    state_ = ending_ == nullptr ? WAITING : ENDED;
    attempt_++;
    pauseMs_ = reconnectAfterMs_ >= 0 ? (uint32_t)reconnectAfterMs_ : backoffMs();
    since_ = millis();
  }

  /* Full jitter from the hardware's generator: the devices of a gateway that died must not all come back at the same moment. */
  uint32_t backoffMs() const {
    uint32_t most = FRONTTCP_BACKOFF_MAX_MS;
    uint32_t bound = attempt_ > 6 ? most : (uint32_t)BACKOFF_MIN_MS << (attempt_ - 1);
    return esp_random() % ((bound < most ? bound : most) + 1);
  }

  Client &socket_;
  const char *host_;
  uint16_t port_;
  const char *user_, *token_, *ending_ = nullptr;
  State state_ = WAITING;
  bool isTorn_ = false; /* a write failed: a part of a frame may have been sent */
  FrameReader reader_;
  /* Of the state: when it began. */
  uint32_t since_ = 0, pauseMs_ = 0, beatAt_ = 0, heartbeatMs_ = HEARTBEAT_MS, unanswered_ = 0, attempt_ = 0;
  long reconnectAfterMs_ = -1; /* -1: nobody said */
  char seen_[SEEN_IDS][24] = {}; /* a ring: the newest ids that were taken */
  uint32_t seenNext_ = 0;
  char repliedAsk_[24] = "", reply_[MAX_REPLY_BYTES];
  size_t replyBytes_ = 0;
};

/* ---- the sketch ------------------------------------------------------------------------------------------------------ */

#if FRONTTCP_TLS
static WiFiClientSecure network;
#else
static WiFiClient network;
#endif
static FrontTcp fronttcp(network, FRONTTCP_HOST, FRONTTCP_PORT, FRONTTCP_USER, FRONTTCP_TOKEN);

void setup() {
  Serial.begin(115200);
  WiFi.mode(WIFI_STA);
  WiFi.setAutoReconnect(true);
  WiFi.begin(WIFI_SSID, WIFI_PASSWORD);
#if FRONTTCP_TLS
  network.setCACert(AUTHORITY);
  configTime(0, 0, "pool.ntp.org");
  while (time(nullptr) < 1700000000) delay(100);
#endif
}

void loop() {
  static bool isTold = false;
  if (WiFi.status() == WL_CONNECTED) fronttcp.poll();
  if (fronttcp.ending() != nullptr && !isTold) {
    /* With a new token, or by a person: after a restart it tries again. */
    Serial.printf("ended: %s\n", fronttcp.ending());
    isTold = true;
  }
  delay(2);
}
