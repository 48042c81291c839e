import { refreshNow } from '../state/live.ts';
import type { PagedList } from '../state/paged.ts';
import { text } from '../texts/texts.ts';

/** A failure shows where all failures of reading show: the next round meets it too. */
export function LoadMore<T>({ list }: { list: PagedList<T> }) {
  if (list.pages.value?.cursor === undefined) return null;
  const isLoading = list.isLoadingMore.value;
  const load = async () => {
    if (await list.loadMore()) refreshNow();
  };
  return (
    <button type="button" class="more" disabled={isLoading} onClick={load}>
      {text(isLoading ? 'list.loadingMore' : 'list.more')}
    </button>
  );
}
