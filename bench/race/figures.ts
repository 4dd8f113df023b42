/** What is made of measurements: medians, spreads, and the tables that people read. */

/** One run of one runner: how long it took, and what it cost either end. */
export interface Run {
  readonly ms: number;
  readonly receiver: Cost;
  readonly sender: Cost;
}

/** CPU seconds that were used in the run; the most memory that the process ever had resident, in bytes. */
export interface Cost {
  readonly cpuSeconds: number;
  readonly peakBytes: number;
}

/** A row of a table, and of the JSON: figures by what they are called. */
export type Row = Readonly<Record<string, number | string>>;

export const MIB = 1024 * 1024;
export const GIB = 1024 * MIB;

/** The medians of `runs`, each of which brought `bytes`. */
export function row(runs: readonly Run[], bytes: number): Row {
  const gib = bytes / GIB;
  return {
    'MiB/s': round(bytes / MIB / (median(runs.map(({ ms }) => ms)) / 1_000), 1),
    seconds: round(median(runs.map(({ ms }) => ms)) / 1_000, 3),
    'slowest s': round(Math.max(...runs.map(({ ms }) => ms)) / 1_000, 3),
    'receiver CPU s/GiB': round(median(runs.map(({ receiver }) => receiver.cpuSeconds)) / gib, 2),
    'sender CPU s/GiB': round(median(runs.map(({ sender }) => sender.cpuSeconds)) / gib, 2),
    'receiver peak MiB': Math.round(Math.max(...runs.map(({ receiver }) => receiver.peakBytes)) / MIB),
    'sender peak MiB': Math.round(Math.max(...runs.map(({ sender }) => sender.peakBytes)) / MIB),
  };
}

/** The row of what could not be measured, with the reason. */
export function notMeasured(why: string): Row {
  return { 'not measured': why };
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

function quantile(values: readonly number[], part: number): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length * part)] ?? Number.NaN;
}

export function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
