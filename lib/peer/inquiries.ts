/**
 * What this peer's strategy asks of the server: no more of it in a second, and at once, than the server takes of one link.
 *
 * What is too much waits for its turn here, in order; the time that an answer may take begins with the turn.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { INQUIRIES_AT_ONCE, INQUIRIES_PER_SECOND, INQUIRY_MS } from '../config.ts';
import { named } from '../errors.ts';
import type { Inquiry, InquiryAnswer, ServerAnswer } from '../protocol/messages/server.ts';

const SECOND_MS = 1_000;

/** Asks over the line that there is. @throws what the server refuses with; UNREACHABLE, TIMED_OUT, CANCELLED. */
type AskServer = (inquiry: Inquiry, signal: AbortSignal) => Promise<ServerAnswer>;

export class Inquiries {
  readonly #ask: AskServer;
  readonly #ending: AbortSignal;
  readonly #waiting: (() => void)[] = [];
  #underway = 0;
  /** When the last of them went out, at most as many as go out in a second, the longest ago first. */
  readonly #sentAt: number[] = [];

  constructor(ask: AskServer, ending: AbortSignal) {
    this.#ask = ask;
    this.#ending = ending;
  }

  /** The answer, a refusal being one; undefined when the server is away, or says nothing for `INQUIRY_MS`. */
  async answer(inquiry: Inquiry): Promise<InquiryAnswer | undefined> {
    await this.#turn();
    try {
      await this.#pace();
      return unnumbered(await this.#ask(inquiry, AbortSignal.timeout(INQUIRY_MS)));
    } catch (thrown) {
      const { code, message, hint } = named(thrown);
      if (code === 'UNREACHABLE' || code === 'TIMED_OUT' || code === 'CANCELLED' || code === 'STORE_AWAY') return undefined;
      return { type: 'refused', code, message, ...(hint === undefined ? {} : { hint }) };
    } finally {
      this.#next();
    }
  }

  async #turn(): Promise<void> {
    if (this.#underway >= INQUIRIES_AT_ONCE) return new Promise((resolve) => this.#waiting.push(resolve));
    this.#underway += 1;
  }

  /** Whoever waits longest takes the place of one that is over. */
  #next(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#underway -= 1;
    else next();
  }

  async #pace(): Promise<void> {
    const now = performance.now();
    const before = this.#sentAt.length < INQUIRIES_PER_SECOND ? undefined : this.#sentAt.shift();
    const sentAt = before === undefined ? now : Math.max(now, before + SECOND_MS);
    this.#sentAt.push(sentAt);
    if (sentAt > now) await pause(sentAt - now, undefined, { signal: this.#ending });
  }
}

/** Without its number; undefined for what answers no inquiry. */
function unnumbered(answer: ServerAnswer): InquiryAnswer | undefined {
  switch (answer.type) {
    case 'published':
    case 'located':
    case 'browsed':
    case 'contactList':
    case 'refused': {
      const { id: _, ...rest } = answer;
      return rest;
    }
    case 'assigned':
    case 'referred':
    case 'peerList':
    case 'left':
    case 'registered':
    case 'loggedIn':
    case 'keptAlive':
    case 'loggedOut':
    case 'passwordChanged':
      return undefined;
  }
}
