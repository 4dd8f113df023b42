/** The pool of ports of a network, as people write it: `9000-9009`, or `9000-9004,9100`. */
import { FloodmeshError } from '../errors.ts';
import { MAX_PEERS } from '../protocol/fields.ts';

/**
 * The ports that `text` names, each once, lowest first.
 * @throws USAGE, when it is no list of ports and ranges, or has more ports than a network may have peers.
 */
export function portsIn(text: string): readonly number[] {
  const ports = new Set(text.split(',').flatMap(range));
  if (ports.size > MAX_PEERS) throw unusable(text, `it has ${ports.size} ports, and a network has at most ${MAX_PEERS} peers`);
  return [...ports].sort((one, other) => one - other);
}

function range(text: string): readonly number[] {
  const match = /^\s*(\d{1,5})\s*(?:-\s*(\d{1,5})\s*)?$/.exec(text);
  const first = Number(match?.[1]);
  const last = Number(match?.[2] ?? match?.[1]);
  if (!(first >= 1 && last <= 65_535 && first <= last)) throw unusable(text, 'ports are numbers from 1 to 65535');
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}

function unusable(text: string, why: string): FloodmeshError {
  return new FloodmeshError('USAGE', `"${text.slice(0, 64)}" is no pool of ports: ${why}`, 'write it like 9000-9009 or 9000-9004,9100');
}
