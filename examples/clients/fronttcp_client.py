#!/usr/bin/env python3
"""fronttcp reference client for Python: one file, standard library only.

As a program it connects, prints each message as a line of JSON, and sends each line of standard input:

    FRONTTCP_TOKEN=... python3 fronttcp_client.py --phone-number 13565208554 --to 13764408552

With FRONTTCP_REPLY='{"celsius": 21.5}' it replies so to every message that asks.

As a module:

    with Client("127.0.0.1", 8124, "13565208554", token) as client:
        client.send("13764408552", "hello")
        for message in client.messages():
            print(message["chat_from"], message["chat_content"])

With `on_ask=lambda message: {"celsius": 21.5}` messages that ask for a reply go there, and their replies to the caller.

A message is acknowledged when the loop asks for the next one, so what a crash interrupts comes again (with the same
`id`; duplicates are dropped here). The connection comes back by itself, with full jitter, or when the server says so.
"""

import argparse
import collections
import json
import os
import random
import select
import socket
import ssl
import struct
import sys
import time

# A frame: length, version, command_id (each unsigned, 32 bits, big-endian; length counts these 12 bytes too), then
# a body of UTF-8 JSON, or nothing.
HEADER = struct.Struct(">III")
VERSION = 1100
# The largest frame that is taken. The verify names it: the server sends no larger one, and counts what was larger as lost.
MAX_FRAME_BYTES = 1 << 16
# A larger frame is skipped, up to this: no server sends more, so what claims to be longer is not of this protocol.
MAX_SKIPPED_BYTES = 1 << 24

VERIFY, SINGLE, GROUP, BROADCAST, HEARTBEAT, ACKNOWLEDGE, REPLY = 1, 2, 3, 4, 5, 6, 7
VERIFY_RESULT, HEARTBEAT_REPLY, ACCEPTED, REFUSED, GOODBYE = 101, 105, 110, 111, 112
MESSAGES = {*range(102, 105), *range(2000, 3000)}
KNOWN = MESSAGES | {VERIFY_RESULT, HEARTBEAT_REPLY, ACCEPTED, REFUSED, GOODBYE}
FEATURES = ["ack", "receipts", "errors", "pong", "goodbye"]

HEARTBEAT_SECONDS = 30.0
MISSED_HEARTBEATS = 3
VERIFY_SECONDS = 35.0
CONNECT_SECONDS = 10.0
# Shorter for tests alone: a fleet that comes back at once is a flood.
BACKOFF_SECONDS = (0.5, float(os.environ.get("FRONTTCP_BACKOFF_MAX_MS", "30000")) / 1000)
REMEMBERED_IDS = 10_000
# No caller waits longer than 25 s: few lost replies are still of use.
REMEMBERED_REPLIES = 100
# Coming back after these would take the connection from its rightful holder, or come with a dead token.
FINAL_REASONS = {"taken_over", "logged_out"}


class TokenRefused(Exception):
    """The server does not know this token: log in again."""


class Dismissed(Exception):
    """The server ended this client for good."""


class Disconnected(Exception):
    """The connection broke; the client comes back by itself."""


class ProtocolError(Disconnected):
    """The other side does not speak this protocol."""


def encode(version, command_id, body=b""):
    """One frame as bytes; `body` is bytes, or text to be sent as UTF-8."""
    if isinstance(body, str):
        body = body.encode()
    return HEADER.pack(HEADER.size + len(body), version, command_id) + body


