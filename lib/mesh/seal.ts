/**
 * What makes a member's word its own, handed to the mind: it signs and proves without knowing how.
 *
 * A body does it with real keys (`net/identity`), a simulator with texts that nobody else makes up.
 */
import type { PeerId } from '../protocol/ids.ts';
import type { Report } from '../protocol/messages/link.ts';
import { reportText, type Unsigned } from '../protocol/proofs.ts';

export interface Seal {
  /** Our public keys; our id follows from them. */
  readonly keys: string;
  /** What only we can make of `text`, and everybody can check. */
  sign(text: string): string;
  /** Whether `peer`, whose id follows from `keys`, signed `text`. */
  isSigned(peer: PeerId, keys: string, text: string, signature: string): boolean;
  /** What only we and the owner of `keys` can make of `text`, both the same; empty for what are no keys. */
  prove(keys: string, text: string): string;
  /** 22 characters of base64url that nobody finds another text for; everybody makes the same of one text. */
  digest(text: string): string;
}

/** Whether the peer that a report is about signed it. */
export function isGenuine(report: Report, seal: Pick<Seal, 'isSigned'>): boolean {
  return seal.isSigned(report.contact.peer, report.keys, reportText(report), report.signature);
}

/** A report of our own, signed. */
export function signed(report: Unsigned, seal: Pick<Seal, 'keys' | 'sign'>): Report {
  return { ...report, keys: seal.keys, signature: seal.sign(reportText(report)) };
}
