#!/usr/bin/env node
// The door: plain JavaScript, so that a Node that cannot read the program can still say so.
import { existsSync } from 'node:fs';

const OLDEST = 24;
const major = Number(process.versions.node.split('.')[0]);

if (major < OLDEST) {
  process.stderr.write(
    `floodmesh needs Node ${OLDEST} or newer, and this is ${process.versions.node}. npm brought one along: start with "npm start", "npm run server" or "npm run peer -- NAME".\n`,
  );
  process.exitCode = 2;
} else {
  // In the repository the program runs as it stands; what npm delivers is compiled.
  const source = new URL('./program.ts', import.meta.url);
  await import(existsSync(source) ? source.href : new URL('../dist/bin/program.js', import.meta.url).href);
}
