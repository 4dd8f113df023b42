/**
 * The threads that read and verify (lib/disk/lane), kept from one test of a file to the next.
 *
 * Who uses them shares them, and the last to close ends them. So each test would start two anew, and under tap, which puts its loader
 * into every thread, each costs a quarter of a second of a processor. Here is one more user, who closes when all tests are done.
 */
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { Hasher } from '../../lib/disk/hasher.ts';

/** Starts both threads now, and keeps them for all tests of this file. */
export function keepThreads(): void {
  const hasher = new Hasher();
  hasher.expectPieces();
  const reading = hasher.hash(fileURLToPath(import.meta.url));
  t.teardown(async () => {
    await reading;
    await hasher.close();
  });
}
