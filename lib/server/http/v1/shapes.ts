/** Schemas that several operations share. What comes in is bounded; what goes out says what it is. */
import { Type } from 'typebox';
import type { PeerId as PeerIdText } from '../../../protocol/ids.ts';

export const closed = { additionalProperties: false };

export const PeerId = Type.Unsafe<PeerIdText>(Type.String({ pattern: '^[A-Za-z0-9_-]{12}$', description: 'The id of a peer.' }));
export const NetworkName = Type.String({ minLength: 1, maxLength: 64, description: 'The name of a network, in any case.' });
export const PeerName = Type.String({ description: 'What the peer is called.' });
export const Host = Type.String({ description: 'Where the peer listens: an address or a host name.' });
export const Port = Type.Integer({ minimum: 1, maximum: 65_535 });
export const Password = Type.String({ maxLength: 1_024, description: '8 to 256 characters, and not the name.' });
/** What an account is proven with. */
export const Credentials = Type.Object({ name: Type.String({ maxLength: 256 }), password: Password }, closed);
export const Count = Type.Integer({ minimum: 0 });
export const Moment = Type.String({ format: 'date-time' });
export const Serial = Type.Integer({
  minimum: 1,
  maximum: Number.MAX_SAFE_INTEGER,
  description: 'The serial of a lease: it never names another.',
});

/** A moment on the clock of the leases, as ISO 8601 has it. */
export function moment(ms: number): string {
  return new Date(ms).toISOString();
}
