import { ClientCommand } from '../../contract/wire/command-ids.ts';

/** Ids of one frame: about 10 KB, far below the smallest sensible MAX_FRAME_BYTES. */
const MOST_IDS_OF_A_FRAME = 500;

export interface AcknowledgementWriter {
  write(commandId: number, body: string): void;
}

/** Gathers the ids of a turn into one frame. What has no connection is let go: the server sends those messages again. */
export class Acknowledgements {
  #writer: AcknowledgementWriter | undefined;
  #ids: string[] = [];
  #scheduled: NodeJS.Immediate | undefined;

  attach(writer: AcknowledgementWriter | undefined): void {
    this.#writer = writer;
    this.#ids = [];
  }

  add(id: string): void {
    if (!this.#writer) return;
    this.#ids.push(id);
    this.#scheduled ??= setImmediate(() => this.flush());
  }

  flush(): void {
    clearImmediate(this.#scheduled);
    this.#scheduled = undefined;
    for (
      let ids = this.#ids.splice(0, MOST_IDS_OF_A_FRAME);
      ids.length > 0;
      ids = this.#ids.splice(0, MOST_IDS_OF_A_FRAME)
    ) {
      this.#writer?.write(ClientCommand.acknowledge, JSON.stringify({ ids }));
    }
  }
}
