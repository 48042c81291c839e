import { useEffect } from 'preact/hooks';
import { group } from '../../state/draft.ts';
import { groupMembers, readGroupMembers } from '../../state/group-target.ts';
import { groups } from '../../state/groups.ts';
import { countText, text } from '../../texts/texts.ts';

/** The group that the message goes to: one that exists, by name. */
export function GroupTarget() {
  const names = groups.pages.value?.items ?? [];
  useEffect(() => void readGroupMembers(), [group.value]);
  return (
    <div class="stack">
      <label class="field">
        <span>{text('recipients.groupName')}</span>
        <input
          list="known-groups"
          maxLength={128}
          autocomplete="off"
          autocapitalize="none"
          spellcheck={false}
          value={group.value}
          onInput={({ currentTarget }) => {
            group.value = currentTarget.value;
          }}
        />
      </label>
      <datalist id="known-groups">
        {names.map((name) => (
          <option key={name} value={name} />
        ))}
      </datalist>
      {groupMembers.value !== undefined && <p class="figure">{countText('groups.size', groupMembers.value)}</p>}
      <p class="muted">{text(names.length === 0 ? 'groups.none' : 'recipients.groupLead')}</p>
    </div>
  );
}