class Decoder:
    """Takes bytes as they come, gives whole frames: (version, command_id, body). What is larger than `max_frame_bytes` is
    skipped up to `max_skipped_bytes`, and is an error beyond."""

    def __init__(self, max_frame_bytes=MAX_FRAME_BYTES, max_skipped_bytes=0):
        self._buffer = bytearray()
        self._max_frame_bytes = max_frame_bytes
        self._max_skipped_bytes = max_skipped_bytes
        self._to_skip = 0

    def feed(self, chunk):
        self._buffer += chunk
        start = self._skip(0)
        frames = []
        while len(self._buffer) - start >= HEADER.size:
            length, version, command_id = HEADER.unpack_from(self._buffer, start)
            # Before the body is waited for: after a wrong length nothing can be trusted.
            if not HEADER.size <= length <= max(self._max_frame_bytes, self._max_skipped_bytes):
                raise ProtocolError(f"a frame of length {length}")
            if length > self._max_frame_bytes:
                self._to_skip = length
                start = self._skip(start)
                continue
            if len(self._buffer) - start < length:
                break
            frames.append((version, command_id, bytes(self._buffer[start + HEADER.size : start + length])))
            start += length
        del self._buffer[:start]
        return frames

    def _skip(self, start):
        skipped = min(self._to_skip, len(self._buffer) - start)
        self._to_skip -= skipped
        return start + skipped


