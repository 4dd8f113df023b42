/**
 * Made-up holders on a made-up clock, around the shipped `Download`: what the mind asks for comes after a while, or late,
 * or wrong, or never. What must never be, at whatever moment, is noted in `breaches`.
 */
import { FETCH_TICK_MS, HOLDERS_AT_ONCE, MORE_HOLDERS_MS, PIECES_AHEAD, STALL_MS } from '../../lib/config.ts';
import { type PeerId, peerId } from '../../lib/protocol/ids.ts';
import { Download, type DownloadEffect, type DownloadEvent, type LostWhy } from '../../lib/transfer/download.ts';

/** What a holder does from its `after`-th piece on. An honest one goes on; a quitter lies once, and is gone before it is found out. */
export type Habit = 'honest' | 'freezes' | 'lies' | 'leaves' | 'quits';

export interface HolderPlan {
  readonly habit: Habit;
  /** How long a piece of it takes. */
  readonly pieceMs: number;
  /** How long what is asked of it takes to get there, and the first byte back. */
  readonly latencyMs: number;
  readonly after: number;
}

export interface Plan {
  readonly pieces: number;
  readonly kept: readonly number[];
  readonly judgeMs: number;
  readonly holders: readonly HolderPlan[];
}

interface Holder {
  readonly plan: HolderPlan;
  /** Pieces asked of it, in order, and when each was. */
  readonly asked: { readonly index: number; readonly at: number }[];
  isOpen: boolean;
  isSending: boolean;
  sent: number;
  heardAt: number;
}

export class Holders {
  /** How many pieces were requested in all, and how many of these when their holder was dropped had not come. */
  requested = 0;
  lost = 0;
  /** Verdicts that a piece was wrong. */
  wrong = 0;
  now = 0;
  end: DownloadEffect | undefined;
  readonly breaches = new Set<string>();
  readonly #plan: Plan;
  readonly #download: Download;
  readonly #written: Set<number>;
  readonly #present = new Map<PeerId, Holder>();
  readonly #sent = new Map<PeerId, number>();
  readonly #exposed = new Set<PeerId>();
  #queue: { readonly at: number; readonly act: () => void }[] = [];

  constructor(plan: Plan) {
    this.#plan = plan;
    this.#download = new Download(plan.pieces);
    this.#written = new Set(plan.kept);
  }

  /** Lets time pass until the download is over, at most `atMostMs`; answers how long it took. */
  run(atMostMs: number): number {
    this.#find();
    this.#later(1, () => this.#tell({ type: 'begun', claimed: this.#plan.kept }));
    for (const [at, index] of this.#plan.kept.entries()) this.#later(2 + at, () => this.#tell({ type: 'rechecked', index, ok: true }));
    this.#tick();
    for (;;) {
      const next = this.#queue.shift();
      if (this.end !== undefined || next === undefined || next.at > atMostMs) return this.now;
      this.now = next.at;
      next.act();
    }
  }

  #find(): void {
    for (const number of this.#plan.holders.keys()) this.#tell({ type: 'providerFound', peer: holderId(number) });
    this.#later(MORE_HOLDERS_MS, () => this.#find());
  }

  // As the body does it: silence is counted from the last piece, or from when there was nothing to wait for.
  #tick(): void {
    for (const [peer, holder] of this.#present) {
      if (holder.isOpen && !this.#download.awaits(peer)) holder.heardAt = this.now;
      if (this.now - holder.heardAt > STALL_MS) this.#lose(peer, holder, 'stalled');
    }
    this.#tell({ type: 'tick' });
    this.#later(FETCH_TICK_MS, () => this.#tick());
  }

  #tell(event: DownloadEvent): DownloadEffect[] {
    const effects = this.#download.handle(event, this.now);
    for (const effect of effects) this.#perform(effect);
    return effects;
  }

  #perform(effect: DownloadEffect): void {
    switch (effect.type) {
      case 'open':
        return this.#open(effect.peer);
      case 'request':
        for (let index = effect.first; index < effect.first + effect.count; index++) this.#request(effect.peer, index);
        return;
      case 'drop':
        this.lost += this.#present.get(effect.peer)?.asked.length ?? 0;
        if (effect.why === 'lied') this.#exposed.add(effect.peer);
        this.#present.delete(effect.peer);
        return;
      case 'verify':
        return; // where the piece came, it is known what was sent
      case 'done':
      case 'failed':
        if (effect.type === 'done' && this.#written.size !== this.#plan.pieces) this.breaches.add('done, and pieces are missing');
        this.end = effect;
    }
  }

