// socket.io over WebSocket: events `reg` id, `b` text to all, `u` id text to one. argv: port
import { createServer } from 'node:http';
import { Server } from 'socket.io';

const users = new Map();
const server = createServer();
const io = new Server(server, { transports: ['websocket'], perMessageDeflate: false });

io.on('connection', (socket) => {
  let id = '';
  socket.on('reg', (name) => {
    id = name;
    users.set(id, socket);
    socket.emit('ok');
  });
  socket.on('b', (content) => io.emit('m', content));
  socket.on('u', (to, content) => users.get(to)?.emit('m', content));
  socket.on('disconnect', () => {
    if (users.get(id) === socket) users.delete(id);
  });
});
server.listen({ host: '127.0.0.1', port: Number(process.argv[2]), backlog: 4096 });
