import type { SeenFrame } from '../../device/simulation.ts';
import { countText, text } from '../../texts/texts.ts';

const IN_A_ROW = 16;
const HEADER = ['length', 'version', 'command_id'] as const;
const COMMANDS = [1, 2, 5, 6, 101, 102, 105] as const;

/** One frame: its header as numbers, and all of its bytes. */
export function FrameBytes({ frame }: { frame: SeenFrame }) {
  const { bytes, from, version, commandId, body } = frame;
  const header = [bytes.length, version, commandId];
  const known = COMMANDS.find((one) => one === commandId);
  return (
    <li class={`row frame-row ${from}`}>
      <p class="frame-head">
        <span class="tag">{text(`device.from.${from}`)}</span>
        <b>{known ? text(`device.command.${known}`) : commandId}</b>
        <span class="muted">{countText('compose.bytes', bytes.length)}</span>
      </p>
      <dl class="frame-header">
        {HEADER.map((name, i) => (
          <div key={name}>
            <dt class={`field-${i + 1}`}>{name}</dt>
            <dd class="mono">{header[i]}</dd>
          </div>
        ))}
      </dl>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: wide rows scroll */}
      <div class="hex mono" role="img" aria-label={text('device.bytes', { hex: hexOf(bytes) })} tabIndex={0}>
        {rowsOf(bytes).map((row) => (
          <div key={row.at} class="hex-row">
            <span class="muted">{row.at.toString(16).padStart(4, '0')}</span>
            <span class="hex-bytes">
              {row.values.map((value, i) => (
                <span key={row.at + i} class={fieldOf(row.at + i)}>
                  {value.toString(16).padStart(2, '0')}{' '}
                </span>
              ))}
            </span>
            <span class="muted">{row.values.map(printable).join('')}</span>
          </div>
        ))}
      </div>
      {body !== '' && <pre class="reply mono">{body}</pre>}
    </li>
  );
}

/** The header is three numbers of four bytes. */
function fieldOf(at: number): string {
  return at < 12 ? `field-${Math.floor(at / 4) + 1}` : 'field-body';
}

function rowsOf(bytes: Uint8Array): { at: number; values: number[] }[] {
  return Array.from({ length: Math.ceil(bytes.length / IN_A_ROW) }, (_, i) => {
    const at = i * IN_A_ROW;
    return { at, values: [...bytes.subarray(at, at + IN_A_ROW)] };
  });
}

function hexOf(bytes: Uint8Array): string {
  return [...bytes].map((value) => value.toString(16).padStart(2, '0')).join(' ');
}

function printable(value: number): string {
  return value >= 0x20 && value < 0x7f ? String.fromCharCode(value) : '·';
}
