# A gateway of the kind that this one replaces: Twisted, one dictionary of users, a frame encoded and written per
# recipient. It speaks our frames, checks no token and has no Redis. argv: port
import json
import struct
import sys

from twisted.internet import epollreactor

epollreactor.install()
from twisted.internet import protocol, reactor  # noqa: E402

users = {}


class Client(protocol.Protocol):
    def __init__(self):
        self.buffer = b""
        self.user = None

    def connectionMade(self):
        self.transport.setTcpNoDelay(True)

    def dataReceived(self, data):
        self.buffer += data
        while len(self.buffer) >= 12:
            length, version, command = struct.unpack("!3I", self.buffer[:12])
            if len(self.buffer) < length:
                return
            body, self.buffer = self.buffer[12:length], self.buffer[length:]
            self.handle(version, command, body)

    def handle(self, version, command, body):
        if command == 5:
            return
        message = json.loads(body)
        if command == 1:
            self.user = message["phone_number"]
            users[self.user] = self
            self.send(version, 101, {"code": 1})
        elif self.user is not None:
            out = {"chat_from": message["chat_from"], "chat_content": message["chat_content"]}
            if command == 4:
                receivers = list(users)
            elif command == 3:
                receivers = message["chat_to"]
            else:
                receivers = [message["chat_to"]]
            for user in receivers:
                if user in users:
                    users[user].send(version, command + 100, out)

    def send(self, version, command, message):
        body = json.dumps(message).encode()
        self.transport.write(struct.pack("!3I", 12 + len(body), version, command) + body)

    def connectionLost(self, reason):
        if users.get(self.user) is self:
            del users[self.user]


factory = protocol.Factory()
factory.protocol = Client
reactor.listenTCP(int(sys.argv[1]), factory, backlog=4096, interface="127.0.0.1")
reactor.run()
