/** Which lists we lack, which neighbours have them, and what has been asked of whom: one question to each neighbour at once, each list of one. */
import { LIST_PART_MS, LISTS_KNOWN } from '../../../config.ts';
import type { SharedFile } from '../../../protocol/fields.ts';
import type { PeerId } from '../../../protocol/ids.ts';
import { type Head, MAX_WANTED } from '../../../protocol/messages/link.ts';

/** One list that we lack. */
export interface Lack {
  readonly holder: PeerId;
  /** The newest version that was offered, and the oldest. */
  newest: number;
  oldest: number;
  /** Neighbours that have it, and have not failed to bring it. */
  readonly offeredBy: PeerId[];
  /** Whom it was asked of, and what was the newest version then; undefined when it is to be asked of somebody. */
  askedOf: PeerId | undefined;
  askedFor: number;
  /** What came of that: nothing yet, a part that is not the last, or something else: what is lacked still was of no use then. */
  outcome: 'nothing' | 'part' | 'other';
  /** Changes did not fit what is here. */
  isWantedWhole: boolean;
  /** Of which version these are the first files; undefined before any came. */
  head: Head | undefined;
  files: readonly SharedFile[];
}

interface Question {
  readonly askedAt: number;
  /** In the order in which they were asked for. */
  readonly lacks: readonly Lack[];
}

const NO_FILES: readonly SharedFile[] = [];
const NOTHING: readonly Lack[] = [];

export class Fetching {
  readonly #lacks = new Map<PeerId, Lack>();
  /** By neighbour: what may be asked of it next, and what is not lacked any more. */
  readonly #queues = new Map<PeerId, PeerId[]>();
  readonly #questions = new Map<PeerId, Question>();
  /** How many are asked of a neighbour whose last answer had no room for more: twice what came. */
  readonly #most = new Map<PeerId, number>();

  /** Whether nothing is lacked that anybody has. */
  get isIdle(): boolean {
    return this.#lacks.size === 0;
  }

  /** A neighbour has this version of a list, and we have none as new. */
  offered(neighbor: PeerId, holder: PeerId, version: number): void {
    const known = this.#lacks.get(holder);
    if (known?.offeredBy.includes(neighbor)) known.newest = Math.max(known.newest, version);
    else if ((this.#queues.get(neighbor)?.length ?? 0) < LISTS_KNOWN) {
      this.#enqueue(neighbor, holder);
      if (known === undefined) this.#lacks.set(holder, lackOf(holder, version, neighbor));
      else {
        known.offeredBy.push(neighbor);
        known.newest = Math.max(known.newest, version);
        known.oldest = Math.min(known.oldest, version);
      }
    }
  }

  /** The lists to ask of a neighbour now, in this order; none when it has not answered yet. */
  next(neighbor: PeerId, now: number): readonly Lack[] {
    const queue = this.#queues.get(neighbor);
    if (queue === undefined || queue.length === 0 || this.#questions.has(neighbor)) return NOTHING;
    const lacks: Lack[] = [];
    const most = this.#most.get(neighbor) ?? MAX_WANTED;
    while (lacks.length < most) {
      const holder = queue.pop();
      if (holder === undefined) break;
      const lack = this.#lacks.get(holder);
      if (lack?.askedOf !== undefined || lack?.offeredBy.includes(neighbor) !== true) continue;
      lack.askedOf = neighbor;
      lack.askedFor = lack.newest;
      lack.outcome = 'nothing';
      lacks.push(lack);
    }
    if (lacks.length > 0) this.#questions.set(neighbor, { askedAt: now, lacks });
    return lacks;
  }

  /** What that neighbour was asked for of this peer. */
  asked(holder: PeerId, neighbor: PeerId): Lack | undefined {
    const lack = this.#lacks.get(holder);
    return lack?.askedOf === neighbor ? lack : undefined;
  }

  /** This version is here; answers the neighbours that are known to have it. */
  took(holder: PeerId, version: number): readonly PeerId[] {
    const lack = this.#lacks.get(holder);
    if (lack === undefined) return [];
    if (lack.newest <= version) this.#lacks.delete(holder);
    return lack.oldest >= version ? lack.offeredBy : [];
  }

  /**
   * A neighbour has answered its question: what it brought of no use, or passed over, is asked of others; what had no room is asked
   * again, as is the rest of what came in part. Answers whether others are to be asked.
   */
  answered(neighbor: PeerId): boolean {
    const lacks = this.#questions.get(neighbor)?.lacks ?? NOTHING;
    this.#questions.delete(neighbor);
    const told = lacks.findLastIndex(({ outcome }) => outcome !== 'nothing');
    this.#most.set(neighbor, told === lacks.length - 1 ? MAX_WANTED : Math.min(MAX_WANTED, Math.max(1, 2 * (told + 1))));
    let hasFailed = false;
    for (const [index, lack] of lacks.entries()) {
      if (this.#lacks.get(lack.holder) !== lack) continue;
      if (lack.outcome === 'part' || (told !== -1 && index > told)) this.#askAgain(lack, neighbor);
      else {
        this.#fail(lack, neighbor);
        hasFailed = true;
      }
    }
    return hasFailed;
  }

  /** A neighbour is gone, and so is what it offered and was asked for. */
  lost(neighbor: PeerId): void {
    for (const about of [this.#queues, this.#questions, this.#most]) about.delete(neighbor);
    for (const lack of this.#lacks.values()) if (lack.offeredBy.includes(neighbor)) this.#fail(lack, neighbor);
  }

  /** Gives up what does not come; whether there was such. */
  giveUpLate(now: number): boolean {
    const late = [...this.#questions].filter(([, { askedAt }]) => now - askedAt >= LIST_PART_MS);
    for (const [neighbor, { lacks }] of late) {
      this.#questions.delete(neighbor);
      for (const lack of lacks) if (this.#lacks.get(lack.holder) === lack) this.#fail(lack, neighbor);
    }
    return late.length > 0;
  }

  #askAgain(lack: Lack, neighbor: PeerId): void {
    lack.askedOf = undefined;
    this.#enqueue(neighbor, lack.holder);
  }

  /** That neighbour does not bring it, unless it has offered a newer version since. */
  #fail(lack: Lack, neighbor: PeerId): void {
    const { holder, offeredBy } = lack;
    const wasAsked = lack.askedOf === neighbor;
    if (wasAsked) {
      lack.askedOf = undefined;
      lack.head = undefined;
      lack.files = NO_FILES;
      lack.isWantedWhole = false;
    }
    if (!wasAsked || lack.newest <= lack.askedFor) offeredBy.splice(offeredBy.indexOf(neighbor), 1);
    if (offeredBy.length === 0) this.#lacks.delete(holder);
    else if (wasAsked) for (const other of offeredBy) this.#enqueue(other, holder);
  }

  #enqueue(neighbor: PeerId, holder: PeerId): void {
    const queue = this.#queues.get(neighbor);
    if (queue === undefined) this.#queues.set(neighbor, [holder]);
    else queue.push(holder);
  }
}

function lackOf(holder: PeerId, version: number, neighbor: PeerId): Lack {
  return {
    holder,
    newest: version,
    oldest: version,
    offeredBy: [neighbor],
    askedOf: undefined,
    askedFor: 0,
    outcome: 'nothing',
    isWantedWhole: false,
    head: undefined,
    files: NO_FILES,
  };
}
