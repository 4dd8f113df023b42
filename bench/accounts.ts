/**
 * Does a refusal tell whether a name is an account's? Wrong passwords for names that somebody has and for names that nobody has, in
 * turn, each from an address of its own, over SQLite: what the process works for each (CPU time, all threads), and how far the two
 * are apart. With a cheap hash, beside which everything else weighs more, and with the one that ships.
 */
import { ACCOUNT_MS } from '../lib/config.ts';
import { Accounts } from '../lib/registry/accounts.ts';
import { isRefusal } from '../lib/registry/registry.ts';
import { openSqlite } from '../lib/registry/stores/sqlite.ts';
import { ScryptPasswords } from '../lib/server/passwords.ts';

const ACCOUNTS = 500;
const CHEAP = { cost: 2 ** 11, block: 8, parallel: 1 };
/** Tries with each hash, half of them for known names. The one that ships takes 0.2 s of a core each. */
const TRIES = { cheap: 2_000, shipped: 200 };

export async function accounts([tries, shipped]: readonly string[] = []): Promise<object> {
  const table = {
    cheap: await measured(new ScryptPasswords(CHEAP), Number(tries ?? TRIES.cheap)),
    shipped: await measured(new ScryptPasswords(), Number(shipped ?? TRIES.shipped)),
  };
  console.table(table);
  return table;
}

async function measured(passwords: ScryptPasswords, tries: number): Promise<object> {
  const store = openSqlite(':memory:');
  const known = Math.min(ACCOUNTS, tries);
  const passwordHash = await passwords.hash('correct horse');
  for (let number = 0; number < known; number++) {
    const name = `known${number}`;
    const about = { network: 'p2p', name, foldedName: name, skeleton: name, passwordHash, endsAt: ACCOUNT_MS, most: known };
    await store.accounts.register(about, 0);
  }
  const minds = new Accounts({ store: store.accounts, network: 'p2p', passwords, draw: () => 'x'.repeat(43), hash: (text) => text });
  const costs = { known: [] as number[], unknown: [] as number[] };
  for (let number = 0; number < tries; number++) {
    const kind = number % 2 === 0 ? 'known' : 'unknown';
    const name = `${kind}${Math.floor(number / 2) % known}`;
    const before = process.cpuUsage();
    // A minute between two tries, so that nobody has to wait.
    const answer = await minds.login({ name, password: 'wrong horse', address: `10.1.${number >> 8}.${number & 255}` }, number * 60_000);
    const { user, system } = process.cpuUsage(before);
    if (!isRefusal(answer) || answer.code !== 'LOGIN_WRONG') throw new Error('a wrong password is refused');
    costs[kind].push((user + system) / 1_000);
  }
  await store.close();
  const [one, other] = [middle(costs.known), middle(costs.unknown)];
  return { tries, 'known, CPU ms': one, 'unknown, CPU ms': other, 'apart, %': Math.round((1_000 * Math.abs(one - other)) / one) / 10 };
}

/** The mean of the middle half: a machine with other work spoils single measures. */
function middle(values: readonly number[]): number {
  const sorted = values.toSorted((one, other) => one - other);
  const half = sorted.slice(sorted.length >> 2, Math.ceil(sorted.length * 0.75));
  return Math.round((1_000 * half.reduce((total, value) => total + value, 0)) / half.length) / 1_000;
}
