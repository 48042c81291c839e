import { ClientCommand, MAX_ACKNOWLEDGED_IDS } from '../../contract/wire/command-ids.ts';

export interface AcknowledgementWriter {
  write(commandId: number, body: string): void;
}

/** Collects the ids of a turn into one frame. Without a connection the ids are dropped: the server sends those messages again. */
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
      let ids = this.#ids.splice(0, MAX_ACKNOWLEDGED_IDS);
      ids.length > 0;
      ids = this.#ids.splice(0, MAX_ACKNOWLEDGED_IDS)
    ) {
      this.#writer?.write(ClientCommand.acknowledge, JSON.stringify({ ids }));
    }
  }
}
