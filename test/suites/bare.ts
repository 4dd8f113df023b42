/**
 * Node as people start it, for tests that start processes.
 *
 * tap puts its loader, and the measuring of what code runs, into every Node that a test starts, whatever the test hands on as
 * environment. That makes a start half as slow again, and keeps Node from using what it compiled before. What such tests promise is
 * what a process does; which lines run is measured within the tests' own processes.
 */
import { fileURLToPath } from 'node:url';

/** The words that start a program without tap in it, or in any Node that it starts: its own words follow. */
export function bare(program: string): readonly [string, ...string[]] {
  return process.platform === 'win32' ? [program] : ['env', '-u', 'NODE_OPTIONS', program];
}

/** The words that start Node without tap in it: a script and its words follow. */
export const NODE = bare(process.execPath);

/** What Node made of the sources is kept once for all tests, not once for the state folder of each. */
export const COMPILED: NodeJS.ProcessEnv = {
  NODE_COMPILE_CACHE: fileURLToPath(new URL('../../.tap/compiled', import.meta.url)),
};
