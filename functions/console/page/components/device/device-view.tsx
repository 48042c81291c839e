import { useRef, useState } from 'preact/hooks';
import { type Action, type SeenFrame, Simulation } from '../../device/simulation.ts';
import { countText, text } from '../../texts/texts.ts';
import { announce } from '../announcer.tsx';
import { ViewFrame } from '../view-frame.tsx';
import { FrameBytes } from './frame-bytes.tsx';

const ACTIONS: readonly Action[] = ['verify', 'wrongToken', 'heartbeat', 'chat', 'acknowledge'];
const KEPT = 40;

/** A simulated device: the bytes that it and a gateway would write. */
export function DeviceView() {
  const simulation = useRef(new Simulation());
  const [frames, setFrames] = useState<readonly SeenFrame[]>([]);
  const [note, setNote] = useState('');
  const act = (action: Action) => {
    const made = simulation.current.act(action);
    setFrames([...made.toReversed(), ...frames].slice(0, KEPT));
    const words = made.length > 1 ? countText('device.answered', made.length - 1) : text('device.unanswered');
    setNote(words);
    announce(words);
  };
  const again = () => {
    simulation.current = new Simulation();
    setFrames([]);
    setNote('');
  };
  return (
    <ViewFrame
      heading={text('nav.device')}
      tools={
        <button type="button" class="quiet" onClick={again}>
          {text('device.again')}
        </button>
      }
    >
      <section class="card panel" aria-labelledby="device-heading">
        <h2 id="device-heading">{text('device.heading')}</h2>
        <p class="notice warn">{text('device.honest')}</p>
        <div class="actions start">
          {ACTIONS.map((action) => (
            <button
              key={action}
              type="button"
              disabled={action === 'acknowledge' && simulation.current.unacknowledged.length === 0}
              onClick={() => act(action)}
            >
              {text(`device.${action}`)}
            </button>
          ))}
        </div>
        <p class="muted">{note || text(simulation.current.isVerified ? 'device.verified' : 'device.hint')}</p>
        {frames.length === 0 ? (
          <p class="empty tall">{text('device.none')}</p>
        ) : (
          <ol class="rows frames" aria-label={text('device.frames')}>
            {frames.map((frame) => (
              <FrameBytes key={frame.number} frame={frame} />
            ))}
          </ol>
        )}
      </section>
    </ViewFrame>
  );
}
