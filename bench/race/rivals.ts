/**
 * Whom floodmesh is measured beside: curl and aria2c, which fetch from nginx, and webtorrent, which is brought into a
 * scratch folder when it is raced, and is no dependency.
 */
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePorts } from '../../test/ports.ts';
import type { Run } from './figures.ts';
import { spent } from './mesh.ts';
import { Runner } from './runner.ts';

const SOURCES = 4;
const HOST = '127.0.0.1';

/** What a rival did with one file: the run, and where the file lies. */
export type Raced = Run & { readonly path: string };

/** nginx, one process, over a folder; it listens on four ports, so that one program takes it for four sources. */
export class Nginx {
  readonly runner: Runner;
  readonly #ports: readonly number[];

  private constructor(runner: Runner, ports: readonly number[]) {
    this.runner = runner;
    this.#ports = ports;
  }

  /** @throws when there is no nginx, or it does not serve. */
  static async start(folder: string, files: string): Promise<Nginx> {
    const ports = await freePorts(SOURCES);
    const home = join(folder, 'nginx');
    mkdirSync(home, { recursive: true });
    writeFileSync(join(home, 'nginx.conf'), settings(home, files, ports));
    const nginx = new Nginx(new Runner('nginx', ['-p', home, '-e', join(home, 'error.log'), '-c', join(home, 'nginx.conf')]), ports);
    await nginx.#answers();
    return nginx;
  }

  url(name: string, source = 0): string {
    return `http://${HOST}:${this.#ports[source]}/${name}`;
  }

  async curl(name: string, folder: string): Promise<Raced> {
    const path = join(folder, name);
    return { ...(await this.#raced(() => new Runner('curl', ['-sf', '-o', path, this.url(name)]))), path };
  }

  /** Everything in the folder of a list of names: one curl over one connection. */
  curlMany(names: readonly string[], folder: string): Promise<Run> {
    const list = join(folder, 'list');
    writeFileSync(list, names.map((name) => `url=${this.url(name)}\noutput=${join(folder, name)}\n`).join(''));
    return this.#raced(() => new Runner('curl', ['-sf', '-K', list]));
  }

  /** With SHA-256 checked at the end, as a person who wants to know that it is right has to. */
  async aria(name: string, sources: 1 | 4, sha256: string, folder: string): Promise<Raced> {
    const words = ['-q', '--no-conf', '--file-allocation=none', `--checksum=sha-256=${sha256}`, '-d', folder, '-o', name];
    const split = ['-x', '1', '-s', `${sources}`, '-k', '1M'];
    const urls = Array.from({ length: sources }, (_, source) => this.url(name, source));
    return { ...(await this.#raced(() => new Runner('aria2c', [...words, ...split, ...urls]))), path: join(folder, name) };
  }

  async #raced(start: () => Runner): Promise<Run> {
    const before = this.runner.cost;
    const began = performance.now();
    const receiver = await start().finish();
    return { ms: performance.now() - began, receiver, sender: spent(before, this.runner.cost) };
  }

  async #answers(): Promise<void> {
    const until = performance.now() + 5_000;
    for (;;) {
      const isThere = await fetch(this.url('')).then(
        () => true,
        () => false,
      );
      if (isThere) return;
      if (performance.now() > until) throw new Error('nginx does not answer');
    }
  }
}

// The usual fast settings; temporary folders of its own, because nothing outside the scratch folder is written.
function settings(home: string, files: string, ports: readonly number[]): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((kind) => `${kind}_temp_path ${join(home, kind)};`);
  return `daemon off; master_process off; worker_processes 1; pid ${join(home, 'pid')}; user root;
events { worker_connections 256; }
http {
  access_log off; sendfile on; tcp_nopush on; keepalive_requests 100000; default_type application/octet-stream;
  ${temporary.join(' ')}
  server { ${ports.map((port) => `listen ${HOST}:${port};`).join(' ')} root ${files}; }
}
`;
}

export const WEBTORRENT = 'webtorrent@1.9.7';

/** Two processes of webtorrent: one seeds, one fetches. */
export class WebTorrent {
  readonly #home: string;
  readonly #seeder: Runner;
  readonly #torrent: string;
  readonly #port: number;

  private constructor(home: string, seeder: Runner, { torrent, port }: { readonly torrent: string; readonly port: number }) {
    this.#home = home;
    this.#seeder = seeder;
    this.#torrent = torrent;
    this.#port = port;
  }

  /** Installs it, and seeds the file. @throws with what npm said, when that cannot be. */
  static async start(folder: string, file: string): Promise<WebTorrent> {
    const home = join(folder, 'webtorrent');
    mkdirSync(home, { recursive: true });
    writeFileSync(join(home, 'package.json'), '{"private":true}');
    const words = ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--silent', '--prefix', home, WEBTORRENT];
    execFileSync('npm', words, { stdio: 'pipe' });
    copyFileSync(fileURLToPath(new URL('./webtorrent.cjs', import.meta.url)), join(home, 'webtorrent.cjs'));
    const seeder = new Runner(process.execPath, [join(home, 'webtorrent.cjs'), 'seed', file]);
    const seeding = await seeder.hear((line) => (line.startsWith('{') ? JSON.parse(line) : undefined));
    return new WebTorrent(home, seeder, seeding);
  }

  async fetch(name: string, folder: string): Promise<Raced> {
    const words = [join(this.#home, 'webtorrent.cjs'), 'fetch', this.#torrent, folder, `${HOST}:${this.#port}`];
    const receiver = new Runner(process.execPath, words);
    try {
      await receiver.hear((line) => (line === 'ready' ? true : undefined));
      const before = [receiver.cost, this.#seeder.cost] as const;
      const began = performance.now();
      receiver.type('go');
      await receiver.hear((line) => (line === 'done' ? true : undefined));
      const ms = performance.now() - began;
      return { ms, receiver: spent(before[0], receiver.cost), sender: spent(before[1], this.#seeder.cost), path: join(folder, name) };
    } finally {
      await receiver.end('SIGKILL');
    }
  }
}

/** What `work` settles with, or why it cannot be done: what is missing is named, not skipped. */
export async function orWhy<Value>(work: () => Promise<Value>): Promise<Value | string> {
  try {
    return await work();
  } catch (thrown) {
    return String(thrown instanceof Error ? thrown.message : thrown).trim();
  }
}
