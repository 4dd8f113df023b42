/**
 * Two machines with a cable between them: network namespaces joined by a pair of virtual interfaces, gone with the test.
 *
 * Needs Linux that lets whoever runs the tests make namespaces; where it does not, that is said and the tests are skipped.
 */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import type { Test } from 'tap';

export const [HERE, THERE] = ['10.77.0.1', '10.77.0.2'] as const;
export const [HERE_6, THERE_6] = ['fd00:77::1', 'fd00:77::2'] as const;

const PROBE = 'ip link add one type veth peer name other && ip rule add pref 5 ipproto tcp dport 1 sport 1 unreachable';
/** Why there are none here; false when there are. */
export const NO_MACHINES = refused('network namespaces', PROBE);
/** The same of machines with IPv6. */
export const NO_IPV6 = NO_MACHINES || refused('IPv6', `${PROBE} && ip -6 address add ${HERE_6}/64 dev one nodad`);

function refused(what: string, words: string): string | false {
  const { status, error, stderr } = spawnSync('unshare', ['-rn', 'sh', '-c', words], { encoding: 'utf8' });
  return status === 0 ? false : `no ${what} here: ${String(error?.message ?? stderr).trim()}`;
}

/** A namespace that lives until the test ends; commands are run in it by putting `within` before them. */
export class Machine {
  readonly pid: number;
  readonly #keeper: ChildProcess;

  private constructor(keeper: ChildProcess) {
    this.#keeper = keeper;
    this.pid = keeper.pid ?? 0;
  }

  static async made(t: Test, words: readonly string[]): Promise<Machine> {
    const [command = '', ...rest] = [...words, 'sh', '-c', 'echo ready; exec cat'];
    const keeper = spawn(command, rest, { stdio: ['pipe', 'pipe', 'inherit'] }); // it ends with its input, whatever becomes of us
    await once(keeper.stdout, 'data');
    const machine = new Machine(keeper);
    t.teardown(() => machine.end());
    return machine;
  }

  get within(): readonly string[] {
    return ['nsenter', '-t', String(this.pid), '-U', '-n', '--preserve-credentials'];
  }

  run(command: string): void {
    const [nsenter = '', ...rest] = this.within;
    execFileSync(nsenter, [...rest, 'sh', '-ec', command]);
  }

  async end(): Promise<void> {
    const gone = once(this.#keeper, 'exit');
    this.#keeper.stdin?.end();
    await gone;
  }
}

/** Two machines with a cable. */
export async function machines(t: Test, withIpv6 = false): Promise<{ readonly here: Machine; readonly there: Machine }> {
  const here = await Machine.made(t, ['unshare', '-rn']);
  const there = await Machine.made(t, [...here.within, 'unshare', '-n']);
  here.run(`ip link set lo up; ip link add cable type veth peer name cable netns ${there.pid}`);
  here.run(`ip address add ${HERE}/24 dev cable; ip link set cable up`);
  there.run(`ip link set lo up; ip address add ${THERE}/24 dev cable; ip link set cable up`);
  // Nobody else is on the cable, so nobody else can have the address: it is good at once.
  if (!withIpv6) return { here, there };
  here.run(`ip -6 address add ${HERE_6}/64 dev cable nodad`);
  there.run(`ip -6 address add ${THERE_6}/64 dev cable nodad`);
  return { here, there };
}
