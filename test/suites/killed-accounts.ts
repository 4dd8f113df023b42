/**
 * What accounts promise when the server that keeps them is killed, whatever keeps its register: who was told that an account is
 * made, a session begun or ended, a password changed, finds it so.
 *
 * A round is one server: a real process that dies at a failpoint, at the n-th time it comes by, while holders of accounts ask over
 * HTTP, each from another address in each round. Then the database itself is looked at. Whoever was cut off again and again while its
 * password was looked at has to pause, as if it had guessed.
 */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { request } from 'node:http';
import { text } from 'node:stream/consumers';
import { GUESSES_PER_ACCOUNT } from '../../lib/config.ts';
import { REGISTER_FAILPOINTS, type RegisterFailpoint } from '../../lib/failpoints.ts';
import type { Address } from '../../lib/net/transport.ts';
import { folded } from '../../lib/protocol/names.ts';
import type { AccountStore } from '../../lib/registry/account-store.ts';
import { openStore } from '../../lib/registry/stores/index.ts';
import { ScryptPasswords } from '../../lib/server/passwords.ts';
import type { Kept, Round } from './killed.ts';
import { Server } from './server.ts';

const NETWORK = 'p2p';
/** The status of who must wait. */
const TOO_MANY = 429;
/** With more accounts than this no more are made. */
const HOLDERS = 4;
/** How often a server comes by each point in a round, about: `from` when it serves, and `to` when all have been answered. */
const PASSES: Readonly<Record<RegisterFailpoint, { readonly from: number; readonly to: number }>> = {
  'register.before-statement': { from: 1, to: 100 },
  'register.before-commit': { from: 1, to: 30 },
  'register.after-commit': { from: 1, to: 60 },
  'answer.before-send': { from: 1, to: 6 },
  'answer.after-send': { from: 1, to: 6 },
};

interface Answer {
  readonly status: number;
  readonly session?: string;
}

/** Somebody with an account over all rounds, and what was promised. */
class Holder {
  readonly #name: string;
  readonly #number: number;
  #password = 'the first password';
  /** What may be the password, as the change to it was not answered. */
  #next: string | undefined;
  #isRegistered = false;
  #session: string | undefined;
  /** Those that were ended. */
  readonly #over: string[] = [];
  #acted = 0;
  #round = 0;
  /** How often in a row its password was shown and nothing answered. */
  #unanswered = 0;
  /** What it asks, until it is answered. */
  asking = '';

  constructor(number: number) {
    this.#name = `holder ${number} of an account`;
    this.#number = number;
  }

  /** Its turn at a server; rejects when that dies. Answers what it refused and must not. */
  async act(server: Address): Promise<readonly string[]> {
    this.#round += 1;
    const credentials = () => ({ name: this.#name, password: this.#password });
    if (!this.#isRegistered) {
      const { status } = await this.ask(server, 'register', 'POST', '/v1/accounts', credentials());
      if (status !== 200 && status !== 409) return [`${this.#name} was not registered: ${status}`]; // 409: it was, before the answer was cut
      this.#isRegistered = true;
    }
    if (this.#session === undefined) {
      const { status, session } = await this.#prove(server, 'login', 'POST', '/v1/session', credentials());
      this.#session = session;
      return status === 200 || this.#hasToPause(status) ? [] : [`${this.#name} was not logged in: ${status}`];
    }
    this.#acted += 1;
    return this.#acted % 2 === 1 ? this.#change(server, this.#session) : this.#logOut(server, this.#session);
  }

  async #change(server: Address, session: string): Promise<readonly string[]> {
    this.#next = `${this.#acted} times another password`;
    const body = { old: this.#password, next: this.#next };
    const { status } = await this.#prove(server, 'changePassword', 'PUT', '/v1/session/password', body, session);
    if (status === 204) this.#password = this.#next;
    this.#next = undefined;
    return status === 204 || this.#hasToPause(status) ? [] : [`the password of ${this.#name} was not changed: ${status}`];
  }

  async #prove(...asked: Parameters<Holder['ask']>): Promise<Answer> {
    this.#unanswered += 1;
    const answer = await this.ask(...asked);
    if (answer.status !== TOO_MANY) this.#unanswered = 0;
    return answer;
  }

  #hasToPause(status: number): boolean {
    return status === TOO_MANY && this.#unanswered > GUESSES_PER_ACCOUNT;
  }

