/** One line about a download under way: name, bar, percent, bytes, rate, time left; as much of it as fits. */
import { shown } from '../protocol/names.ts';
import type { Progress } from '../trace.ts';
import { bytes, duration, rate } from './units.ts';
import { columns, shortened } from './width.ts';

const BAR_COLUMNS = 20;
const NAME_COLUMNS = 8;

/** The line for `progress`, at most `width` columns wide. */
export function progressLine(progress: Progress, width: number): string {
  const parts = [` ${percent(progress)}`, `  ${amount(progress)}`, `  ${rate(progress.rate)}`, timeLeft(progress)];
  const figures = fitting(parts, width - NAME_COLUMNS);
  const room = width - columns(figures);
  const hasBar = room >= NAME_COLUMNS + 2 + BAR_COLUMNS;
  const name = shortened(shown(progress.name), hasBar ? room - 2 - BAR_COLUMNS : room);
  return `${name}${hasBar ? `  ${bar(share(progress), BAR_COLUMNS)}` : ''}${figures}`;
}

/** A bar of `width` columns of which `part` (0 to 1) is full, to the eighth of a column. */
export function bar(part: number, width: number): string {
  const eighths = Math.floor(Math.min(1, Math.max(0, part)) * width * 8);
  const full = Math.floor(eighths / 8);
  const tip = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'][eighths % 8] ?? '';
  const empty = width - full - (tip === '' ? 0 : 1);
  return `${'█'.repeat(full)}${tip}${'·'.repeat(empty)}`;
}

function fitting(parts: readonly string[], width: number): string {
  let line = '';
  for (const part of parts) {
    if (columns(line + part) > width) return line;
    line += part;
  }
  return line;
}

function share(progress: Progress): number {
  return progress.bytes === 0 ? 1 : Math.min(1, progress.verified / progress.bytes);
}

// Rounded down: 100 % is said of what is whole.
function percent(progress: Progress): string {
  return `${Math.floor(share(progress) * 100)}%`.padStart(4);
}

function amount(progress: Progress): string {
  return `${bytes(progress.verified)} of ${bytes(progress.bytes)}`;
}

function timeLeft(progress: Progress): string {
  if (progress.rate <= 0) return '';
  return `  ${duration(Math.ceil((progress.bytes - progress.verified) / progress.rate) * 1000)} left`;
}
