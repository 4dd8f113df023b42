/**
 * Trying what is offered under one name, content after content, until one comes.
 *
 * A name is anybody's to claim, and which content most members claim to have decides which is tried first: so liars who agree on one
 * that they do not have come before the right one. Where nothing of a content came, whoever offered it is not believed any more, and
 * the likeliest that others stand by is next. Each attempt so ends the credit of one member at least: no more are made than there are holders.
 */
import { named } from '../errors.ts';
import type { PeerId } from '../protocol/ids.ts';
import { type Content, stoodBy } from './choice.ts';

/** What is done with one content. */
export interface Attempts<Outcome> {
  /** Brings it; `isPatient`: waits for holders when none is left. @throws HOLDERS_GONE, NOT_FOUND, CONTENT_MISMATCH, CONTENT_CHANGED, and others. */
  bring(content: Content, isPatient: boolean): Promise<Outcome>;
  /** Another than the likeliest is tried: the one of this number, counted from 1. */
  turnsTo(number: number): void;
  /** Whether anything right came of what was tried last. */
  hasBegun(): boolean;
}

interface Failure {
  readonly content: Content;
  readonly thrown: unknown;
}

/**
 * What the first of these contents comes to that somebody has. Who is patient waits, when nobody has any, for the likeliest whose
 * holders are away: they may come back.
 * @throws what became of the likeliest; whatever is not the fault of its holders, at once.
 */
export async function likeliest<Outcome>(offers: readonly Content[], attempts: Attempts<Outcome>, isPatient: boolean): Promise<Outcome> {
  const inVain = new Set<PeerId>();
  const failures: Failure[] = [];
  const isOnly = offers.length === 1;
  for (let next = stoodBy(offers, inVain); next !== undefined; next = stoodBy(offers, inVain)) {
    const { content, number } = next;
    if (number > 1) attempts.turnsTo(number);
    try {
      return await attempts.bring(content, isPatient && isOnly);
    } catch (thrown) {
      if (isOnly || !isTheirFault(thrown)) throw thrown;
      // It is there, and its holders went: another content would be another file.
      if (attempts.hasBegun()) return await afterAll([{ content, thrown }], attempts, isPatient);
      failures.push({ content, thrown });
      for (const peer of content.holders) inVain.add(peer);
    }
  }
  return afterAll(failures, attempts, isPatient);
}

async function afterAll<Outcome>(failures: readonly Failure[], attempts: Attempts<Outcome>, isPatient: boolean): Promise<Outcome> {
  const away = isPatient ? failures.find(({ thrown }) => areGone(thrown)) : undefined;
  if (away === undefined) throw failures[0]?.thrown;
  return attempts.bring(away.content, true);
}

/** Whether nobody is left who has it: that may change. */
export function areGone(thrown: unknown): boolean {
  return ['HOLDERS_GONE', 'NOT_FOUND'].includes(named(thrown).code);
}

function isTheirFault(thrown: unknown): boolean {
  return areGone(thrown) || ['CONTENT_MISMATCH', 'CONTENT_CHANGED'].includes(named(thrown).code);
}