  #open(peer: PeerId): void {
    const plan = this.#plan.holders[Number(peer.slice(0, 2))];
    if (plan === undefined || this.#exposed.has(peer)) this.breaches.add(`${peer} is opened, who lied`);
    if (plan === undefined) return;
    const holder: Holder = { plan, asked: [], isOpen: false, isSending: false, sent: this.#sent.get(peer) ?? 0, heardAt: this.now };
    this.#present.set(peer, holder);
    if (this.#present.size > HOLDERS_AT_ONCE) this.breaches.add('too many holders at once');
    this.#later(2 + 2 * plan.latencyMs, () => {
      if (this.#present.get(peer) !== holder) return;
      holder.isOpen = true;
      this.#tell({ type: 'opened', peer });
    });
  }

  #request(peer: PeerId, index: number): void {
    this.requested += 1;
    const holder = this.#present.get(peer);
    if (holder === undefined) return void this.breaches.add('a piece is asked of somebody who is not there');
    if (this.#written.has(index)) this.breaches.add('a piece is asked for that is there');
    if (holder.asked.some((asked) => asked.index === index)) this.breaches.add('a piece is asked of a holder that owes it');
    holder.asked.push({ index, at: this.now });
    if (holder.asked.length > PIECES_AHEAD) this.breaches.add('too many pieces are asked ahead');
    const owing = [...this.#present.values()].filter(({ asked }) => asked.some((each) => each.index === index));
    if (owing.length > 2) this.breaches.add('more than two owe a piece');
    this.#send(peer, holder);
  }

  #send(peer: PeerId, holder: Holder): void {
    const [next] = holder.asked;
    if (next === undefined || holder.isSending) return;
    const { habit, after, pieceMs, latencyMs } = holder.plan;
    if (habit === 'leaves' && holder.sent >= after) return this.#later(latencyMs, () => this.#lose(peer, holder, 'gone'));
    if (habit === 'freezes' && holder.sent >= after) return;
    holder.isSending = true;
    this.#later(Math.max(pieceMs, next.at + latencyMs + pieceMs - this.now), () => this.#came(peer, holder, next.index));
  }

  #came(peer: PeerId, holder: Holder, index: number): void {
    if (this.#present.get(peer) !== holder) return;
    const { habit, after } = holder.plan;
    const isRight = !(habit === 'lies' || habit === 'quits') || holder.sent < after;
    holder.asked.shift();
    holder.isSending = false;
    holder.sent += 1;
    holder.heardAt = this.now;
    this.#sent.set(peer, holder.sent);
    for (const effect of this.#tell({ type: 'piece', peer })) if (effect.type === 'verify') this.#judge(peer, effect.index, index, isRight);
    if (habit === 'quits' && !isRight) this.#lose(peer, holder, 'gone');
    else this.#send(peer, holder);
  }

  #judge(peer: PeerId, index: number, sent: number, isRight: boolean): void {
    if (index !== sent) this.breaches.add('a piece is taken for another');
    if (this.#written.has(index)) this.breaches.add('a piece is judged that is there');
    this.#later(this.#plan.judgeMs, () => {
      if (isRight) this.#written.add(index);
      else {
        this.wrong += 1;
        this.#exposed.add(peer);
      }
      this.#tell({ type: 'verified', peer, index, ok: isRight });
      if (this.#download.verified > this.#written.size) this.breaches.add('more is believed to be there than is');
    });
  }

  #lose(peer: PeerId, holder: Holder, why: LostWhy): void {
    if (this.#present.get(peer) === holder) this.#tell({ type: 'providerLost', peer, why });
  }

  #later(afterMs: number, act: () => void): void {
    const entry = { at: this.now + afterMs, act };
    const after = this.#queue.findLastIndex(({ at }) => at <= entry.at);
    this.#queue.splice(after + 1, 0, entry);
  }
}

/** The id of the holder with this number. */
export function holderId(number: number): PeerId {
  return peerId(String(number).padStart(2, '0').padEnd(12, '_'));
}