  async #logOut(server: Address, session: string): Promise<readonly string[]> {
    this.#session = undefined;
    const { status } = await this.ask(server, 'logout', 'DELETE', '/v1/session', undefined, session);
    this.#over.push(session);
    return status === 204 ? [] : [`${this.#name} was not logged out: ${status}`];
  }

  async ask({ host, port }: Address, asking: string, method: string, path: string, body?: object, session = ''): Promise<Answer> {
    this.asking = asking;
    const headers = { authorization: `Bearer ${session}`, ...(body && { 'content-type': 'application/json' }) };
    const localAddress = `127.${this.#number}.${this.#round >> 8}.${this.#round & 255}`;
    const asked = request({ host, port, path, method, headers, agent: false, localAddress });
    asked.end(body && JSON.stringify(body));
    const [response] = await once(asked, 'response');
    const said = await text(response);
    this.asking = '';
    return { status: Number(response.statusCode), ...(said === '' ? {} : JSON.parse(said)) };
  }

  /** What of the promises made to it the database breaks. */
  async faults(store: AccountStore, passwords: ScryptPasswords, now: number): Promise<readonly string[]> {
    const account = await store.account(NETWORK, folded(this.#name), now);
    const opens = async (session: string) => (await store.session(NETWORK, sha256(session), now)) !== undefined;
    const faults: string[] = [];
    if (this.#isRegistered && account === undefined) faults.push(`the account of ${this.#name} is lost`);
    if (this.#session !== undefined && !(await opens(this.#session))) faults.push(`the session of ${this.#name} is lost`);
    for (const session of this.#over) if (await opens(session)) faults.push(`a session of ${this.#name} opens again`);
    if (account === undefined || (await passwords.isOf(this.#password, account.passwordHash))) return faults;
    if (this.#next === undefined || !(await passwords.isOf(this.#next, account.passwordHash)))
      return [...faults, `the password of ${this.#name} is lost`];
    this.#password = this.#next;
    return faults;
  }
}

/** Plays `count` rounds one after the other. `chance` draws from 0 up to 1: where each server dies. */
export async function* killedAccounts(
  kept: Kept,
  { count, folder, chance }: { count: number; folder: string; chance: () => number },
): AsyncGenerator<Round> {
  const holders: Holder[] = [];
  for (let number = 1; number <= count; number++) {
    const point = REGISTER_FAILPOINTS[number % REGISTER_FAILPOINTS.length] ?? 'register.before-statement';
    const { from, to } = PASSES[point];
    const turn = from + Math.floor(chance() * (to - from));
    while (holders.length < Math.min(HOLDERS, number + 1)) holders.push(new Holder(holders.length + 1));
    const words = ['--accounts', '--store', kept.url, '--port', '0'];
    const server = new Server(words, folder, { FLOODMESH_FAILPOINTS: `${point}=kill@${turn}` });
    for (const holder of holders) holder.asking = '';
    const address = await server.address;
    const outcomes = address === undefined ? [] : await Promise.allSettled(holders.map((holder) => holder.act(address)));
    const isKilled = address === undefined || outcomes.some(({ status }) => status === 'rejected');
    await server.kill();
    const cut = holders.map(({ asking }) => asking).filter((what) => what !== '');
    const broken = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? outcome.value : []));
    yield { point, turn, isKilled, cut, late: [], faults: [...broken, ...(await faultsIn(kept, holders))] };
  }
}

async function faultsIn(kept: Kept, holders: readonly Holder[]): Promise<readonly string[]> {
  const { faults } = await kept.look();
  const store = await openStore(kept.url, async () => undefined);
  const [passwords, now] = [new ScryptPasswords(), performance.timeOrigin + performance.now()];
  const broken: string[] = [];
  for (const holder of holders) broken.push(...(await holder.faults(store.accounts, passwords, now)));
  await store.close();
  return [...faults, ...broken];
}

function sha256(session: string): string {
  return createHash('sha256').update(session).digest('base64url');
}
