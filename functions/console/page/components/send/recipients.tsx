import { AUDIENCES, audience } from '../../state/draft.ts';
import { stats } from '../../state/live.ts';
import { countText, text } from '../../texts/texts.ts';
import { UserFilter } from '../user-filter.tsx';
import { GroupTarget } from './group-target.tsx';
import { UserList } from './user-list.tsx';

export function Recipients() {
  return (
    <section class="card recipients" aria-labelledby="recipients-heading">
      <div class="card-head">
        <h2 id="recipients-heading">{text('recipients.heading')}</h2>
        <fieldset class="segments">
          <legend class="visually-hidden">{text('recipients.audience')}</legend>
          {AUDIENCES.map((one) => (
            <label key={one} class="segment">
              <input
                type="radio"
                name="audience"
                value={one}
                checked={audience.value === one}
                onChange={() => {
                  audience.value = one;
                }}
              />
              <span>{text(`recipients.${one}`)}</span>
            </label>
          ))}
        </fieldset>
      </div>
      {audience.value === 'group' && <GroupTarget />}
      {audience.value === 'everyone' && (
        <div class="everyone">
          <p>{text('recipients.everyoneLead')}</p>
          {stats.value && <p class="figure">{countText('recipients.everyoneNow', stats.value.connected)}</p>}
        </div>
      )}
      {audience.value === 'chosen' && (
        <>
          <UserFilter />
          <UserList />
        </>
      )}
    </section>
  );
}
