/** Bytes, rates and durations as people read them: two figures where they matter, decimal units as on a disk's box. */

import { FloodmeshError } from '../errors.ts';

const BYTE_UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'] as const;

/** `1234` as `1.2 kB`: a kilobyte is 1,000 bytes. */
export function bytes(count: number): string {
  let value = count;
  let unit = 0;
  // 999.5 would be rounded to 1000 of the smaller unit.
  while (rounded(value, unit) >= 1000 && unit < BYTE_UNITS.length - 1) {
    value /= 1000;
    unit++;
  }
  const text = unit > 0 && rounded(value, unit) < 10 ? value.toFixed(1) : String(Math.round(value));
  return `${text} ${BYTE_UNITS[unit]}`;
}

/** Bytes a second, as `3.1 MB/s`. */
export function rate(bytesPerSecond: number): string {
  return `${bytes(bytesPerSecond)}/s`;
}

const FACTORS: Readonly<Record<string, number>> = { '': 1, k: 1e3, m: 1e6, g: 1e9, ki: 1024, mi: 1024 ** 2, gi: 1024 ** 3 };

/** `10M` as 10,000,000 bytes a second; also `64k`, `1.5G`, `512Ki`, `2 MB/s`, in any case. @throws USAGE. */
export function parseRate(text: string): number {
  const [, number = '', factor = ''] = /^(\d+(?:\.\d+)?) ?([kmg]i?)?(?:b(?:\/s)?)?$/i.exec(text.trim()) ?? [];
  if (number !== '') return Math.round(Number(number) * (FACTORS[factor.toLowerCase()] ?? 1));
  throw new FloodmeshError('USAGE', `"${text}" is no number of bytes a second`, 'for example 10M, 64k or 2Mi');
}

/** Milliseconds as `12 ms`, `1.2 s`, `34 s`, `2 min 5 s`, `3 h 4 min` or `2 d 3 h`. */
export function duration(ms: number): string {
  if (Math.round(ms) < 1000) return `${Math.round(ms)} ms`;
  if (ms < 9_950) return `${Number((ms / 1000).toFixed(1))} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return pair(Math.floor(seconds / 60), 'min', seconds % 60, 's');
  const minutes = Math.round(seconds / 60);
  if (minutes < 24 * 60) return pair(Math.floor(minutes / 60), 'h', minutes % 60, 'min');
  const hours = Math.round(minutes / 60);
  return pair(Math.floor(hours / 24), 'd', hours % 24, 'h');
}

/** `1 peer`, `2 peers`. */
export function counted(count: number, thing: string): string {
  return `${count} ${thing}${count === 1 ? '' : 's'}`;
}

function pair(large: number, largeUnit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${large} ${largeUnit}` : `${large} ${largeUnit} ${small} ${smallUnit}`;
}

// Small figures are shown with one decimal, and 9.96 would be shown as 10.0.
function rounded(value: number, unit: number): number {
  return unit > 0 && value < 10 ? Math.round(value * 10) / 10 : Math.round(value);
}
