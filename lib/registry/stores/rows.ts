/** What the rows of the register's tables mean. */
import { peerId } from '../../protocol/ids.ts';
import type { Lease, LeaseState } from '../lease.ts';
import type { Known, Remembered } from '../store.ts';
import type { Row } from './statements.ts';

/** The lease in the first row, if there is one. */
export function leaseIn([row]: readonly Row[]): Lease | undefined {
  return row && leaseOf(row);
}

export function leaseOf(row: Row): Lease {
  return {
    serial: Number(row.serial),
    network: String(row.network),
    port: Number(row.port),
    host: String(row.host),
    peer: peerId(String(row.peer)),
    name: String(row.name),
    foldedName: row.folded_name === null ? undefined : String(row.folded_name),
    cookieHash: String(row.cookie_hash),
    state: stateOf(row.state),
    verified: Number(row.verified),
    expiresAt: Number(row.expires_at),
    joinedAt: Number(row.joined_at),
    joinedCount: Number(row.joined_count),
    firstJoinedAt: Number(row.first_joined_at),
    account: row.account === null ? undefined : String(row.account),
  };
}

function stateOf(text: unknown): LeaseState {
  return text === 'listening' || text === 'silent' ? text : 'assigned';
}

export function rememberedIn(row: Row): Remembered {
  return { ...namedIn(row), endedAt: Number(row.ended_at) };
}

export function knownIn(row: Row): Known {
  return { ...namedIn(row), isOnline: Number(row.online) === 1, since: Number(row.since) };
}

function namedIn(row: Row): Omit<Remembered, 'endedAt'> {
  return {
    peer: peerId(String(row.peer)),
    name: String(row.name),
    foldedName: String(row.folded_name),
    host: String(row.host),
    port: Number(row.port),
    joinedCount: Number(row.joined_count),
    firstJoinedAt: Number(row.first_joined_at),
    account: row.account === null ? undefined : String(row.account),
  };
}
