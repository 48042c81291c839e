import { parseInboxRecord } from '../../contract/store/records.ts';
import { buryGateway, holdLease } from '../../contract/store/scripts/gateways.ts';
import { readMailbox, stashMessages } from '../../contract/store/scripts/mailbox.ts';
import { routeCommands } from '../../contract/store/scripts/route.ts';
import {
  type ClaimRequest,
  type ClaimResult,
  claimSessions,
  disconnectUser,
  readCurrentSessions,
  releaseSession,
} from '../../contract/store/scripts/sessions.ts';
import { settleMessages } from '../../contract/store/scripts/settle.ts';
import { type Form, type Gateway, HOUR_MS, type Session, type State } from './state.ts';
import type { ModelStore, Snapshot } from './store.ts';

const USER = 'u';
const TOKEN = 'token';
const FIELD = 'token';
const STORE = { offlineTtlSeconds: 86_400 * 365, mailboxMax: 100, highestId: 0 };
/** Of a lease that only ends when the model says so. */
const LEASE_MS = 10 * HOUR_MS;

/**
 * The session protocol, one step at a time: two gateways with the least that they do, one user, and the real scripts. The
 * store is one whose clock is an hour behind that of the server before it, so that only what gateways bring keeps ids and
 * epochs going on: as after a failover to a machine whose clock is slow.
 */
export class Protocol {
  readonly store: ModelStore;
  readonly form: Form;
  readonly state: State;

  constructor(store: ModelStore, form: Form, state: State) {
    this.store = store;
    this.form = form;
    this.state = state;
  }

  async begin(): Promise<void> {
    await this.store.port.command('HSET', this.store.keys.user(USER), 'token', TOKEN);
    for (const gateway of this.state.gateways) await this.#join(gateway);
  }

  // --- what may happen

  async connect(gateway: Gateway): Promise<void> {
    const number = this.state.connections.length;
    const [result] = await this.#claim(gateway, { tokenField: FIELD });
    if (result?.status !== 'claimed') return;
    this.state.connections.push({ number, isOpen: true, got: [] });
    this.state.newest = number;
    if (gateway.session) await this.#end(gateway, false);
    await this.#begin(gateway, number, result);
  }

  async leave(gateway: Gateway): Promise<void> {
    const { session } = gateway;
    if (session === undefined) return;
    if (this.state.newest === session.connection) this.state.newest = undefined;
    await this.#end(gateway, false);
  }

  async send(): Promise<void> {
    const command = {
      commandId: 102,
      version: 1100,
      body: '{"chat_content": "x"}',
      to: [USER],
      from: 'op',
      ttlSeconds: 0,
      receipt: false,
      traceparent: '',
    };
    const { answers } = await routeCommands(this.store.port, this.store.keys, [command], STORE);
    this.state.sent.push(answers[0]?.id ?? '');
  }

  /** One entry of its inbox. */
  async read(gateway: Gateway): Promise<boolean> {
    const inbox = this.store.keys.inbox(idOf(gateway));
    const entries = (await this.store.port.command('XRANGE', inbox, '-', '+', 'COUNT', 1)) as [string, string[]][];
    const [entry] = entries;
    if (entry === undefined) return false;
    const [id, fields] = entry;
    for (let i = 0; i < fields.length; i += 2) await this.#take(gateway, String(fields[i]), String(fields[i + 1]));
    await this.store.port.command('XDEL', inbox, id);
    return true;
  }

  /** It is cut off from Redis for longer than its lease: others see it dead, it delivers nothing. */
  async cutOff(gateway: Gateway): Promise<void> {
    await this.store.port.command('ZADD', this.store.keys.gateways, 1, idOf(gateway));
    this.#lose(gateway);
  }

  async kill(gateway: Gateway): Promise<void> {
    await this.store.port.command('ZADD', this.store.keys.gateways, 1, idOf(gateway));
    if (gateway.session) this.#close(gateway.session.connection);
    if (this.state.newest === gateway.session?.connection) this.state.newest = undefined;
    gateway.session = undefined;
    gateway.state = 'dead';
  }

