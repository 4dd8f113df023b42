/** Addresses as people write them. */
import { FloodmeshError } from '../errors.ts';
import { isHost } from '../protocol/host.ts';
import type { Address } from './transport.ts';

/** `host:port`, `[::1]:port`, or a host alone with the default port. @throws USAGE, when it is none of these. */
export function parseAddress(text: string, defaultPort: number): Address {
  const match = /^(?:\[([0-9a-f:.]+)\]|([^:[\]\s/]+))(?::(\d{1,5}))?$/i.exec(text.trim());
  const host = match?.[1] ?? match?.[2];
  const port = match?.[3] === undefined ? defaultPort : Number(match[3]);
  if (host === undefined || port < 1 || port > 65_535) {
    throw new FloodmeshError('USAGE', `"${text}" is no address`, 'an address is HOST:PORT, as 127.0.0.1:9011 or [::1]:9011');
  }
  return { host, port };
}

/** A host name or an address, in brackets or not. @throws USAGE, when it is neither. */
export function parseHost(text: string): string {
  const host = text.trim().replace(/^\[(.*:.*)\]$/, '$1');
  if (!isHost(host))
    throw new FloodmeshError('USAGE', `"${text}" is no host`, 'a host is a name or an address, as peer.example, 127.0.0.1 or ::1');
  return host;
}

/** Several addresses with commas between them. @throws USAGE, when one of them is none. */
export function parseAddresses(text: string, defaultPort: number): readonly Address[] {
  return text.split(',').map((address) => parseAddress(address, defaultPort));
}
