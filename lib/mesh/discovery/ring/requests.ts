/** Questions to members, each answered under its number by the member that was asked, or not in time. */
import type { Contact } from '../../../protocol/fields.ts';
import type { PeerId } from '../../../protocol/ids.ts';
import type { AsideMessage } from '../../../protocol/messages/aside.ts';
import type { Timer } from '../../events.ts';
import type { Turn } from './turn.ts';

/** What is asked, and what answers it. */
interface Answers {
  readonly seek: Extract<AsideMessage, { type: 'sought' }>;
  readonly around: Extract<AsideMessage, { type: 'neighborhood' }>;
  readonly holders: Extract<AsideMessage, { type: 'holding' }>;
  readonly inquire: Extract<AsideMessage, { type: 'offered' }>;
}
type Asking = keyof Answers;
export type Request = Extract<AsideMessage, { type: Asking }>;
export type Answer = Answers[Asking];
type Unnumbered<Message> = Message extends unknown ? Omit<Message, 'ask'> : never;

const ANSWERED_BY: { readonly [Type in Asking]: Answers[Type]['type'] } = {
  seek: 'sought',
  around: 'neighborhood',
  holders: 'holding',
  inquire: 'offered',
};

interface Pending {
  readonly peer: PeerId;
  readonly expected: Answer['type'];
  heard(answer: Answer | undefined, turn: Turn, isGone: boolean): void;
}

export class Requests {
  #asked = 0;
  readonly #pending = new Map<number, Pending>();

  /**
   * Asks; `heard` is told each part of the answer, or undefined, once, when it does not come, or not within `patienceMs`: also whether
   * that is because the member is gone for sure.
   */
  ask<Type extends Asking>(
    turn: Turn,
    contact: Contact,
    request: Unnumbered<Extract<Request, { type: Type }>> & { readonly type: Type },
    patienceMs: number,
    heard: (answer: Answers[Type] | undefined, turn: Turn, isGone: boolean) => void,
  ): void {
    this.#asked += 1;
    const ask = this.#asked;
    const expected = ANSWERED_BY[request.type];
    // What comes is of the expected type: `answered` lets nothing else through.
    const told: Pending['heard'] = (answer, at, isGone) => heard(answer as Answers[Type] | undefined, at, isGone);
    this.#pending.set(ask, { peer: contact.peer, expected, heard: told });
    turn.effects.push({ type: 'deliver', contact, message: { ...request, ask } as unknown as Request });
    turn.effects.push({ type: 'setTimer', timer: { of: 'discovery', task: `${TASK}${ask}` }, afterMs: patienceMs });
  }

  /** An answer came. Nobody answers for another, and only what was asked. */
  answered(from: PeerId, answer: Answer, turn: Turn): void {
    const pending = this.#pending.get(answer.ask);
    if (pending?.peer !== from || pending.expected !== answer.type) return;
    if (!('more' in answer)) this.#pending.delete(answer.ask);
    pending.heard(answer, turn, false);
  }

  /** What was asked of this peer is not answered any more. */
  undelivered(peer: PeerId, isGone: boolean, turn: Turn): void {
    for (const [ask, pending] of [...this.#pending]) if (pending.peer === peer) this.#fail(ask, isGone, turn);
  }

  timerFired(timer: Timer, turn: Turn): void {
    if (timer.of === 'discovery' && timer.task.startsWith(TASK)) this.#fail(Number(timer.task.slice(TASK.length)), false, turn);
  }

  #fail(ask: number, isGone: boolean, turn: Turn): void {
    const pending = this.#pending.get(ask);
    this.#pending.delete(ask);
    pending?.heard(undefined, turn, isGone);
  }
}

const TASK = 'ring ask ';
