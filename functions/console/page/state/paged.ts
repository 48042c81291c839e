import { computed, type ReadonlySignal, type Signal, signal } from '@preact/signals';
import type { Answer, Failure } from '../api/request.ts';

interface Pages<T> {
  items: readonly T[];
  /** Where the next page begins; undefined: that is all. */
  cursor: string | undefined;
  pages: number;
  /** The search that these are the answer to. */
  query: string;
}

export interface PagedList<T> {
  /** Undefined until the first answer. */
  readonly pages: Signal<Pages<T> | undefined>;
  readonly isLoadingMore: ReadonlySignal<boolean>;
  /**
   * Reads every page that is shown anew. A search that was changed meanwhile ends an older reading; a further page of
   * this one that is being loaded does not have to be asked for again: it comes with all that are before it.
   */
  refresh(query: string): Promise<Failure | undefined>;
  loadMore(): Promise<Failure | undefined>;
  forget(): void;
}

type Read<T> = (
  query: string,
  cursor: string | undefined,
  signal: AbortSignal,
) => Promise<Answer<{ items: readonly T[]; cursor: string | null | undefined }>>;

/** Empty pages that are read in one go, before the user is asked. */
const MAX_EMPTY_PAGES = 5;

export function pagedList<T>(read: Read<T>): PagedList<T> {
  const pages = signal<Pages<T> | undefined>(undefined);
  const loadingMore = signal<Promise<Failure | undefined> | undefined>(undefined);
  const isLoadingMore = computed(() => loadingMore.value !== undefined);
  let running: AbortController | undefined;

  function stop(): void {
    running?.abort();
    loadingMore.value = undefined;
  }

  async function readPages(query: string, wanted: number): Promise<Failure | undefined> {
    stop();
    const own = new AbortController();
    running = own;
    const items: T[] = [];
    let cursor: string | undefined;
    let count = 0;
    do {
      const answer = await read(query, cursor, own.signal);
      if (own.signal.aborted) return undefined;
      if (!answer.ok) return answer.failure;
      items.push(...answer.value.items);
      cursor = answer.value.cursor ?? undefined;
      count += 1;
    } while (cursor !== undefined && (count < wanted || (items.length === 0 && count < MAX_EMPTY_PAGES)));
    pages.value = { items, cursor, pages: count, query };
    return undefined;
  }

  return {
    pages,
    isLoadingMore,
    refresh: (query) => {
      const known = pages.value;
      if (known?.query !== query) return readPages(query, 1);
      return loadingMore.value ?? readPages(query, known.pages);
    },
    loadMore: async () => {
      const known = pages.value;
      if (known?.cursor === undefined) return undefined;
      const own = readPages(known.query, known.pages + 1).finally(() => {
        if (loadingMore.value === own) loadingMore.value = undefined;
      });
      loadingMore.value = own;
      return own;
    },
    forget: () => {
      stop();
      pages.value = undefined;
    },
  };
}
