// WebSocket in Node by the ws library: text frames `1 <id>` register, `4 <text>` to all, `2 <id> <text>` to one. argv: port
import { createServer } from 'node:http';
import { WebSocketServer } from 'ws';

const users = new Map();
const server = createServer();
const sockets = new WebSocketServer({ server, perMessageDeflate: false });

sockets.on('connection', (socket) => {
  let id = '';
  socket.on('message', (bytes) => {
    const text = bytes.toString();
    if (text[0] === '1') {
      id = text.slice(2);
      users.set(id, socket);
      socket.send('!');
    } else if (text[0] === '4') {
      const content = text.slice(2);
      for (const user of users.values()) user.send(content);
    } else {
      const end = text.indexOf(' ', 2);
      users.get(text.slice(2, end))?.send(text.slice(end + 1));
    }
  });
  socket.on('close', () => {
    if (users.get(id) === socket) users.delete(id);
  });
  socket.on('error', () => socket.terminate());
});
server.listen({ host: '127.0.0.1', port: Number(process.argv[2]), backlog: 4096 });
