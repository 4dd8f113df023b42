/**
 * Lines of a limited rate between processes on one machine: each holder in a network namespace of its own (Linux, root),
 * behind a token bucket (`tc tbf`) on what it sends. The asker and the server are in the hub that all lines lead to.
 *
 * Packets are as large as they may be, so that headers do not count: what the line carries is what a file gets.
 */
import { execFileSync } from 'node:child_process';
import type { Place } from './mesh.ts';

/** 10.77.0.0/16 is private, and in the namespaces only. */
const NET = '10.77';
const PACKET_BYTES = 65_000;
/** What may be sent at once: 10 ms of 200 Mbit/s. */
const BURST = '256kb';
const LATENCY = '50ms';

export class Lines {
  readonly home: Place;
  readonly #hub = `race-${process.pid}`;
  readonly #spaces: string[] = [];

  /** @throws with what the system said, when namespaces or `tbf` cannot be had. */
  constructor() {
    const host = `${NET}.255.1`;
    this.home = { host, wrapper: this.#space(this.#hub) };
    try {
      ip('-n', this.#hub, 'address', 'add', `${host}/32`, 'dev', 'lo');
      run('ip', 'netns', 'exec', this.#hub, 'sysctl', '-qw', 'net.ipv4.ip_forward=1');
    } catch (thrown) {
      this.close();
      throw thrown;
    }
  }

  /** A new line of so many Mbit/s. */
  add(mbits: number): Place {
    const number = this.#spaces.length;
    const space = `${this.#hub}-${number}`;
    const [near, far] = [`${NET}.${number}.1`, `${NET}.${number}.2`];
    const wrapper = this.#space(space);
    ip('-n', this.#hub, 'link', 'add', `line${number}`, 'mtu', `${PACKET_BYTES}`, 'type', 'veth', 'peer', 'name', 'line', 'netns', space);
    ip('-n', space, 'link', 'set', 'line', 'mtu', `${PACKET_BYTES}`, 'up');
    ip('-n', this.#hub, 'link', 'set', `line${number}`, 'up');
    ip('-n', this.#hub, 'address', 'add', `${near}/30`, 'dev', `line${number}`);
    ip('-n', space, 'address', 'add', `${far}/30`, 'dev', 'line');
    ip('-n', space, 'route', 'add', 'default', 'via', near);
    run('tc', '-n', space, 'qdisc', 'add', 'dev', 'line', 'root', 'tbf', 'rate', `${mbits}mbit`, 'burst', BURST, 'latency', LATENCY);
    return { host: far, wrapper };
  }

  close(): void {
    for (const space of this.#spaces.splice(0)) ip('netns', 'delete', space);
  }

  #space(name: string): readonly string[] {
    ip('netns', 'add', name);
    this.#spaces.push(name);
    ip('-n', name, 'link', 'set', 'lo', 'up');
    return ['ip', 'netns', 'exec', name];
  }
}

function ip(...words: readonly string[]): void {
  run('ip', ...words);
}

function run(program: string, ...words: readonly string[]): void {
  execFileSync(program, words, { stdio: 'pipe' });
}