class Client:
    """One user's connection. Not for several threads at once: `messages()` does all the work.

    `on_ask` takes the messages that ask, and returns the reply: anything that JSON has. When it raises, no reply is sent
    and the message comes again on the next connection. Without it they come like any other, and `reply()` answers them."""

    def __init__(self, host, port, phone_number, token, tls=False, on_event=None, on_ask=None):
        self.address = (host, port)
        self.phone_number = phone_number
        self.token = token
        self.tls = tls
        self.on_event = on_event or (lambda name, detail: None)
        self.on_ask = on_ask
        self._socket = None
        self._decoder = None
        self._inbound = collections.deque()
        self._waiting_ids = set()
        self._taken_ids = collections.OrderedDict()
        self._replies = collections.OrderedDict()
        self._last_ref = 0
        self._goodbye = None
        self._attempt = 0
        self._connect()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def fileno(self):
        """For select(): readable when there may be a message."""
        return self._socket.fileno()

    def send(self, to, content):
        """To one user. Returns the `ref` that ACCEPTED or REFUSED (see on_event) will carry."""
        return self._chat(SINGLE, {"chat_to": to}, content)

    def send_to_group(self, to, content):
        return self._chat(GROUP, {"chat_to": list(to)}, content)

    def broadcast(self, content):
        return self._chat(BROADCAST, {}, content)

    def messages(self):
        """Each message once, acknowledged when the next one is asked for. Comes back by itself when the line breaks."""
        while True:
            message = self.poll(None)
            yield message
            self.acknowledge(message)

    def poll(self, timeout, wake=None):
        """The next message, to be acknowledge()d when it has been dealt with. None after `timeout` seconds, or when the
        file descriptor `wake` can be read."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            while self._inbound:
                message = self._inbound.popleft()
                if self.on_ask is None or "ask" not in message:
                    return message
                self._answer(message)
            if deadline is not None and time.monotonic() >= deadline:
                return None
            try:
                if self._step(deadline, wake):
                    return None
            except (OSError, Disconnected) as error:
                self._come_back(error)

    def reply(self, message, value):
        """To a message that asks; the first reply counts. It does not acknowledge. It is sent again if the message comes again."""
        body = json.dumps({"ask": message["ask"], "reply": value}, ensure_ascii=False).encode()
        if HEADER.size + len(body) > MAX_FRAME_BYTES:
            raise ValueError(f"a reply of {len(body)} bytes does not fit a frame")
        self._replies[message["ask"]] = body
        while len(self._replies) > REMEMBERED_REPLIES:
            self._replies.popitem(last=False)
        self._send_reply(message)

    def _send_reply(self, message):
        """The remembered one, if there is one."""
        body = self._replies.get(message.get("ask"))
        if body is None:
            return
        try:
            self._send_frame(REPLY, body)
        except OSError:
            pass  # It is sent when the message comes again.

    def _answer(self, message):
        try:
            if message["ask"] not in self._replies:
                self.reply(message, self.on_ask(message))
        except Exception as error:  # The handler is not ours.
            self._waiting_ids.discard(message.get("id"))
            self.on_event("not_replied", {"ask": message["ask"], "cause": str(error)})
            return
        self.acknowledge(message)

    def acknowledge(self, message):
        message_id = message.get("id")
        if message_id is None:
            return
        self._waiting_ids.discard(message_id)
        self._taken_ids[message_id] = True
        while len(self._taken_ids) > REMEMBERED_IDS:
            self._taken_ids.popitem(last=False)
        try:
            self._write(ACKNOWLEDGE, {"ids": [message_id]})
        except OSError:
            pass  # It comes again on the next connection, and is acknowledged then.

    def close(self):
        if self._socket is not None:
            self._socket.close()

    def _chat(self, command_id, to, content):
        self._last_ref += 1
        ref = str(self._last_ref)
        self._write(command_id, {"chat_from": self.phone_number, **to, "chat_content": content, "ref": ref})
        return ref

    def _write(self, command_id, body=None):
        self._send_frame(command_id, b"" if body is None else json.dumps(body, ensure_ascii=False).encode())

    def _send_frame(self, command_id, payload):
        try:
            self._socket.sendall(encode(VERSION, command_id, payload))
        except OSError:
            self._end_sending()
            raise

    def _end_sending(self):
        """A part of a frame may have been sent, so nothing may follow it. What came is still read: it may be a goodbye. Then
        poll() finds the end of the connection and comes back."""
        try:
            # Not SSLSocket.shutdown(): after that, recv() would return encrypted bytes.
            socket.socket.shutdown(self._socket, socket.SHUT_RDWR)
        except OSError:
            pass  # It has ended already.

    def _connect(self):
        stream = socket.create_connection(self.address, timeout=CONNECT_SECONDS)
        stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.tls:
            stream = ssl.create_default_context().wrap_socket(stream, server_hostname=self.address[0])
        self._socket = stream
        self._decoder = Decoder(MAX_FRAME_BYTES, MAX_SKIPPED_BYTES)
        verify = {"phone_number": self.phone_number, "token": self.token, "features": FEATURES}
        self._write(VERIFY, {**verify, "max_frame_bytes": MAX_FRAME_BYTES})
        self._await_verdict()

    def _await_verdict(self):
        self._is_verified = False
        self._unanswered = 0
        self._heartbeat_seconds = HEARTBEAT_SECONDS
        deadline = time.monotonic() + VERIFY_SECONDS
        while not self._is_verified:
            self._socket.settimeout(max(0.01, deadline - time.monotonic()))
            self._receive()
        self._socket.settimeout(CONNECT_SECONDS)
        self._verified_at = self._beat_at = time.monotonic()

    def _step(self, deadline, wake):
        """Waits for bytes, the next heartbeat, the deadline or `wake`, whichever is first. True: it was `wake`."""
        now = time.monotonic()
        next_beat = self._beat_at + self._heartbeat_seconds
        if now >= next_beat:
            if self._unanswered >= MISSED_HEARTBEATS:
                raise Disconnected(f"the server has been silent for {self._unanswered} heartbeats")
            self._unanswered += 1
            self._beat_at = now
            self._write(HEARTBEAT)
            return False
        until = next_beat if deadline is None else min(next_beat, deadline)
        # TLS may hold bytes that select() does not see.
        has_bytes = self.tls and self._socket.pending() > 0
        sources = [self._socket] if wake is None else [self._socket, wake]
        ready = [self._socket] if has_bytes else select.select(sources, [], [], max(0.0, until - now))[0]
        if self._socket in ready:
            self._receive()
            return False
        return bool(ready)

    def _receive(self):
        chunk = self._socket.recv(65_536)
        if not chunk:
            raise Disconnected("the server closed the connection")
        self._unanswered = 0
        for _, command_id, body in self._decoder.feed(chunk):
            if command_id in KNOWN:  # What is not known is of a newer server.
                self._dispatch(command_id, json.loads(body) if body else None)

    def _dispatch(self, command_id, body):
        if command_id == VERIFY_RESULT:
            if body["code"] != 1:
                raise TokenRefused(self.phone_number)
            self._is_verified = True
            borne = body.get("heartbeat_timeout_ms")
            if borne:
                self._heartbeat_seconds = min(HEARTBEAT_SECONDS, borne / 3000)
            self.on_event("verified", body)
        elif command_id == ACCEPTED:
            self.on_event("accepted", body)
        elif command_id == REFUSED:
            self.on_event("refused", body)
        elif command_id == GOODBYE:
            self._goodbye = body
            self.on_event("goodbye", body)
        elif command_id in MESSAGES:
            self._take_in({"command_id": command_id, **body})
        # Heartbeat replies have done their work by coming.

    def _take_in(self, message):
        self._send_reply(message)  # Again: the first one may have been lost with its connection.
        message_id = message.get("id")
        if message_id in self._taken_ids:
            self.acknowledge(message)  # The acknowledgement was lost with its connection.
        elif message_id is None or message_id not in self._waiting_ids:
            if message_id is not None:
                self._waiting_ids.add(message_id)
            self._inbound.append(message)

    def _come_back(self, error):
        while True:
            self.close()
            reason = (self._goodbye or {}).get("reason")
            if reason in FINAL_REASONS:
                raise Dismissed(reason)
            # A connection that lasted was a success: the count starts anew.
            if self._is_verified and time.monotonic() - self._verified_at > 10:
                self._attempt = 0
            self._attempt += 1
            lowest, highest = BACKOFF_SECONDS
            delay = random.uniform(0, min(highest, lowest * 2 ** min(self._attempt - 1, 16)))
            if self._goodbye is not None:
                delay = self._goodbye["reconnect_after_ms"] / 1000
                self._goodbye = None  # For one attempt: while the server cannot be reached, the next ones back off.
            self.on_event("reconnecting", {"cause": str(error), "delay": delay})
            time.sleep(delay)
            try:
                self._is_verified = False
                self._connect()
                return
            except (OSError, Disconnected) as next_error:
                error = next_error


def main():
    parser = argparse.ArgumentParser(description="Prints messages as JSON; sends the lines of standard input.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8124)
    parser.add_argument("--tls", action="store_true")
    parser.add_argument("--phone-number", required=True)
    parser.add_argument("--to", action="append", default=[], help="a recipient; none: everyone")
    arguments = parser.parse_args()
    token = os.environ.get("FRONTTCP_TOKEN")
    if not token:
        parser.error("set FRONTTCP_TOKEN")

    def tell(name, detail):
        print(json.dumps({"event": name, **detail}), file=sys.stderr, flush=True)

    def answer(message):
        print(json.dumps(message), flush=True)
        return json.loads(os.environ["FRONTTCP_REPLY"])

    on_ask = answer if "FRONTTCP_REPLY" in os.environ else None
    with Client(arguments.host, arguments.port, arguments.phone_number, token, arguments.tls, tell, on_ask) as client:
        # Unbuffered: select() must see what readline() would hide.
        lines, rest, is_open = sys.stdin.fileno(), b"", True
        while True:
            message = client.poll(None, lines if is_open else None)
            if message is not None:
                print(json.dumps(message), flush=True)
                client.acknowledge(message)
            if is_open and select.select([lines], [], [], 0)[0]:
                chunk = os.read(lines, 65_536)
                is_open = chunk != b""
                *complete, rest = (rest + chunk).split(b"\n")
                if not is_open and rest:
                    complete.append(rest)  # The last line may lack its newline.
                for line in complete:
                    try:
                        send_line(client, arguments.to, line.decode(errors="replace"))
                    except OSError as error:  # poll() comes back.
                        tell("not_sent", {"cause": str(error)})


def send_line(client, to, text):
    if not to:
        client.broadcast(text)
    elif len(to) == 1:
        client.send(to[0], text)
    else:
        client.send_to_group(to, text)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
    except (OSError, TokenRefused, Dismissed, Disconnected) as failure:
        sys.exit(f"{type(failure).__name__}: {failure}")
