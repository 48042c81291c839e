import { audience, chosen, group, setChosen } from '../../state/draft.ts';
import { countText, text } from '../../texts/texts.ts';

const SHOWN = 8;

/** Who the message goes to, each with a way to take them out again. */
export function ComposeTo() {
  const ids = [...chosen.value];
  if (audience.value === 'everyone') {
    return (
      <p class="to">
        <span class="muted">{text('compose.to')}</span> <span class="chip">{text('compose.toEveryone')}</span>
      </p>
    );
  }
  if (audience.value === 'group') {
    return (
      <p class="to">
        <span class="muted">{text('compose.to')}</span>{' '}
        {group.value.trim() === '' ? (
          <span class="muted">{text('compose.toNoGroup')}</span>
        ) : (
          <span class="chip">
            <bdi>{group.value.trim()}</bdi>
          </span>
        )}
      </p>
    );
  }
  if (ids.length === 0) {
    return (
      <p class="to">
        <span class="muted">{text('compose.to')}</span> <span class="muted">{text('compose.toNobody')}</span>
      </p>
    );
  }
  return (
    <div class="to">
      <span class="muted">{text('compose.to')}</span>
      <ul class="chips" aria-label={countText('compose.chosen', ids.length)}>
        {ids.slice(0, SHOWN).map((id) => (
          <li key={id} class="chip">
            <bdi>{id}</bdi>
            <button
              type="button"
              class="remove"
              aria-label={text('compose.remove', { user: id })}
              onClick={() => setChosen([id], false)}
            >
              ×
            </button>
          </li>
        ))}
        {ids.length > SHOWN && <li class="muted">{text('compose.andMore', { n: ids.length - SHOWN })}</li>}
      </ul>
      {ids.length > 1 && (
        <button type="button" class="quiet small" onClick={() => setChosen(ids, false)}>
          {text('compose.clear')}
        </button>
      )}
    </div>
  );
}
