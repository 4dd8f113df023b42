/**
 * Points at which a test can end this process or have the disk refuse: in the life of a download, and where the metadata server
 * writes into its register or answers. Each name of a download is reached by a test (`test/e2e/failpoints`), which fails for a
 * name that it does not reach; at those of the register servers are killed by `scripts/kills.ts`, at one pass after the other.
 *
 * `FLOODMESH_FAILPOINTS=finish.before-link=kill,verify.before-write=error:EIO@3` kills this process where a whole file is
 * about to get its name, and has the third piece fail. It is read once, when a thread starts; without it a failpoint
 * costs a look at an empty map.
 */

/** Every failpoint, in the order in which a download that is begun, killed, gone on with and finished comes by them. */
export const FAILPOINTS = [
  'begin.before-journal',
  'begin.before-heading',
  'begin.before-part',
  'begin.after-part',
  'verify.before-write',
  'verify.before-journal',
  'verify.after-journal',
  'keep.before-close',
  'clear.before-part',
  'clear.before-journal',
  'resume.before-cut',
  'resume.before-length',
  'resume.before-recheck',
  'recheck.before-read',
  'recheck.before-rewrite',
  'finish.before-rights',
  'finish.before-doubt',
  'finish.before-sync',
  'finish.before-link',
  'finish.before-folder-sync',
  'finish.after-folder-sync',
  'finish.before-learning',
  'remove.before-part',
  'remove.before-journal',
  'remove.after-journal',
] as const;

/**
 * Where the register changes: before each statement that its database is told, before and after each commit; and where an
 * answer is sent, to a renewal as to a join, over a link or over HTTP. Whatever is asked for passes them: a request has no names
 * of its own.
 */
export const REGISTER_FAILPOINTS = [
  'register.before-statement',
  'register.before-commit',
  'register.after-commit',
  'answer.before-send',
  'answer.after-send',
] as const;

export type Failpoint = (typeof FAILPOINTS)[number];
export type RegisterFailpoint = (typeof REGISTER_FAILPOINTS)[number];

interface Fault {
  /** What the disk says; undefined where the process is to die. */
  readonly code: string | undefined;
  /** How often the point is passed before. */
  left: number;
}

const { FLOODMESH_FAILPOINTS = '' } = process.env;
const armed = faults(FLOODMESH_FAILPOINTS);

/** Does nothing, unless this point is armed: then, at its turn and once, it kills this process or throws as the disk would. */
export function failpoint(name: Failpoint | RegisterFailpoint): void {
  const fault = armed.get(name);
  if (fault === undefined || fault.left-- !== 0) return;
  if (fault.code !== undefined) throw Object.assign(new Error(`${fault.code}: ${name}`), { code: fault.code });
  process.kill(process.pid, 'SIGKILL');
}

// `name=kill` or `name=error:CODE`, with `@n` for the n-th time; whatever else stands there arms nothing.
function faults(words: string): Map<string, Fault> {
  const found = words.matchAll(/(?:^|,)([a-z.-]+)=(?:kill|error:([A-Z]+))(?:@([1-9]\d*))?(?=,|$)/g);
  return new Map(Array.from(found, ([, name = '', code, turn = '1']) => [name, { code, left: Number(turn) - 1 }]));
}
