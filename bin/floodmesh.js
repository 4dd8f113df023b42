#!/usr/bin/env node
// The door: plain JavaScript, so that a Node that cannot read the program can still say so.
import { existsSync, mkdirSync } from 'node:fs';
import * as module from 'node:module';
import { homedir } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';
import { setFlagsFromString } from 'node:v8';

const OLDEST = 24;
const major = Number(process.versions.node.split('.')[0]);

if (major < OLDEST) {
  process.stderr.write(
    `floodmesh needs Node ${OLDEST} or newer, and this is ${process.versions.node}. npm brought one along: start with "npm start", "npm run server" or "npm run peer -- NAME".\n`,
  );
  process.exitCode = 2;
} else {
  tidy();
  remember();
  // In the repository the program runs as it stands; what npm delivers is compiled.
  const source = new URL('./program.ts', import.meta.url);
  const program = existsSync(source) ? source.href : new URL('../dist/bin/program.js', import.meta.url).href;
  const { run } = await import(program);
  module.flushCompileCache();
  await run();
}

// Bytes pass through a peer for hours: left alone, V8 lets the space for what is soon forgotten grow to 48 MiB, and tidies up the rest
// as seldom. A peer's memory is others' memory.
function tidy() {
  setFlagsFromString('--semi-space-growth-factor=1');
  setFlagsFromString('--heap-growing-percent=20');
}

// What Node made of the sources is kept in the state folder (as in lib/disk/state), which nobody else may enter: to strip types
// costs each thread about 20 MiB, and every start some time. Threads and children find it through the environment.
function remember() {
  const { FLOODMESH_STATE: own, XDG_STATE_HOME: everyones, NODE_COMPILE_CACHE: chosen, NODE_V8_COVERAGE: measured } = process.env;
  if (chosen || measured) return;
  const state =
    own || (everyones && isAbsolute(everyones) ? join(everyones, 'floodmesh') : join(homedir(), '.local', 'state', 'floodmesh'));
  try {
    mkdirSync(state, { recursive: true, mode: 0o700 });
  } catch {
    return; // whoever needs the folder says what is wrong with it
  }
  process.env.NODE_COMPILE_CACHE = resolve(state, 'compiled');
  module.enableCompileCache(process.env.NODE_COMPILE_CACHE);
}
