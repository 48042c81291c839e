import { useState } from 'preact/hooks';
import { cancelCommand } from '../../api/commands.ts';
import { refreshNow } from '../../state/live.ts';
import { failureText } from '../../texts/failures.ts';
import { text } from '../../texts/texts.ts';
import { announce } from '../announcer.tsx';
import { AskFirst } from '../ask-first.tsx';

interface Props {
  id: string;
  /** Recipients for whom it is scheduled or stored. */
  waiting: number;
  onDone?: () => void;
}

/** Cancels scheduled and stored messages; written ones cannot be cancelled. */
export function TakeBack({ id, waiting, onDone }: Props) {
  const [outcome, setOutcome] = useState<string>();
  const takeBack = async () => {
    const answer = await cancelCommand(id);
    const words = answer.ok
      ? text('history.takenBack', { n: answer.value.cancelled, late: answer.value.too_late })
      : failureText(answer.failure);
    setOutcome(words);
    announce(words);
    refreshNow();
    onDone?.();
  };
  return (
    <>
      {waiting > 0 && (
        <AskFirst
          label={text('history.takeBack')}
          name={text('history.takeBackOne', { id })}
          buttonClass="quiet small"
          heading={text('history.takeBackHeading')}
          consequence={text('history.takeBackConsequence', { n: waiting })}
          confirm={text('history.takeBack')}
          onConfirm={takeBack}
        />
      )}
      {outcome && <span class="muted">{outcome}</span>}
    </>
  );
}
