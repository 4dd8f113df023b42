/**
 * Which files of tests share a process.
 *
 * To start tap, and to load what a file tests, costs half a second of a processor, which is more than most files need for their
 * tests. So those of one folder run one after the other in one process. Run alone: whoever needs a process that nobody else was in.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';

const FOLDER = join('.tap', 'together');
/** Those start processes, and are slow; or stand in no folder; or plant bugs. */
const ALONE = /^test\/(e2e|docs)\/|^test\/[^/]+$|\/planted\.ts$/;
/** A file that asks for more time than tests have is no quick one. */
const ASKS_FOR_TIME = /^t\.setTimeout\(/m;

/** What tap is to run so that all of these are run: the slow ones as they are, and for each folder one file that imports its quick ones. */
export function together(files: readonly string[]): readonly string[] {
  rmSync(FOLDER, { recursive: true, force: true });
  mkdirSync(FOLDER, { recursive: true });
  const quick = files.filter((file) => !ALONE.test(file) && !ASKS_FOR_TIME.test(readFileSync(file, 'utf8')));
  const shared = Object.entries(Object.groupBy(quick, (file) => dirname(file))).map(([folder, those = []]) => written(folder, those));
  return [...shared, ...files.filter((file) => !quick.includes(file))];
}

function written(folder: string, files: readonly string[]): string {
  const path = join(FOLDER, `${relative('test', folder).replaceAll(/[\\/]/g, '-')}.ts`);
  writeFileSync(path, files.map((file) => `import ${JSON.stringify(join(relative(FOLDER, folder), basename(file)))};\n`).join(''));
  return path;
}
