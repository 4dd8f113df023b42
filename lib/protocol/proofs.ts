/**
 * What members sign and prove: texts of which no two say the same, whatever their parts hold, each with a first element that
 * keeps it from being used for anything else.
 */
import type { Provider, SharedFile, Want } from './fields.ts';
import type { PeerId, QueryId } from './ids.ts';
import type { Head, Question, Report } from './messages/link.ts';

/** A report before its owner has signed it. */
export type Unsigned = Omit<Report, 'keys' | 'signature'>;

/** The text that the owner of a report signs. Of its contact the serial is enough: the server signed the rest with that. */
export function reportText({ contact, version, neighbors, left, partial }: Unsigned): string {
  return JSON.stringify(['floodmesh report 1', contact.peer, contact.serial, version, neighbors, left === true, partial === true]);
}

/**
 * The text from whose digest the id of a wave follows, under which all but its copies go: whoever spreads another question under
 * the same query spreads another wave.
 */
export function waveText(query: QueryId, want: Question, only: PeerId | undefined): string {
  return JSON.stringify(['floodmesh wave 1', query, Object.entries(want).sort(), only ?? '']);
}

/** The text with which `answerer` proves to an asker that it answered this question. */
export function answerText(query: QueryId, want: Want, answerer: PeerId): string {
  return JSON.stringify(['floodmesh answer 1', query, Object.entries(want).sort(), answerer]);
}

/** The text with which a holder proves, or signs, that it answered this question with these files, all its own. */
export function hitsText(query: QueryId, providers: readonly Provider[]): string {
  const files = providers.map(({ peer, name, bytes, root, holds, title, number }) => {
    const called = title === undefined && number === undefined ? [] : [title ?? '', number ?? ''];
    return [peer, name, bytes, root, holds?.files ?? 0, holds?.bytes ?? 0, ...called];
  });
  return JSON.stringify(['floodmesh hits 1', query, files]);
}

/** The text that the owner of a list signs with its head. */
export function headText({ contact, version, entries, digest, left }: Omit<Head, 'keys' | 'signature'>): string {
  return JSON.stringify(['floodmesh head 1', contact.peer, contact.serial, version, entries, digest, left === true]);
}

/** The text whose digest is that of a list, in the order in which it is told. */
export function listText(files: readonly SharedFile[]): string {
  const rows = files.map(({ name, bytes, root, holds, title, number }) => {
    return [name, bytes, root, holds?.files ?? 0, holds?.bytes ?? 0, title ?? '', number ?? ''];
  });
  return JSON.stringify(['floodmesh list 1', rows]);
}

/** The text with which `speaker` proves to the other end of a new link that it has its keys; the nonces are both ends' own. */
export function helloText(acceptorNonce: string, diallerNonce: string, speaker: PeerId): string {
  return JSON.stringify(['floodmesh hello 1', acceptorNonce, diallerNonce, speaker]);
}
