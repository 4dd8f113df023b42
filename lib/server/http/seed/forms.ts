/**
 * What peers of seed 004 may send, and what is said to whatever else comes: in the words of the library that its server uses
 * (marshmallow), because programs may look for them.
 *
 * Stricter than the seed in three things, which its own peers never do: a field that is left out is missing (the seed stores
 * the text `None`, or fails), a port is one that can be asked, and a name is no path (its peers write files under it).
 */
import { isIPv4 } from 'node:net';

/** What is wrong with each field; `_schema` is the whole. */
export type Faults = Readonly<Record<string, readonly string[]>>;

type Check = (value: unknown) => string | undefined;

const UUID = /^[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}$/i;

const text: Check = (value) => (typeof value === 'string' ? undefined : 'Not a valid string.');
const uuid: Check = (value) => (typeof value === 'string' && UUID.test(value) ? undefined : 'Not a valid UUID.');
const address: Check = (value) => (typeof value === 'string' && isIPv4(value) ? undefined : 'Not a valid IPv4 address.');
const port: Check = (value) => {
  const number = portOf(value);
  if (!Number.isInteger(number)) return 'Not a valid integer.';
  return number >= 1 && number <= 65_535 ? undefined : 'Must be greater than or equal to 1 and less than or equal to 65535.';
};
const fileName: Check = (value) => text(value) ?? (/[/\\]|^\.{0,2}$/.test(String(value)) ? 'Not a valid file name.' : undefined);

const RESOURCE: Readonly<Record<string, Check>> = {
  peer_id: uuid,
  peer_ip: address,
  peer_port: port,
  resource_name: fileName,
  resource_path: text,
  resource_hash: text,
};
const HEARTBEAT: Readonly<Record<string, Check>> = { peer_id: uuid };
const WANTED: Readonly<Record<string, Check>> = { resource_name: text };

/** A file that a peer of seed 004 offers, as it tells it. */
export interface Resource {
  readonly peer_id: string;
  readonly peer_ip: string;
  readonly peer_port: number | string;
  readonly resource_name: string;
  readonly resource_path: string;
  readonly resource_hash: string;
}

/** What is wrong with what was posted to `/resource`; undefined when it is a `Resource`. */
export function resourceFaults(body: unknown): Faults | undefined {
  return faultsIn(body, RESOURCE, Object.keys(RESOURCE));
}

/** The same of `/heartbeat`: `{peer_id}`. */
export function heartbeatFaults(body: unknown): Faults | undefined {
  return faultsIn(body, HEARTBEAT, Object.keys(HEARTBEAT));
}

/** The same of what is asked for: `{resource_name}`, or `{}` for all. */
export function wantedFaults(body: unknown): Faults | undefined {
  return faultsIn(body, WANTED, []);
}

/** The number that a port stands for; the seed takes digits, too. */
export function portOf(value: unknown): number {
  return typeof value === 'string' && /^\d{1,10}$/.test(value) ? Number(value) : typeof value === 'number' ? value : Number.NaN;
}

function faultsIn(body: unknown, checks: Readonly<Record<string, Check>>, required: readonly string[]): Faults | undefined {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return { _schema: ['Invalid input type.'] };
  const given = new Map(Object.entries(body));
  const faults: [string, string[]][] = [];
  for (const field of required) if (!given.has(field)) faults.push([field, ['Missing data for required field.']]);
  for (const [field, value] of given) {
    const fault = faultOf(checks, field, value);
    if (fault !== undefined) faults.push([field, [fault]]);
  }
  return faults.length === 0 ? undefined : Object.fromEntries(faults);
}

function faultOf(checks: Readonly<Record<string, Check>>, field: string, value: unknown): string | undefined {
  if (!Object.hasOwn(checks, field)) return 'Unknown field.';
  return value === null ? 'Field may not be null.' : checks[field]?.(value);
}
