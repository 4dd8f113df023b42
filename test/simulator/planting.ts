/**
 * Loads the simulator, and all that it runs, with a bug in it: the text of one file is changed while it is loaded.
 *
 * No bug stands in what is shipped. Each bug has a graph of modules of its own, told by `?bug=NAME` behind every address, so one
 * process can try them all.
 */
import { readFileSync } from 'node:fs';
import { registerHooks } from 'node:module';
import type { Breach } from '../../lib/simulator/world.ts';
import { BUGS, type Bug } from './bugs.ts';

const LIB = new URL('../../lib/', import.meta.url).href;
const MARK = '?bug=';

/** What a sweep over seeds came to: the first seed at which a promise was broken, and which. */
export interface Found {
  readonly seed: number;
  readonly breach: Breach;
}

let isHooked = false;

type Code = Pick<typeof import('../../lib/simulator/sweep.ts'), 'failureOf'> &
  Pick<typeof import('../../lib/simulator/trial.ts'), 'carryOut'> &
  Pick<typeof import('../../lib/simulator/planning.ts'), 'expand'>;

/** The simulator with this bug in it. */
export async function planted(bug: Bug): Promise<Code> {
  hook();
  const load = (file: string) => import(`${LIB}simulator/${file}.ts${MARK}${encodeURIComponent(bug.name)}`);
  return { ...(await load('sweep')), ...(await load('trial')), ...(await load('planning')) };
}

/** Tries the plans of up to `most` seeds with this bug in the code; undefined when none breaks a promise. */
export async function hunt(bug: Bug, most: number): Promise<Found | undefined> {
  const code = await planted(bug);
  for (let seed = 0; seed < most; seed++) {
    const found = await foundAt(seed, code);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The same, and the seed that found it before is the first. */
export async function huntAgain(bug: Bug, most: number): Promise<Found | undefined> {
  return (await foundAt(bug.seed, await planted(bug))) ?? hunt(bug, most);
}

async function foundAt(seed: number, { carryOut, expand }: Code): Promise<Found | undefined> {
  const [breach] = (await carryOut(expand(seed))).breaches;
  return breach && { seed, breach };
}

/** The text of a file with the bug in it. @throws when the right text does not stand there exactly once. */
export function infected({ name, file, right, wrong }: Bug): string {
  const text = readFileSync(new URL(file, LIB), 'utf8');
  const parts = text.split(right);
  if (parts.length !== 2) throw new Error(`the bug "${name}": its text stands ${parts.length - 1} times in lib/${file}`);
  return parts.join(wrong);
}

function hook(): void {
  if (isHooked) return;
  isHooked = true;
  registerHooks({
    resolve(specifier, context, next) {
      const resolved = next(specifier, context);
      const [, name] = context.parentURL?.split(MARK) ?? [];
      const isOurs = name !== undefined && resolved.url.startsWith(LIB) && !resolved.url.includes(MARK);
      return isOurs ? { ...resolved, url: `${resolved.url}${MARK}${name}` } : resolved;
    },
    load(url, context, next) {
      const [address = '', name] = url.split(MARK);
      const bug = name === undefined ? undefined : BUGS.find((one) => one.name === decodeURIComponent(name));
      if (bug === undefined || address !== `${LIB}${bug.file}`) return next(url, context);
      return { format: 'module-typescript', source: infected(bug), shortCircuit: true };
    },
  });
}
