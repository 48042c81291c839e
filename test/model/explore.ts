import { actions, common } from './actions.ts';
import { Protocol } from './protocol.ts';
import { type Form, initialState, type State } from './state.ts';
import { byRank, type Edit, ModelStore, type Snapshot } from './store.ts';

interface ExploreOptions {
  readonly url: string;
  readonly form: Form;
  readonly depth: number;
  /** Bugs to plant. */
  readonly edits?: readonly Edit[];
  /** Only these actions, by the beginning of their name; all by default. */
  readonly only?: readonly string[];
}

interface Exploration {
  readonly states: number;
  /** The first path that breaks a promise, and how. */
  readonly broken: { readonly path: readonly string[]; readonly violations: readonly string[] } | undefined;
}

interface Node {
  readonly state: State;
  readonly store: Snapshot;
  readonly path: readonly string[];
  /** The store after each step so far: what a failover may go back to. */
  readonly past: readonly Snapshot[];
  /** What was due before each of these. */
  readonly hasForgotten: boolean;
  readonly forgotKick: boolean;
}

/** A failover forgets so many steps at the most. */
const FORGETS = 2;

/**
 * Breadth first, so that the first broken promise has the shortest path. Each state is judged after everything that is due
 * has happened; states that are alike are looked at once.
 */
export async function explore({ url, form, depth, edits = [], only }: ExploreOptions): Promise<Exploration> {
  const store = new ModelStore(url, edits);
  const all = [...actions, ...common].filter(
    ({ name }) => only === undefined || only.some((one) => name.startsWith(one)),
  );
  const mayFailOver = only === undefined || only.includes('fail over');
  try {
    await store.clear();
    const first = new Protocol(store, form, initialState());
    await first.begin();
    const root = await store.snapshot();
    let level: Node[] = [
      { state: first.state, store: root, path: [], past: [root], hasForgotten: false, forgotKick: false },
    ];
    const known = new Set<string>();
    for (let step = 1; step <= depth; step += 1) {
      const next: Node[] = [];
      for (const node of level) {
        for (const child of await children(node)) {
          const text = byRank(JSON.stringify([child.store.text, canonicalState(child.state), child.hasForgotten]));
          if (known.has(text)) continue;
          known.add(text);
          const violations = await judge(child);
          if (violations.length > 0) return { states: known.size, broken: { path: child.path, violations } };
          next.push(child);
        }
      }
      level = next;
    }
    return { states: known.size, broken: undefined };
  } finally {
    await store.port.close();
  }

  async function children(node: Node): Promise<Node[]> {
    const found: Node[] = [];
    for (const action of all) {
      if (!action.isPossible(node.state) || (node.state.counts[action.name] ?? 0) >= action.max) continue;
      const protocol = await at(node, action.name);
      await action.run(protocol);
      found.push(await after(node, protocol, action.name, node));
    }
    if (!mayFailOver || node.hasForgotten) return found;
    for (let forgets = 1; forgets <= Math.min(FORGETS, node.path.length); forgets += 1) {
      const name = `fail over, ${forgets} forgotten`;
      const to = node.past.at(-1 - forgets);
      if (to === undefined) continue;
      const forgotten = node.path.slice(-forgets);
      const protocol = await at(node, name);
      await protocol.failOver(to);
      const forgotKick = forgotten.some((one) => one === 'kick' || one === 'revoke');
      found.push(await after(node, protocol, name, { hasForgotten: true, forgotKick }));
    }
    return found;
  }

  async function at(node: Node, name: string): Promise<Protocol> {
    await store.restore(node.store);
    const state = structuredClone(node.state);
    state.clockMs += 1_000;
    state.counts[name] = (state.counts[name] ?? 0) + 1;
    return new Protocol(store, form, state);
  }

  async function after(
    node: Node,
    { state }: Protocol,
    name: string,
    { hasForgotten, forgotKick }: Pick<Node, 'hasForgotten' | 'forgotKick'>,
  ): Promise<Node> {
    const now = await store.snapshot();
    return { state, store: now, path: [...node.path, name], past: [...node.past, now], hasForgotten, forgotKick };
  }

  async function judge(node: Node): Promise<string[]> {
    // What an operator had done is gone with the store: nothing is promised of it.
    if (node.forgotKick) return [];
    await store.restore(node.store);
    const state = structuredClone(node.state);
    state.clockMs += 1_000;
    const protocol = new Protocol(store, form, state);
    await protocol.settle();
    await protocol.judge(!node.hasForgotten);
    return state.violations;
  }
}

/** Without what differs from path to path and decides nothing. */
function canonicalState({ clockMs: _clock, calls: _calls, ...state }: State): unknown {
  return state;
}
