import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { ClientCommand, ServerCommand } from '../../contract/wire/command-ids.ts';
import { Decoded, encodeFrame, FrameDecoder } from '../../contract/wire/frame.ts';

/** A frame of the gateway, the verdict excepted. The body is valid during the call. */
type TakeFrame = (commandId: number, body: Buffer, socket: Socket) => void;

/** Resolves with the connection of a verified device. */
export async function connectDevice(
  port: number,
  user: string,
  features: readonly string[],
  take: TakeFrame,
): Promise<Socket> {
  const socket = connect(port, '127.0.0.1').setNoDelay(true);
  await once(socket, 'connect');
  const decoder = new FrameDecoder();
  const verified = Promise.withResolvers<void>();
  socket.on('data', (chunk: Buffer) => {
    decoder.push(chunk);
    while (decoder.next() === Decoded.frame) {
      if (decoder.commandId === ServerCommand.verifyResult) verified.resolve();
      else take(decoder.commandId, decoder.body, socket);
    }
  });
  socket.write(
    encodeFrame(1, ClientCommand.verify, JSON.stringify({ phone_number: user, token: `t${user}`, features })),
  );
  await verified.promise;
  return socket;
}