  async bury(gateway: Gateway, leaving = false): Promise<void> {
    for (;;) {
      const how = { leaving, max: 1 };
      const { outcome } = await buryGateway(this.store.port, this.store.keys, idOf(gateway), STORE, how);
      if (outcome !== 'more') return;
    }
  }

  async #buryDead(): Promise<boolean> {
    const { keys, port } = this.store;
    const dead = (await port.command('ZRANGEBYSCORE', keys.gateways, '-inf', 1)) as string[];
    for (const id of dead) {
      const how = { leaving: false, max: 100 };
      while ((await buryGateway(port, keys, id, STORE, how)).outcome === 'more');
    }
    return dead.length > 0;
  }

  /** Joins anew, and claims what it held. */
  async rejoin(gateway: Gateway): Promise<void> {
    const previous = { ...gateway };
    await this.#join(gateway);
    await this.bury(previous, true);
    const { session } = gateway;
    if (session?.state !== 'suspended') return;
    const { epoch: resumeEpoch, sinceEpoch, holder } = session;
    const [result] = await this.#claim(gateway, { resumeEpoch, sinceEpoch, holder });
    if (result?.status === 'claimed') return this.#begin(gateway, session.connection, result, sinceEpoch);
    gateway.session = undefined;
    this.#close(session.connection);
  }

  async kick(revoke: boolean): Promise<void> {
    const how = { reason: revoke ? ('logged_out' as const) : ('kicked' as const), revoke, highestId: this.#estimate() };
    await disconnectUser(this.store.port, this.store.keys, USER, how);
    this.state.newest = undefined;
    this.state.kickedBelow = this.state.connections.length;
  }

  /** The store is what it was: everything since is forgotten, and everyone has to connect to it anew. */
  async failOver(to: Snapshot): Promise<void> {
    await this.store.restore(to);
    const { keys, port } = this.store;
    for (const gateway of this.state.gateways) {
      gateway.hasToConfirm = true;
      // Time does not go back: leases that had run out have run out.
      const ids = Array.from({ length: gateway.joins }, (_, i) => idOf({ ...gateway, joins: i + 1 }));
      const over = gateway.state === 'held' ? ids.slice(0, -1) : ids;
      for (const id of over) await port.command('ZADD', keys.gateways, 'XX', 1, id);
    }
  }

  /** What a gateway does when Redis is back: fleet/lease.ts and fleet/reconcile.ts. */
  async confirm(gateway: Gateway): Promise<void> {
    gateway.hasToConfirm = false;
    const reply = await holdLease(this.store.port, this.store.keys, this.#lease(gateway, 1));
    if (reply === 'lost' || reply.highestId < gateway.seenId) return this.#rejoinAfterLoss(gateway);
    const [now] = await readCurrentSessions(this.store.port, this.store.keys, [USER]);
    const { session } = gateway;
    if (now === undefined) return;
    if (session !== undefined) {
      if (now.sinceEpoch > session.sinceEpoch) await this.#end(gateway, false);
      else if (now.epoch !== session.epoch || now.gatewayId !== session.holder) await this.#rejoinAfterLoss(gateway);
    } else if (now.gatewayId === idOf(gateway)) await this.#release(now.epoch, idOf(gateway), false);
  }

  // --- what a gateway does

  async #rejoinAfterLoss(gateway: Gateway): Promise<void> {
    this.#lose(gateway);
    await this.rejoin(gateway);
  }

  #lose(gateway: Gateway): void {
    gateway.state = 'lost';
    if (gateway.session) gateway.session.state = 'suspended';
  }

  async #join(gateway: Gateway): Promise<void> {
    gateway.joins += 1;
    await holdLease(this.store.port, this.store.keys, this.#lease(gateway, undefined));
    gateway.state = 'held';
    gateway.hasToConfirm = false;
  }

  #lease(gateway: Gateway, sinceLastMs: number | undefined) {
    return { gatewayId: idOf(gateway), leaseMs: LEASE_MS, highestId: this.#known(gateway), sinceLastMs, fields: {} };
  }

  #estimate(): number {
    return this.state.clockMs * 1_024;
  }

  #known(gateway: Gateway): number {
    return Math.max(gateway.seenId, this.#estimate());
  }

  async #claim(gateway: Gateway, proof: ClaimRequest['proof']): Promise<ClaimResult[]> {
    const claimant = { gatewayId: idOf(gateway), highestId: this.#known(gateway) };
    const request = { userId: USER, form: this.form, proof };
    const results = await claimSessions(this.store.port, this.store.keys, claimant, STORE.offlineTtlSeconds, [request]);
    return results === 'no_lease' ? [] : results;
  }

  async #begin(
    gateway: Gateway,
    connection: number,
    claim: ClaimResult & { status: 'claimed' },
    sinceEpoch = claim.epoch,
  ): Promise<void> {
    if (this.state.epochs.includes(claim.epoch)) this.state.violations.push('an epoch was given twice');
    this.state.epochs.push(claim.epoch);
    const state = claim.predecessorHandsOver ? 'waits' : 'live';
    gateway.session = { connection, epoch: claim.epoch, sinceEpoch, holder: idOf(gateway), state, lastSent: 0 };
    if (state === 'live') await this.#replay(gateway, gateway.session);
  }

  async #replay(gateway: Gateway, session: Session): Promise<void> {
    const from = { after: '0', max: 10, lostReported: 0, waitsForNobody: false };
    const owner = { userId: USER, epoch: session.epoch };
    const page = await readMailbox(this.store.port, this.store.keys, owner, from);
    if (page === 'waits') session.state = 'waits';
    if (typeof page === 'string') return;
    session.state = 'live';
    for (const { head } of page.messages) await this.#deliver(gateway, session, head.id, true);
  }

  /** With an acknowledgement at once, where the client acknowledges. */
  async #deliver(gateway: Gateway, session: Session, id: string, isStored: boolean): Promise<void> {
    gateway.seenId = Math.max(gateway.seenId, Number(id));
    session.lastSent = Math.max(session.lastSent, Number(id));
    this.state.connections[session.connection]?.got.push(id);
    if (!isStored) return;
    const state = this.form === 'ack' ? 'acknowledged' : 'written';
    const owner = { userId: USER, epoch: session.epoch };
    await settleMessages(this.store.port, this.store.keys, [{ session: owner, state, ids: [id] }]);
  }

  async #take(gateway: Gateway, field: string, body: string): Promise<void> {
    const record = parseInboxRecord(field, body);
    const { session } = gateway;
    if (record.kind === 'mailbox') {
      if (session?.epoch === record.epoch && session.state !== 'suspended') await this.#replay(gateway, session);
    } else if (record.kind === 'close') {
      if (session?.epoch === record.epoch) await this.#end(gateway, record.successorWaits);
      else if (record.successorWaits) await this.#release(record.epoch, idOf(gateway), true);
    } else if (record.kind === 'message' && record.inboxOnly !== 'everyone') {
      const { id } = record.head;
      gateway.seenId = Math.max(gateway.seenId, Number(id));
      for (const { epoch } of record.inboxOnly) {
        if (session?.epoch === epoch && session.state === 'live') await this.#deliver(gateway, session, id, false);
        else await this.#stash(id, body);
      }
      for (const { epoch } of record.alsoInMailbox) {
        if (session?.epoch !== epoch || session.state !== 'live') continue;
        if (Number(id) > session.lastSent) await this.#deliver(gateway, session, id, true);
      }
    }
  }

  async #stash(id: string, body: string): Promise<void> {
    this.state.calls += 1;
    const message = { userIds: [USER], id, rest: '102,1100,0,"",""', body };
    await stashMessages(this.store.port, this.store.keys, STORE, [message], `stash-${this.state.calls}`, 0);
  }

  async #end(gateway: Gateway, handsOver: boolean): Promise<void> {
    const { session } = gateway;
    if (session === undefined) return;
    gateway.session = undefined;
    this.#close(session.connection);
    await this.#release(session.epoch, session.holder, handsOver);
  }

  #close(connection: number): void {
    const found = this.state.connections[connection];
    if (found) found.isOpen = false;
  }

  async #release(epoch: number, holder: string, handsOver: boolean): Promise<void> {
    this.state.calls += 1;
    const session = { userId: USER, epoch, holder };
    const call = `release-${this.state.calls}`;
    await releaseSession(this.store.port, this.store.keys, STORE, {
      session,
      highestId: 0,
      reason: 'ended',
      handsOver,
      undelivered: [],
      call,
    });
  }

  // --- the end

  /** Lets everything that is due happen, until nothing does. */
  async settle(): Promise<void> {
    for (let rounds = 0; rounds < 20; rounds += 1) {
      let didAnything = false;
      for (const gateway of this.state.gateways) {
        if (gateway.state === 'dead') continue;
        if (gateway.state === 'lost') {
          await this.rejoin(gateway);
          didAnything = true;
        } else if (gateway.hasToConfirm) {
          await this.confirm(gateway);
          didAnything = true;
        } else while (await this.read(gateway)) didAnything = true;
      }
      if (await this.#buryDead()) didAnything = true;
      if (!didAnything) return;
    }
    this.state.violations.push('it never comes to rest');
  }

  /** What is promised, when all is calm. `isWhole`: no failover has forgotten anything. */
  async judge(isWhole: boolean): Promise<void> {
    const { state, store } = this;
    const survivor = state.newest;
    const open = state.connections.filter(({ isOpen }) => isOpen).map(({ number }) => number);
    if (open.length > 1) state.violations.push(`${open.length} connections of one user are open`);
    else if (open.some((number) => number < state.kickedBelow))
      state.violations.push('a connection that was ended is open');
    // Where a takeover was forgotten, and then its connection left, the older one may stay.
    else if (survivor === undefined && open.length > 0 && isWhole)
      state.violations.push('a replaced connection is open');
    else if (survivor !== undefined && open[0] !== survivor) state.violations.push('the newest connection is closed');
    const [now] = await readCurrentSessions(store.port, store.keys, [USER]);
    const holders = state.gateways.filter(({ session }) => session !== undefined);
    const isKnown = holders.every(({ session }) => now?.epoch === session?.epoch && now?.gatewayId === session?.holder);
    if (!isKnown || (holders.length === 0 && now?.gatewayId !== undefined))
      state.violations.push('Redis has another session');
    if ((await store.port.command('HEXISTS', store.keys.user(USER), 'owing')) === 1)
      state.violations.push('somebody owes');
    if (holders.some(({ session }) => session?.state !== 'live')) state.violations.push('a session waits for ever');
    const waiting = (await store.port.command('ZRANGE', store.keys.mailbox(USER), 0, -1)) as string[];
    const [one] = open;
    const had = one === undefined ? undefined : state.connections[one]?.got;
    if (had && waiting.some((member) => !had.some((id) => member.includes(`"${id}"`)))) {
      state.violations.push('a message waits for a connection that is open');
    }
    if (!isWhole) return;
    if (new Set(state.sent).size < state.sent.length) state.violations.push('a message id was given twice');
    const firsts = [...new Set(state.connections.flatMap(({ got }) => got))];
    const wasKilled = state.gateways.some((gateway) => gateway.state === 'dead');
    for (const id of state.sent) {
      const isSomewhere = firsts.includes(id) || waiting.some((member) => member.includes(`"${id}"`));
      if (!isSomewhere && !wasKilled) state.violations.push('a message is lost');
    }
    for (const { got } of state.connections) {
      if (got.some((id, i) => i > 0 && Number(id) < Number(got[i - 1])))
        state.violations.push('messages are out of order');
    }
  }
}

function idOf({ name, joins }: Gateway): string {
  return `${name}${joins}`;
}
