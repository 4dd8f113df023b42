/** One line about the downloads under way: name, bar, percent, bytes, rate, time left; as much of it as fits. */
import { shown } from '../protocol/names.ts';
import type { TransferStatus } from '../trace.ts';
import { bytes, counted, duration, rate } from './units.ts';
import { columns, shortened } from './width.ts';

const BAR_COLUMNS = 20;
const NAME_COLUMNS = 8;

interface Amount {
  readonly bytes: number;
  readonly verified: number;
}

/** The line for `transfers`, at most `width` columns wide; undefined when there are none of which anything is known. */
export function progressLine(transfers: readonly TransferStatus[], width: number): string | undefined {
  const known = transfers.filter(({ state }) => state !== 'searching');
  const [first, second] = known;
  if (first === undefined) return undefined;
  return second === undefined ? lineOfOne(first, width) : lineOfMany(known, width);
}

/** How much of it is there, in whole percent. Never 100: what is whole is no transfer any more, once it has its name. */
export function percent(amount: Amount): number {
  return Math.min(99, Math.floor(share(amount) * 100));
}

/** A bar of `width` columns of which `part` (0 to 1) is full, to the eighth of a column. */
export function bar(part: number, width: number): string {
  const eighths = Math.floor(Math.min(1, Math.max(0, part)) * width * 8);
  const full = Math.floor(eighths / 8);
  const tip = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'][eighths % 8] ?? '';
  const empty = width - full - (tip === '' ? 0 : 1);
  return `${'█'.repeat(full)}${tip}${'·'.repeat(empty)}`;
}

function lineOfOne(transfer: TransferStatus, width: number): string {
  const parts = [` ${`${percent(transfer)}%`.padStart(4)}`, `  ${amountWords(transfer)}`, ...paceWords(transfer)];
  const figures = fitting(parts, width - NAME_COLUMNS);
  const room = width - columns(figures);
  const hasBar = room >= NAME_COLUMNS + 2 + BAR_COLUMNS;
  const name = shortened(shown(transfer.name), hasBar ? room - 2 - BAR_COLUMNS : room);
  return `${name}${hasBar ? `  ${bar(share(transfer), BAR_COLUMNS)}` : ''}${figures}`;
}

function paceWords(transfer: TransferStatus): string[] {
  switch (transfer.state) {
    case 'running':
      return [`  ${rate(transfer.rate)}`, timeLeft(transfer, transfer.rate)];
    case 'waiting':
      return ['  waits for a holder'];
    case 'queued':
    case 'searching':
    case 'paused':
    case 'cancelled':
      return [`  ${transfer.state}`];
  }
}

/** `3 files, 1.2 of 4.0 GB, 80 MB/s, 40 s left, 2 queued`. What is paused or has no holder counts, but not for the time. */
function lineOfMany(transfers: readonly TransferStatus[], width: number): string {
  const all = sum(transfers);
  const going = transfers.filter(({ state }) => state === 'running' || state === 'queued');
  const perSecond = going.reduce((total, transfer) => total + transfer.rate, 0);
  const parts = [
    counted(
      transfers.reduce((total, { files }) => total + files, 0),
      'file',
    ),
    `, ${amountWords(all)}`,
    going.length === 0 ? '' : `, ${rate(perSecond)}`,
    timeLeft(sum(going), perSecond).replace('  ', ', '),
    ...(['queued', 'waiting', 'paused'] as const).map((state) => {
      const count = transfers.filter((transfer) => transfer.state === state).length;
      return count === 0 ? '' : `, ${count} ${state}`;
    }),
  ];
  return fitting(parts, width);
}

function sum(transfers: readonly Amount[]): Amount {
  return transfers.reduce((total, { bytes, verified }) => ({ bytes: total.bytes + bytes, verified: total.verified + verified }), {
    bytes: 0,
    verified: 0,
  });
}

function fitting(parts: readonly string[], width: number): string {
  let line = '';
  for (const part of parts) {
    if (columns(line + part) > width) return line;
    line += part;
  }
  return line;
}

function share({ bytes: all, verified }: Amount): number {
  return all === 0 ? 0 : Math.min(1, verified / all);
}

/** `1.2 of 4.0 GB`: the unit once, where both have it. */
export function amountWords({ bytes: all, verified }: Amount): string {
  const [, number, unit] = /^(.*) (.*)$/.exec(bytes(verified)) ?? [];
  return bytes(all).endsWith(` ${unit}`) ? `${number} of ${bytes(all)}` : `${bytes(verified)} of ${bytes(all)}`;
}

function timeLeft({ bytes: all, verified }: Amount, perSecond: number): string {
  return perSecond <= 0 ? '' : `  ${duration(Math.ceil((all - verified) / perSecond) * 1000)} left`;
}
